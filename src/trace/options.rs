//! What a service chooses of its traces: whom it believes, and how many it samples.

use std::fmt;

use http::header::HeaderMap;
use http::{Extensions, Request};

use super::foreign::TraceSource;
use super::rules::{Boundary, Rules, TraceRules};
use super::sampling::Share;
use crate::diagnostics::Diagnostics;
use crate::error::InvalidValue;

/// How traces begin and go on. The default: every caller's valid `traceparent` is continued, and all traces that begin
/// here are sampled.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::trace::{Restart, TraceOptions, TraceSource};
///
/// # #[derive(Clone)] struct FromOurNetwork;
/// let options = TraceOptions::new()
///     .accept(TraceSource::B3)
///     .accept(TraceSource::AmazonTraceId)
///     .sample(0.1)
///     .restart_unless(Restart::Trace, |caller| caller.extensions.get::<FromOurNetwork>().is_some());
/// let monitoring = Monitoring::builder("orders").trace(options).build()?;
/// let refused = Monitoring::builder("orders").trace(TraceOptions::new().sample(10.0)).build();
/// assert!(refused.unwrap_err().to_string().contains("0.0 to 1.0"));
/// # Ok(())
/// # }
/// ```
#[must_use = "options do nothing until a layer is built with them"]
pub struct TraceOptions {
    sources: Vec<TraceSource>,
    share: f64,
    restart: Option<(Restart, Trusts)>,
}

/// Whether a caller is trusted; `None` for a service that trusts nobody.
pub(super) type Trusts = Option<Box<dyn for<'r> Fn(Caller<'r>) -> bool + Send + Sync>>;

/// What is not taken over from callers that are not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// The trace: ids, sampling and `tracestate`. A sane `x-request-id` is kept, so that a client can quote its own.
    Trace,
    /// The trace and `x-request-id`.
    TraceAndRequestId,
}

/// Who sends a request, for the rule that says whether he is trusted.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Caller<'r> {
    /// The request's headers. What a client can send proves nothing.
    pub headers: &'r HeaderMap,
    /// What the server and layers further out have put there, such as axum's `ConnectInfo`.
    pub extensions: &'r Extensions,
}

impl<'r> Caller<'r> {
    /// That of a request.
    pub fn of<B>(request: &'r Request<B>) -> Self {
        Self { headers: request.headers(), extensions: request.extensions() }
    }
}

impl TraceOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self { sources: Vec::new(), share: 1.0, restart: None }
    }

    /// Reads another format too, where there is no valid `traceparent`. May be called for several.
    pub fn accept(mut self, source: TraceSource) -> Self {
        self.sources.push(source);
        self
    }

    /// The share of the traces that begin here which is sampled, 0.0 to 1.0. Default: 1.0, all of them.
    ///
    /// A caller's decision is kept, also one against sampling. The trace id decides about the others, by its 56 random
    /// bits as OpenTelemetry's consistent sampling does, so that services which sample alike agree. Lines of the log
    /// have their trace id in any case; exemplars are of sampled traces only.
    pub fn sample(self, share: f64) -> Self {
        Self { share, ..self }
    }

    /// Starts a new trace for every request, as at the edge to the internet, where anybody could send ids.
    pub fn restart(self, what: Restart) -> Self {
        Self { restart: Some((what, None)), ..self }
    }

    /// Starts a new trace for the requests of callers that a rule does not trust. It runs for every request, so it
    /// should be quick. If it panics, the caller is not trusted.
    pub fn restart_unless(
        self,
        what: Restart,
        trusts: impl for<'r> Fn(Caller<'r>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { restart: Some((what, Some(Box::new(trusts)))), ..self }
    }

    /// Checks the options and makes rules of them, which `http::TraceLayer` takes.
    ///
    /// # Errors
    /// When the share is not 0.0 to 1.0.
    pub fn build(mut self, diagnostics: &Diagnostics) -> Result<TraceRules, InvalidValue> {
        // The order in which they go before each other.
        self.sources.sort();
        self.sources.dedup();
        let boundary = self.restart.map(|(what, trusts)| Boundary { what, trusts, diagnostics: diagnostics.clone() });
        let share = Share::of("share of sampled traces", self.share)?;
        Ok(Rules { sources: self.sources, share, boundary }.into())
    }
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TraceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restart = self.restart.as_ref().map(|(what, _)| what);
        let mut shown = f.debug_struct("TraceOptions");
        shown.field("sources", &self.sources).field("share", &self.share).field("restart", &restart);
        shown.finish_non_exhaustive()
    }
}
