//! What is told to the person at the terminal, on standard error: standard output is the log and nothing else.

use std::fmt::{self, Display};
use std::io::Write;
use std::net::SocketAddr;

use aistm7_monitoring::monitoring::Flushed;

use crate::stand_in::StandIn;
use crate::store::seed;

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
        for path in ["/health", "/api/v1/portfolios/1", "/api/v1/portfolios/1/risk", "/api/v1/stream"] {
            writeln!(f, "  http://{api}{path}")?;
        }
        writeln!(f, "  http://{api}/api/v1/wallets/{}/access", seed::LEDGER[0].wallet)?;
        writeln!(f, "  ws://{api}/ws/prices")?;
        writeln!(f, "  http://{admin}/health")?;
        writeln!(f, "  http://{admin}/alerts")?;
        write!(f, "  http://{admin}/metrics")?;
        for StandIn { name, url, control, .. } in *stand_ins {
            write!(f, "\nThe {name} is a stand-in, {url}; to make it fail:")?;
            write!(f, "\n  curl -d '{{\"mode\":\"hang\"}}' {control}")?;
        }
        Ok(())
    }
}

/// How the end went.
pub(crate) struct Stopped(pub(crate) Flushed);

impl Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flushed { log_lines_written, log_lines_lost, streams_ended, websockets_closed, .. } = self.0;
        write!(
            f,
            "trading_api stopped: {log_lines_written} log lines written, {log_lines_lost} lost; \
             {streams_ended} event streams ended, {websockets_closed} WebSockets closed"
        )
    }
}
