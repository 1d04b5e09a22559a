//! Which request this is: W3C trace context and request ids, in and out.
//!
//! ```text
//! headers -> TraceRules: traceparent, else what TraceOptions accept, else a new trace -> TraceContext
//!                 TraceContext -> request extension, ambient context, span
//!         <- x-request-id, traceresponse ; outgoing calls <- TraceContext::add_to_call
//! ```
//!
//! The trace layer enters a request's context around every poll, so [`current`] answers anywhere below it. Work that
//! leaves the request takes it along by one word, [`Traced`]:
//!
//! ```
//! use aistm7_monitoring::trace::{Traced, traced};
//!
//! # async fn report() {}
//! # fn crunch() {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! tokio::spawn(report().traced());
//! tokio::task::spawn_blocking(traced(crunch));
//! std::thread::spawn(traced(crunch));
//!
//! let (sender, receiver) = std::sync::mpsc::channel();
//! sender.send("an order".traced())?;
//! let (order, _entered) = receiver.recv()?.enter(); // or `map`, for work that is not synchronous
//! # assert_eq!(order, "an order");
//! # Ok(())
//! # }
//! ```
//!
//! [`TraceOptions`] say which callers are believed and how many traces are sampled.

mod context;
mod foreign;
mod id;
mod options;
mod propagation;
mod request_id;
mod rules;
mod sampling;
#[cfg(feature = "http")]
mod spans;
mod text;
mod traced;
mod traceparent;
mod tracestate;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use context::current_sampled_span;
#[cfg(feature = "log")]
pub(crate) use context::current_trace_id;
#[cfg(any(feature = "database", feature = "http"))]
pub(crate) use context::enter_only;
#[cfg(feature = "http")]
pub(crate) use context::is_current;
pub use context::{Entered, TraceContext, current};
pub use foreign::TraceSource;
pub(crate) use id::SampledSpan;
pub use id::{SpanId, TraceFlags, TraceId};
pub use options::{Caller, Restart, TraceOptions};
#[cfg(feature = "http")]
pub(crate) use propagation::Carried;
pub use propagation::{TRACEPARENT, TRACERESPONSE, TRACESTATE, X_REQUEST_ID};
pub use request_id::RequestId;
pub use rules::TraceRules;
#[cfg(feature = "http")]
pub(crate) use sampling::Share;
#[cfg(feature = "http")]
pub(crate) use spans::{MeasuredSpan, SpanSink, Target};
pub use traced::{InTrace, TraceGuard, Traced, traced};
pub use traceparent::Traceparent;
pub use tracestate::TraceState;
