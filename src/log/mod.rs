//! Logs: one JSON object a line from `tracing` events, written without anybody waiting for the disk.
//!
//! ```text
//! event -> JsonLayer (one pass: redaction, escapes, caps) -> bounded buffer -> writer thread -> sink
//!             ^ what was decided of its callsite once           '-> what is dropped is counted and told
//!             ^ fields and trace of its spans
//! ```
//!
//! A line has the guide's keys, always in this order:
//!
//! ```json
//! {"timestamp":"2025-01-22T10:30:00.000Z","level":"ERROR","service":"risk-analysis",
//!  "traceId":"4bf92f3577b34da6a3ce929d0e0e4736","message":"Failed to calculate VaR",
//!  "details":{"portfolio":"user123","error":"InsufficientHistoricalData"}}
//! ```
//!
//! - Any event gives exactly one line of at most 16,000 bytes, valid JSON, each key once at every level, and no
//!   character that could act on a terminal. `traceId` is absent outside a trace; `details` is always there.
//! - A field has one JSON type, or is `null`, whatever its value: an index that has seen its first line takes the others.
//!   Floats always have a `.0` or an exponent; one that JSON has no number for is `null` with `"<key>Text":"NaN"`. 128-bit
//!   integers are strings. An error has its causes in `"<key>Chain"`. What two callsites record under one name is theirs
//!   to agree on.
//! - [`json`] gives a field a structured value.
//! - A string is cut at 4 KiB and a line drops the fields that no longer fit ([`Caps`]); then its details begin with
//!   `"truncated":true` and `log_lines_truncated_total` counts it. A field of that name is shown as `truncated_`.
//! - Fields whose names say that they hold secrets are hidden; which others are, and whether values are looked into, is
//!   said by [`Redaction`]. [`Secret`](crate::redact::Secret) hides a value by its type.
//! - The buffer is bounded in bytes. DEBUG and INFO may fill half of it, WARN three quarters, ERROR all. What finds no
//!   room, or a sink refuses, is counted in `log_lines_dropped_total{reason, sink}`, and one WARN line tells of it.
//!
//! A process built with `panic = "abort"` cannot catch a panicking `Display`; all else holds there too.
//!
//! | metric | counts |
//! |---|---|
//! | `log_lines_total{level}` | lines made, written or not |
//! | `log_lines_dropped_total{reason, sink}` | of these, lines not written: `buffer_full`, `io_error`, `stopped`, `writer_thread` |
//! | `log_bytes_total{sink}` | bytes that the sink took |
//! | `log_write_errors_total{sink}` | failed attempts to write, or to open or rotate a file |
//! | `log_lines_suppressed_total{level}` | lines that were not made because their callsite repeated itself ([`Repeats`]) |
//! | `log_lines_truncated_total` | lines that a cap cut |

mod bridge;
mod callsite;
mod caps;
mod control;
mod core;
mod encode;
mod entered;
mod escape;
mod fields;
mod filter;
mod handle;
mod install;
pub mod instruments;
mod json;
mod layer;
mod line;
mod options;
mod output;
mod panic_hook;
mod per_level;
mod redaction;
mod rules;
mod scratch;
mod spans;
mod spread;
mod structure;
mod text;
mod visitor;
mod writer;

#[cfg(test)]
mod tests;

#[cfg(feature = "otlp")]
pub(crate) use bridge::{PairValue, each_pair};
pub use caps::Caps;
pub use control::{CurrentLevels, Levels, LevelsError, Reason, Repeats, Site, Summary};
pub use filter::Directives;
#[cfg(feature = "otlp")]
pub(crate) use filter::carries_a_trace;
pub use handle::Log;
#[cfg(feature = "otlp")]
pub(crate) use install::install_subscriber_with;
pub use install::{install_log_bridge, install_subscriber};
#[cfg(feature = "otlp")]
pub(crate) use json::{Heard, listen};
pub use json::{Json, json};
pub use layer::{JsonLayer, summary};
pub use options::{Colour, Format, LogError, LogOptions};
pub use panic_hook::install_panic_hook;
pub use redaction::Redaction;
pub use writer::{Every, FileSink, Flushed, Sink};
