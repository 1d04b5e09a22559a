//! Collectors: code that measures something when somebody wants to read it.
//!
//! ```text
//! Registry::collect (one gather at a time; who comes meanwhile shares it)
//!   |- Tracked, when it is due -- thread: Collector::collect fills a Collection --> measured
//!   |- waits, up to the budget, for those that are usually in time
//!   '- measured Collections replace what their collectors gave before, family by family
//! encode, snapshot -- let go of what is older than its collector's limit --> the families
//! ```
//!
//! A collector may block, hang and panic: it has a thread of its own while it runs, which nobody joins, and no second
//! one while the first has not ended. What it gave last is shown until it is too old. Where several collectors give
//! series to one metric, each replaces its own.

#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "who asks comes with the slices"))]
mod asking;
mod collection;
mod error;
mod gather;
mod given;
mod instruments;
mod options;
mod published;
mod reading;
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "who asks comes with the slices"))]
mod rest;
mod run;
mod scope;
mod shared;
#[cfg(test)]
mod tests;
mod tracked;
mod turn;

use std::error::Error;

#[cfg_attr(not(feature = "full"), allow(unused_imports, reason = "who asks comes with the slices"))]
pub(crate) use self::asking::ask_regularly;
pub use self::asking::{AskOptions, DEFAULT_ASK_INTERVAL, DEFAULT_ASK_TIMEOUT};
pub use self::collection::Collection;
pub use self::error::CollectorError;
pub(super) use self::gather::Collectors;
pub(super) use self::given::Given;
pub use self::options::CollectorOptions;
pub(super) use self::reading::check;
pub use self::reading::{Collected, Reading};
#[cfg(all(feature = "database", feature = "postgres"))]
pub(crate) use self::rest::{Rest, Resting};
pub use self::scope::Scope;
pub(crate) use self::shared::Sharing;
#[cfg(feature = "health")]
pub(crate) use self::shared::{Part, Timing, Turn};

/// Why a run of a [`Collector`] has no result. Its text is shown once, without the credentials of URLs in it.
pub type CollectFailure = Box<dyn Error + Send + Sync>;

/// Measures something whenever [`Registry::collect`](super::Registry::collect) asks for it. Closures are collectors.
///
/// Each run fills an empty [`Collection`], which then replaces what the run before gave, as one: a series that is not
/// given again is gone. A run that fails or panics changes nothing, and neither does one that hangs; what was given
/// last is shown until it is older than [`CollectorOptions::fresh_for`].
///
/// Runs are on threads of their own and never overlap, so blocking is allowed. A collector that keeps a registry, or a
/// `Monitoring`, keeps itself: neither would ever be dropped.
///
/// ```
/// use aistm7_monitoring::metrics::{Collected, Collection, Definition, LabelValue, Meter, Registry, Unit};
///
/// static SPOOLED: Definition =
///     Definition::gauge("spool_bytes", "Bytes that wait in the spool, by queue.").labels(&["queue"]).unit(Unit::Bytes);
///
/// let registry = Registry::new();
/// let meter = Meter::new(&registry);
/// let spooled: Collected<f64, 1> = meter.collected(&SPOOLED)?;
/// meter.collector("spool", move |collection: &mut Collection| {
///     for (queue, bytes) in [("orders", 512.0), ("fills", 0.0)] {
///         collection.set(&spooled, [LabelValue::capped(queue)], bytes);
///     }
///     Ok(())
/// })?;
///
/// registry.collect(); // a scrape of `/metrics` does this by itself
/// assert!(registry.render().contains("spool_bytes{queue=\"orders\"} 512\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Collector: Send + 'static {
    /// Measures, and gives what it finds to `collection`.
    ///
    /// # Errors
    /// When it cannot be measured. What `collection` holds by then is not used.
    fn collect(&mut self, collection: &mut Collection) -> Result<(), CollectFailure>;
}

impl<F> Collector for F
where
    F: FnMut(&mut Collection) -> Result<(), CollectFailure> + Send + 'static,
{
    fn collect(&mut self, collection: &mut Collection) -> Result<(), CollectFailure> {
        self(collection)
    }
}
