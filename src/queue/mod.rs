//! Queues: how much waits and for how long, what became of it, what was turned away.
//!
//! ```text
//! Queues -> named("orders") -> QueueMetrics -> channel | unbounded_channel
//!                                 '- enqueued() -> Ticket --dequeued--> Timer --ok | failed | …--> processed
//!                                                    '-- dropped, with whatever holds it --> dropped
//!        stored("settlements") -> StoredQueue: sample(closure) --> depth and age of a table, a list, a stream
//! ```
//!
//! An item is in one place at a time: in the queue (a [`Ticket`]), in progress (a [`Timer`]), processed, or dropped. So at
//! rest
//!
//! ```text
//! queue_enqueued_total = queue_depth + queue_in_progress + queue_processed_total + queue_dropped_total
//! ```
//!
//! whatever is cancelled, panics or goes away: depth and progress are derived from counts and never drift.

mod channel;
mod handles;
mod instruments;
mod labels;
mod ledger;
mod metrics;
mod stored;
#[cfg(test)]
mod tests;
mod ticket;
mod waiting;

pub use channel::{Delivery, Permit, Receiver, Sender, UnboundedSender};
pub use handles::Queues;
pub use labels::{QueueName, Rejection};
pub use metrics::QueueMetrics;
pub use stored::{QueueSample, StoredQueue};
pub use ticket::Ticket;

pub use crate::work::{Outcome, Timed, Timer};
