//! The process-wide parts of a log. None is touched unless asked, and none is ever rolled back.

use tracing_log::LogTracer;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use super::handle::Log;
use crate::global::Installed;

/// Makes the log's layer, with its directives, the process's `tracing` subscriber.
pub fn install_subscriber(log: &Log) -> Installed {
    log.0.subscriber.claim(|| {
        let layer = log.layer().with_filter(log.directives().clone());
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).is_ok()
    })
}

/// Makes records of the `log` crate events of `tracing`, for whatever subscriber is installed.
///
/// They pass that subscriber's filter by their own target and level. A record's key-values are not carried over.
pub fn install_log_bridge(log: &Log) -> Installed {
    log.0.bridge.claim(|| LogTracer::init().is_ok())
}
