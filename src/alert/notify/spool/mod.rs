//! What destinations know of alerts, on disk: so that a process that starts again resolves what it has opened, and opens
//! nothing twice.
//!
//! Before a destination is told of an alert for the first time, that it may know of it is on the disk; after it was told
//! that the alert is over, that is. What lies between a crash and the next record is told once more under the same key.

mod checksum;
mod file;
mod record;

pub(super) use file::{Spool, SpoolError};
pub(super) use record::{Entry, Subject, as_text, of_text};
