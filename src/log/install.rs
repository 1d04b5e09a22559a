//! The process-wide parts of a log. None is touched unless asked, and none is ever rolled back.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_log::LogTracer;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::handle::Log;

/// What became of a process-wide part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a part that is taken stays with whoever has it"]
pub enum Installed {
    /// It is this log's now.
    Installed,
    /// This log had installed it before.
    AlreadyOurs,
    /// Somebody else has it, and keeps it.
    Taken,
}

/// Makes the log's layer, with its directives, the process's `tracing` subscriber.
pub fn install_subscriber(log: &Log) -> Installed {
    claim(&log.0.subscriber, || {
        let layer = log.layer().with_filter(log.directives().clone());
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).is_ok()
    })
}

/// Makes records of the `log` crate events of `tracing`, for whatever subscriber is installed.
///
/// They pass that subscriber's filter by their own target and level. A record's key-values are not carried over.
pub fn install_log_bridge(log: &Log) -> Installed {
    claim(&log.0.bridge, || LogTracer::init().is_ok())
}

fn claim(ours: &AtomicBool, install: impl FnOnce() -> bool) -> Installed {
    // Ordering: the flag only reports; what is installed synchronises itself.
    if ours.load(Ordering::Relaxed) {
        Installed::AlreadyOurs
    } else if install() {
        ours.store(true, Ordering::Relaxed);
        Installed::Installed
    } else {
        Installed::Taken
    }
}
