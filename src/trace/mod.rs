//! Which request this is: W3C trace context and request ids, in and out.
//!
//! ```text
//! headers -> TraceContext::from_headers -> request extension, ambient context, span
//!         <- x-request-id, traceresponse ; outgoing calls <- TraceContext::add_to_call
//! ```
//!
//! The trace layer enters a request's context around every poll, so [`current`] answers anywhere below it. Work that
//! leaves the request takes the context along:
//!
//! ```
//! use aistm7_monitoring::trace::{self, TraceContext};
//!
//! # async fn work() {}
//! # fn spawn<F>(_: F) {}
//! let context = TraceContext::new_root();
//! let _entered = context.enter();
//! if let Some(context) = trace::current() {
//!     spawn(context.scope(work())); // tokio::spawn, a channel's consumer, another thread
//! }
//! ```

mod context;
mod id;
mod propagation;
mod request_id;
mod traceparent;
mod tracestate;

pub(crate) use context::current_sampled_span;
#[cfg(feature = "log")]
pub(crate) use context::current_trace_id;
#[cfg(any(feature = "database", feature = "http"))]
pub(crate) use context::enter_only;
#[cfg(feature = "http")]
pub(crate) use context::is_current;
pub use context::{Entered, Scoped, TraceContext, current};
pub(crate) use id::SampledSpan;
pub use id::{SpanId, TraceFlags, TraceId};
pub use propagation::{TRACEPARENT, TRACERESPONSE, TRACESTATE, X_REQUEST_ID};
pub use request_id::RequestId;
pub use traceparent::Traceparent;
pub use tracestate::TraceState;
