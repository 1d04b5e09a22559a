//! The access log: one `tracing` event a request, at its end, with the request's own trace.
//!
//! ```text
//! Exchange::finish -> AccessLogger: error or slow, or its trace is of the share -> event -> whoever subscribes
//!                        '-> api_access_log_sampled_out_total
//! ```
//!
//! It is an event and not a line, so that it works with any subscriber and this slice knows nothing of the log.

mod event;
mod logger;
mod options;

#[cfg(test)]
mod tests;

pub(super) use event::Finish;
pub(super) use logger::{AccessLogger, Noted};
pub use options::AccessLog;
