//! The process-wide parts of a log. None is touched unless asked, and none is ever rolled back.

use tracing_subscriber::Layer as _;
#[cfg(feature = "otlp")]
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use super::bridge::Bridge;
use super::handle::Log;
use crate::global::Installed;

/// Makes the log's layer, with its levels, the process's `tracing` subscriber.
pub fn install_subscriber(log: &Log) -> Installed {
    let installed = log.0.subscriber.claim(|| {
        // As one layer, since each one has the registry take care of a closed span. Of two that are one, the registry
        // hears the highest level from the second.
        let subscriber = tracing_subscriber::registry().with(log.layer().and_then(log.levels().clone()));
        tracing::subscriber::set_global_default(subscriber).is_ok()
    });
    lead_log_crate(log);
    installed
}

/// As [`install_subscriber`], with another layer beside the log's, which has a filter of its own.
#[cfg(feature = "otlp")]
pub(crate) fn install_subscriber_with(
    log: &Log,
    other: Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync>,
) -> Installed {
    log.0.subscriber.claim(|| {
        let layer = log.layer().with_filter(log.levels().clone());
        let subscriber = tracing_subscriber::registry().with(other).with(layer);
        let is_installed = tracing::subscriber::set_global_default(subscriber).is_ok();
        if is_installed {
            // Only this sets it, and only once.
            let _ = log.0.has_company.set(());
        }
        is_installed
    })
}

/// Makes records of the `log` crate events of `tracing`, for whatever subscriber is installed.
///
/// They pass that subscriber's filter by their own target and level. In lines of our logs, and in log records of our exports, a
/// record's key-values are fields as those of events are, under the same rules; other layers see the event without them. A
/// record with key-values allocates.
pub fn install_log_bridge(log: &Log) -> Installed {
    let installed = log.0.bridge.claim(|| {
        let is_ours = log::set_boxed_logger(Box::new(Bridge::new())).is_ok();
        if is_ours {
            log::set_max_level(log::LevelFilter::max());
        }
        is_ours
    });
    lead_log_crate(log);
    installed
}

/// What the process's subscriber does not let through costs a record of the `log` crate one comparison, now and after
/// each change of levels. While somebody else has one of the two places, or another layer a part of the first, all records
/// are handed on to be asked about.
fn lead_log_crate(log: &Log) {
    if log.0.subscriber.is_ours() && log.0.bridge.is_ours() && log.0.has_company.get().is_none() {
        log.levels().lead_log_crate();
    }
}
