//! What a user chooses of the access log.

use std::time::Duration;

use crate::error::InvalidValue;
use crate::trace::Share;

/// One event a finished request, of target [`AccessLog::TARGET`]. Off unless asked for.
///
/// The event is written when the request ends (for a body, at its end, whoever ends it) and belongs to the request's
/// own trace, also when the client left or the service panicked. Routes that are not measured write none; layers
/// applied twice write one.
///
/// | field | is |
/// |---|---|
/// | `method` | the label of the metrics: an unknown one is `_OTHER` |
/// | `route` | the route's template, never the path |
/// | `status` | absent without a response head |
/// | `outcome` | that of `api_requests_total` |
/// | `duration_seconds` | until the end of the body, the client's pace included; of an upgrade, until it |
/// | `head_seconds` | until the response head; absent without one |
/// | `response_bytes` | of the body, as it was handed on to be sent; a partial body's part |
///
/// | request | level |
/// |---|---|
/// | an error: what `api_errors_total` counts, by [`HttpOptions::errors`](super::super::HttpOptions::errors) if it is set, and every panic | ERROR |
/// | slow: see [`AccessLog::slow_after`] | WARN |
/// | any other, and whatever was answered with a 4xx, which is the client's matter | INFO |
///
/// Errors and slow requests are always written, of the others a share: see [`AccessLog::sample`]. What that leaves out
/// is counted in `api_access_log_sampled_out_total`.
///
/// No query, header or path is shown but what a method below asks for, and queries, `authorization` and cookies never.
///
/// Cost: nothing but a branch when it is off; a counter's increment for a request that is left out; for one that is
/// written an event without an allocation. If path, user agent or peer are shown, one allocation a request, and one for
/// each of these texts that nothing shares yet (a server's are parts of what it read, which is shared).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
/// use std::time::Duration;
///
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::http::AccessLog;
///
/// let log = AccessLog::new().sample(0.1).slow_after(Duration::from_millis(250)).path();
/// let monitoring = Monitoring::builder("orders").access_log(log).build()?;
/// let refused = Monitoring::builder("orders").access_log(AccessLog::new().sample(10.0)).build();
/// assert!(refused.unwrap_err().to_string().contains("0.0 to 1.0"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "it is off until a layer is built with it"]
pub struct AccessLog {
    pub(super) share: f64,
    pub(super) slow_after: Duration,
    pub(super) shown: Shown,
}

/// What is shown of a request beyond what its metrics say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shown {
    pub(super) path: bool,
    pub(super) user_agent: bool,
    pub(super) peer: bool,
    pub(super) request_id: bool,
    pub(super) trace_id: bool,
}

impl AccessLog {
    /// The target of the events, for directives such as `info,aistm7_monitoring::access=warn`.
    pub const TARGET: &str = concat!(env!("CARGO_CRATE_NAME"), "::access");

    /// 500 ms: past it the guide calls response times degraded.
    pub const DEFAULT_SLOW_AFTER: Duration = Duration::from_millis(500);

    /// Longest path or user agent that is shown, in bytes; what is longer is cut.
    pub const LONGEST_TEXT: usize = 1024;

    /// Every request, slow after [`AccessLog::DEFAULT_SLOW_AFTER`], without path, user agent and peer.
    pub fn new() -> Self {
        Self { share: 1.0, slow_after: Self::DEFAULT_SLOW_AFTER, shown: Shown::default() }
    }

    /// The share of the requests that are written although they are neither errors nor slow, 0.0 to 1.0. Default: 1.0,
    /// all of them: some 350 bytes each, of which the log's buffer takes what it has room for and counts the rest.
    ///
    /// The trace id decides, by its 56 random bits as OpenTelemetry's consistent sampling does, so every service that
    /// samples alike writes the same traces, and a larger share holds all of a smaller one's. A caller that chooses its
    /// trace ids thereby chooses whether its unremarkable requests are written. Without a trace, chance decides.
    pub fn sample(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// How long a response head may take, or a client wait in vain for one, until the request is slow. Event streams
    /// and upgrades never are. Default: [`AccessLog::DEFAULT_SLOW_AFTER`].
    pub fn slow_after(self, slow_after: Duration) -> Self {
        Self { slow_after, ..self }
    }

    /// Shows `path`: percent-encoded as it came, without the query, at most [`AccessLog::LONGEST_TEXT`] bytes. It has
    /// whatever ids the routes have in it.
    pub fn path(mut self) -> Self {
        self.shown.path = true;
        self
    }

    /// Shows `user_agent`, at most [`AccessLog::LONGEST_TEXT`] bytes.
    pub fn user_agent(mut self) -> Self {
        self.shown.user_agent = true;
        self
    }

    /// Shows `peer`, the address and port of the connection's other end, if the server gives axum's
    /// `ConnectInfo<SocketAddr>` to requests, as [`serve`](super::super::serve) does. Behind a proxy it is the proxy's.
    #[cfg(feature = "axum")]
    pub fn peer(mut self) -> Self {
        self.shown.peer = true;
        self
    }

    /// Shows `request_id`, that of the response's `x-request-id`.
    pub fn request_id(mut self) -> Self {
        self.shown.request_id = true;
        self
    }

    /// Shows `trace_id`, for a subscriber of the host's: lines of this crate's log say `traceId` by themselves.
    pub fn trace_id(mut self) -> Self {
        self.shown.trace_id = true;
        self
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// When the share is not 0.0 to 1.0.
    pub(in crate::http) fn check(&self) -> Result<(), InvalidValue> {
        self.checked_share().map(drop)
    }

    pub(super) fn checked_share(&self) -> Result<Share, InvalidValue> {
        Share::of("share of the access log", self.share)
    }
}

impl Default for AccessLog {
    fn default() -> Self {
        Self::new()
    }
}
