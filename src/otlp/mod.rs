//! Export to a collector of OpenTelemetry: spans, and logs if asked for, over OTLP (HTTP, protobuf).
//!
//! ```text
//! request, call (http/) ---- SpanSink --.
//! span of tracing -- OtlpLayer ---------+-> bounded queue -> thread -> POST /v1/traces
//! event of tracing -- OtlpLayer --------'-> bounded queue -> thread -> POST /v1/logs
//!                        '- redaction of the log     '- what is dropped is counted
//! ```
//!
//! - Ids are those of everything else: a request's span has the span id of its [`TraceContext`](crate::trace::TraceContext),
//!   which `traceresponse` shows, and as its parent the caller's; its trace id is the log's `traceId`. A call to a
//!   [peer](crate::http::client::Peer) is a span whose id went out in `traceparent`. Spans of `tracing` stand between them.
//! - Only sampled traces are exported. What is in no trace is no span.
//! - A request is a span when it ends, with its route, status and outcome, from the layer that measures it; paths and
//!   headers are in none.
//! - Logs are events: their fields, and the key-values of `log` records, are attributes, hidden and cut as in the log's lines;
//!   they have the ids of the span they are in, and are exported whether or not its trace is sampled. What the log writes past
//!   `tracing`, such as panics, is in its lines only. An event of level ERROR marks its span as failed.
//! - Nothing here waits, and nothing fails a request. A queue is bounded in bytes and drops what finds no room. An export
//!   is tried again while its timeout lasts, with growing pauses or those that the collector asks for. What is dropped is
//!   counted and told once a cause, in the log and never in itself: what happens on the threads that export is not exported.
//!
//! | metric | counts |
//! |---|---|
//! | `otlp_items_total{signal}` | spans and log records that were to be exported |
//! | `otlp_items_exported_total{signal}` | of these, those that the collector took |
//! | `otlp_items_dropped_total{signal, reason}` | of these, those that were lost: `queue_full`, `stopped`, `unreachable`, `refused`, `rejected` |
//! | `otlp_requests_total{signal}` | requests to the collector, those included that try once more |

mod attributes;
mod delivery;
mod error;
mod export;
mod fields;
mod instruments;
mod layer;
mod options;
mod place;
mod queue;
mod settings;
mod signal;
#[cfg(feature = "http")]
mod sink;
mod threads;

#[cfg(test)]
mod tests;

pub use error::OtlpError;
pub(crate) use export::{Export, Source};
pub use layer::OtlpLayer;
pub use options::{Compression, OtlpOptions};

pub use crate::transport::EndpointError;
