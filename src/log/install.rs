//! The process-wide parts of a log. None is touched unless asked, and none is ever rolled back.

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
#[cfg(feature = "otlp")]
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};

use super::bridge::Bridge;
use super::control::Levels;
use super::handle::Log;
use crate::global::Installed;

/// The log's levels for a whole subscriber, which has no other layer that they could silence. A filter for one layer of
/// several has the registry look at a span each time that it is entered, left and closed.
struct Everywhere(Levels);

impl<S: Subscriber> Layer<S> for Everywhere {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(&self.0, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        Filter::enabled(&self.0, metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.0)
    }
}

/// Makes the log's layer, with its levels, the process's `tracing` subscriber.
pub fn install_subscriber(log: &Log) -> Installed {
    let installed = log.0.subscriber.claim(|| {
        let subscriber = tracing_subscriber::registry().with(Everywhere(log.levels().clone())).with(log.layer());
        tracing::subscriber::set_global_default(subscriber).is_ok()
    });
    lead_log_crate(log);
    installed
}

/// As [`install_subscriber`], with another layer beside the log's, which has a filter of its own.
#[cfg(feature = "otlp")]
pub(crate) fn install_subscriber_with(log: &Log, other: Box<dyn Layer<Registry> + Send + Sync>) -> Installed {
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
/// They pass that subscriber's filter by their own target and level. In lines of our logs a record's key-values are fields
/// as those of events are, under the same rules; other layers see the event without them. A record with key-values allocates.
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
