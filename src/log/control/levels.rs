//! Which lines are written, changed while the log runs.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_log::AsLog as _;
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::reverting::{self, Reverting};
use crate::error::InvalidValue;
use crate::log::core::Core;
use crate::log::filter::Directives;

/// The levels of a log, as a filter for its layer that can be changed at any time. Cloning is cheap and shares them.
///
/// A change holds from the moment that the call returns, for `tracing` and for the `log` crate alike, in whatever
/// subscriber the filter is, and silences no other layer. [`Levels::set_for`] takes itself back: levels that somebody
/// raised to look for a fault are not left behind. The log tells of each change by one INFO line, whatever the levels.
///
/// Cost: none at an event. A callsite remembers whether it is enabled, as with levels that never change; a change asks
/// every callsite anew, which takes some microseconds each. Only where another layer of the subscriber sees an event
/// that this log does not, or the other way round, is there a look at the present levels, without a lock.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::log::{Directives, Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use tracing_subscriber::Layer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
/// let log = Log::start(options, &Meter::new(&Registry::new()))?;
/// let subscriber = tracing_subscriber::registry().with(log.layer().with_filter(log.levels().clone()));
/// let _default = tracing::subscriber::set_default(subscriber);
///
/// assert!(!tracing::enabled!(target: "sqlx", tracing::Level::DEBUG));
/// // What is written now, and `sqlx` in detail, for ten minutes.
/// let more = log.levels().current().directives.with("sqlx=debug")?;
/// log.levels().set_for(more, Duration::from_secs(600))?;
/// assert!(tracing::enabled!(target: "sqlx", tracing::Level::DEBUG));
/// // Found it sooner.
/// log.levels().revert();
/// assert!(!tracing::enabled!(target: "sqlx", tracing::Level::DEBUG));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is a layer too, which holds for all of its subscriber: `registry().with(log.layer()).with(log.levels().clone())`. That
/// costs each span less than a filter, which has the registry look at it each time that it is entered, left and closed; but
/// it silences whatever other layer is there.
#[derive(Clone)]
pub struct Levels(pub(super) Arc<Shared>);

pub(super) struct Shared {
    /// What filters read, without a lock.
    present: ArcSwap<Directives>,
    /// Locked for a whole change, so that callsites remember the last one.
    changes: Mutex<Changes>,
    reverting: Reverting,
    /// Whether records of the `log` crate reach the process's subscriber through this log's bridge.
    leads_log_crate: AtomicBool,
    core: Arc<Core>,
}

struct Changes {
    permanent: Directives,
    /// What holds meanwhile; its time is kept by `reverting`.
    temporary: Option<Directives>,
}

/// What holds now, and for how long.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CurrentLevels {
    /// Which lines are written.
    pub directives: Directives,
    /// What holds unless something else does for a time.
    pub permanent: Directives,
    /// When `permanent` holds again; `None` if it does.
    pub reverts_in: Option<Duration>,
}

/// Why levels were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LevelsError {
    /// The time is none.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// The system gave no thread to take the change back.
    #[error("the levels would not be taken back, so they stay: allow the process one more thread")]
    Spawn(#[source] io::Error),
}

