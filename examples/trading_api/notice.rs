//! What is told to the person at the terminal. Standard output is the log and nothing else.

use std::fmt::{self, Display};
use std::io::Write;

use std::net::SocketAddr;

use crate::stand_in::StandIn;

/// Writes a text to standard error. A closed one is no reason to stop serving.
pub(crate) fn tell(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The URLs to open.
pub(crate) struct Serving<'a> {
    pub(crate) api: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) stand_ins: &'a [StandIn],
}

impl Display for Serving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, admin, stand_ins } = self;
        writeln!(f, "trading_api is serving:")?;
        for path in [
            "/health",
            "/api/v1/portfolios/1",
            "/api/v1/portfolios/1/risk",
            "/api/v1/wallets/9SSxY6BVScJy9uUxcJnTPkyRFA6CAFjF1YveCHK1ATbQ/access",
            "/api/v1/stream",
        ] {
            writeln!(f, "  http://{api}{path}")?;
        }
        writeln!(f, "  ws://{api}/ws/prices")?;
        write!(f, "  http://{admin}/metrics")?;
        for stand_in in *stand_ins {
            write!(
                f,
                "\n{} is a stand-in at {}; to make it fail: curl -d '{{\"mode\":\"hang\"}}' {}",
                stand_in.name, stand_in.url, stand_in.control
            )?;
        }
        Ok(())
    }
}
