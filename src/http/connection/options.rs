//! What a server is told.

use std::time::Duration;

use super::instruments::ConnectionInstruments;
use crate::drain::Drain;

/// How [`serve`](super::serve) counts, when it stops and how long that may take.
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct ServerOptions {
    pub(super) instruments: ConnectionInstruments,
    pub(super) drain: Drain,
    pub(super) grace: Duration,
    pub(super) head_timeout: Duration,
}

impl ServerOptions {
    /// Chosen: fits into the 30 s that orchestrators give a process by default, with room for a drain delay and a
    /// flush.
    pub const GRACE: Duration = Duration::from_secs(20);

    /// nginx's default. Longer than the 60 s for which load balancers keep an idle connection by default: a server
    /// that closes first makes them send requests into a closing connection, which clients see as a 502.
    pub const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

    /// Stops at [`Phase::Closing`](crate::drain::Phase::Closing) of `drain`, with the default times.
    pub fn new(instruments: ConnectionInstruments, drain: Drain) -> Self {
        Self { instruments, drain, grace: Self::GRACE, head_timeout: Self::HEAD_TIMEOUT }
    }

    /// How long connections may take to end by themselves once the server closes. Default: [`Self::GRACE`].
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long a client may take to send a request's head, or leave an HTTP/1 connection idle; after the first request
    /// up to a quarter longer, so that no request has to set a timer. Default: [`Self::HEAD_TIMEOUT`].
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }
}
