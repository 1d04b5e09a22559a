//! Free ports of the loopback interface.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where ports are taken from: above the default ports of known servers, and below the range from which Linux takes the
/// ports of outgoing connections. So no connection takes the port of a killed server before it is back, not even the
/// connection of a client that retries to reach it (which, inside that range, can end up connected to itself).
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// How many ports a server tries before the test fails.
const TRIES: usize = 5;

/// Why a server did not start.
pub(crate) enum StartError {
    /// Somebody bound the port after it was found free.
    PortTaken,
    /// Another port would not help.
    Failed(String),
}

/// The loopback address with this port.
pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A port on which nobody listens. No two calls in one process give the same one (until all have been given).
pub(crate) fn free_port() -> u16 {
    // Processes that run at the same time start apart; a clash is only another try.
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(process::id() % 120).expect("a number below 120 fits") * 100;
    (0..COUNT)
        // Relaxed: only the distinctness of the numbers matters.
        .map(|_| GIVEN.fetch_add(1, Ordering::Relaxed) % COUNT)
        .map(|offset| FIRST + (start + offset) % COUNT)
        .find(|&port| TcpListener::bind(loopback(port)).is_ok())
        .expect("one of twelve thousand ports is free")
}

/// Starts something on a free port, and on another one when somebody was faster.
///
/// # Panics
/// When it fails for another reason, or on every port tried.
#[track_caller]
pub(crate) fn on_free_port<T>(mut start: impl FnMut(u16) -> Result<T, StartError>) -> T {
    for _ in 0..TRIES {
        match start(free_port()) {
            Ok(started) => return started,
            Err(StartError::PortTaken) => {}
            Err(StartError::Failed(why)) => panic!("{why}"),
        }
    }
    panic!("{TRIES} ports in a row were taken between finding and binding them");
}