impl Levels {
    /// The longest time that a change may hold and then be taken back: a day. One that should hold longer is permanent.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    pub(in crate::log) fn new(directives: Directives, core: &Arc<Core>) -> Self {
        Self(Arc::new(Shared {
            present: ArcSwap::from_pointee(directives.clone()),
            changes: Mutex::new(Changes { permanent: directives, temporary: None }),
            reverting: Reverting::new(&core.clock),
            leads_log_crate: AtomicBool::new(false),
            core: Arc::clone(core),
        }))
    }

    /// What holds now.
    pub fn current(&self) -> CurrentLevels {
        let changes = self.0.changes();
        CurrentLevels {
            directives: changes.temporary.as_ref().unwrap_or(&changes.permanent).clone(),
            permanent: changes.permanent.clone(),
            reverts_in: self.0.reverting.left(),
        }
    }

    /// Writes these lines from now on, and no longer what [`Levels::set_for`] said.
    pub fn set(&self, directives: Directives) {
        let mut changes = self.0.changes();
        changes.permanent = directives;
        changes.temporary = None;
        self.0.reverting.cancel();
        self.0.apply(&changes, "set");
    }

    /// Writes these lines for a time, then what [`Levels::set`] or the start said last. A later call takes the place of
    /// an earlier one.
    ///
    /// The change is taken back by a thread of its own, so also without a runtime and while the sink stands still.
    ///
    /// # Errors
    /// When the time is zero or longer than [`Levels::LONGEST`], or the system gives no thread. Nothing is changed then.
    pub fn set_for(&self, directives: Directives, time: Duration) -> Result<(), LevelsError> {
        if time.is_zero() || time > Self::LONGEST {
            let rule = "more than nothing and at most a day; a change that should hold longer is permanent";
            Err(InvalidValue::new("time for log levels", format_args!("{time:?}"), rule))?;
        }
        let mut changes = self.0.changes();
        reverting::begin(&self.0, time).map_err(LevelsError::Spawn)?;
        changes.temporary = Some(directives);
        self.0.apply(&changes, "set for a time");
        Ok(())
    }

    /// Takes back what [`Levels::set_for`] said, if it still holds.
    pub fn revert(&self) {
        self.0.revert("revert");
    }

    /// From now on the maximum level of the `log` crate is that of the process's subscriber, which has this filter.
    pub(in crate::log) fn lead_log_crate(&self) {
        let _one_at_a_time = self.0.changes();
        // Ordering: written and read under the lock.
        self.0.leads_log_crate.store(true, Ordering::Relaxed);
        lead_log_crate();
    }
}

impl Shared {
    pub(super) fn reverting(&self) -> &Reverting {
        &self.reverting
    }

    /// Takes back what holds for a time; `why` is what the line about it says.
    pub(super) fn revert(&self, why: &'static str) {
        let mut changes = self.changes();
        self.reverting.cancel();
        if changes.temporary.take().is_some() {
            self.apply(&changes, why);
        }
    }

    /// As [`Shared::revert`], if its time has come.
    pub(super) fn revert_if_due(&self) {
        let mut changes = self.changes();
        if self.reverting.is_due() && changes.temporary.take().is_some() {
            self.reverting.cancel();
            self.apply(&changes, "time is over");
        }
    }

    /// Puts the changes into force: filters read them, callsites forget what they remembered.
    fn apply(&self, changes: &Changes, why: &'static str) {
        let directives = changes.temporary.as_ref().unwrap_or(&changes.permanent);
        self.present.store(Arc::new(directives.clone()));
        tracing::callsite::rebuild_interest_cache();
        // Ordering: written and read under the lock.
        if self.leads_log_crate.load(Ordering::Relaxed) {
            lead_log_crate();
        }
        let (directives, left) = (directives.to_string(), self.reverting.left());
        let seconds = left.map(|left| left.as_secs().to_string());
        let told = [("directives", &*directives), ("change", why)];
        let lasting = seconds.as_deref().map(|seconds| ("reverts_in_seconds", seconds));
        let details: Vec<_> = told.into_iter().chain(lasting).collect();
        self.core.emit(Level::INFO, "log levels changed", &details);
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    /// Ends the thread that would take a change back.
    fn drop(&mut self) {
        self.reverting.cancel();
    }
}

/// What the subscriber lets through at most, so that a record beyond it costs one comparison.
fn lead_log_crate() {
    log::set_max_level(LevelFilter::current().as_log());
}

impl<S: Subscriber> Filter<S> for Levels {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        Filter::enabled(&**self.0.present.load(), metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        <Directives as Filter<S>>::callsite_enabled(&self.0.present.load(), metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        <Directives as Filter<S>>::max_level_hint(&self.0.present.load())
    }
}

/// The levels of a whole subscriber.
impl<S: Subscriber> Layer<S> for Levels {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        Filter::<S>::callsite_enabled(self, metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        Filter::enabled(self, metadata, &context)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(self)
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels").field("present", &self.0.present.load()).finish_non_exhaustive()
    }
}
