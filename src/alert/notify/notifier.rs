//! What a destination is, and what it is handed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::alert::{Alert, AlertStatus};
use super::change::Change;
use super::error::NotifyError;
use super::fingerprint::Fingerprint;
use crate::alert::Severity;

/// Somewhere that people, or what tells them, hear of alerts. Write a plain `async fn notify(&self, notice: &Notice)`.
///
/// It is called by one thread, one call at a time, and again with the newest state after an error that is temporary.
pub trait Notifier: Send + Sync + 'static {
    /// Tells the present state of some alerts. Telling the same twice must do no harm.
    ///
    /// # Errors
    /// When it was not told, with what to do about it.
    ///
    /// # Panics
    /// May panic: that is an error that is temporary.
    ///
    /// # Cancellation
    /// Dropped at any await when it has taken longer than
    /// [`DeliveryBuilder::send_limit`](super::DeliveryBuilder::send_limit); it may have been told by then.
    fn notify(&self, notice: &Notice) -> impl Future<Output = Result<Option<Receipt>, NotifyError>> + Send;

    /// Tells of a change, such as a deployment. By default, nobody hears of it.
    ///
    /// # Errors
    /// As [`Notifier::notify`].
    fn announce(&self, change: &Change) -> impl Future<Output = Result<(), NotifyError>> + Send {
        let _ = change;
        async { Ok(()) }
    }

    /// How this kind of destination is to be told.
    fn profile(&self) -> Profile {
        Profile::new(Grouping::PerRule)
    }
}

/// How a kind of destination is to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// What is told together.
    pub grouping: Grouping,
    /// How often at most.
    pub rate: Rate,
    /// How long it believes what it was told.
    pub belief: Belief,
    /// What it makes of several replicas that tell the same alert.
    pub merging: Merging,
}

impl Profile {
    /// One notice a second, believed until told otherwise.
    pub const fn new(grouping: Grouping) -> Self {
        Self {
            grouping,
            rate: Rate { calls: 1, per: Duration::from_secs(1) },
            belief: Belief::Lasting,
            merging: Merging::OneAlert,
        }
    }

    /// How often it is told at most.
    #[must_use]
    pub const fn rate(mut self, calls: u32, per: Duration) -> Self {
        self.rate = Rate { calls, per };
        self
    }

    /// It forgets what is not repeated, and brings together what replicas tell it.
    #[must_use]
    pub const fn expiring(mut self, repeat_every: Duration) -> Self {
        self.belief = Belief::Expiring { repeat_every };
        self
    }

    /// It has an alert for each replica that tells it.
    #[must_use]
    pub const fn one_per_replica(mut self) -> Self {
        self.merging = Merging::OnePerReplica;
        self
    }
}

/// What a destination that forgets makes of the same alert, told by several replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merging {
    /// One alert. None of the replicas tells it that an alert is over which another may still see: it is over when nobody
    /// has told it for long enough.
    OneAlert,
    /// One for each, since each has a label of its own there.
    OnePerReplica,
}

/// What is told together, in one notice with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Each alert is told by itself.
    PerAlert,
    /// Alerts of one rule, service and environment.
    PerRule,
    /// All that there is: for what groups itself.
    Everything,
}

/// A number of calls in any time of some length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub calls: u32,
    /// In which time.
    pub per: Duration,
}

/// How long a destination believes what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belief {
    /// Until it is told otherwise. What it was told is kept in the spool, and one process speaks for all replicas.
    Lasting,
    /// Until some time has passed: it is told again and again while an alert fires, by each replica.
    Expiring {
        /// How often.
        repeat_every: Duration,
    },
}

/// Some alerts in their newest state: what a [`Notifier`] tells.
#[derive(Clone, Debug)]
pub struct Notice {
    pub(super) key: Fingerprint,
    /// Never empty.
    pub(super) alerts: Vec<Told>,
    pub(super) receipt: Option<Receipt>,
    pub(super) instead_of: Option<Arc<str>>,
    pub(super) at: SystemTime,
}

/// An alert of a [`Notice`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Told {
    /// The alert in its newest state.
    pub alert: Arc<Alert>,
    /// What the destination was told of it last; `None` if nothing, as far as is known.
    pub before: Option<AlertStatus>,
    /// How long ago the alert was last offered.
    pub age: Duration,
}

impl Notice {
    /// The first notice of one alert: for tests of notifiers.
    pub fn of(alert: Alert, at: SystemTime) -> Self {
        let key = alert.fingerprint();
        Self {
            key,
            alerts: vec![Told { alert: Arc::new(alert), before: None, age: Duration::ZERO }],
            receipt: None,
            instead_of: None,
            at,
        }
    }

    /// The same notice, after one that gave this receipt.
    #[must_use]
    pub fn after(mut self, receipt: Receipt) -> Self {
        self.receipt = Some(receipt);
        self
    }

    /// What all notices of the same matter have in common, across restarts.
    pub const fn key(&self) -> Fingerprint {
        self.key
    }

    /// The alerts: those that fire first, the most severe first of these, then the oldest.
    pub fn alerts(&self) -> &[Told] {
        &self.alerts
    }

    /// Those that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().map(|told| &*told.alert).filter(|alert| alert.status != AlertStatus::Resolved)
    }

    /// Firing if any alert is, acknowledged if those that are not over all are, else resolved.
    pub fn status(&self) -> AlertStatus {
        self.alerts
            .iter()
            .map(|told| told.alert.status)
            .min_by_key(|status| order(*status))
            .unwrap_or(AlertStatus::Resolved)
    }

    /// The severity of the worst of them, of those that are not over if there are any.
    pub fn severity(&self) -> Severity {
        let worst =
            |alerts: &mut dyn Iterator<Item = &Alert>| alerts.map(|alert| alert.severity).min_by_key(|&s| rank(s));
        let of_any = || worst(&mut self.alerts.iter().map(|told| &*told.alert));
        worst(&mut self.open()).or_else(of_any).unwrap_or(Severity::Info)
    }

    /// What the notifier gave back when it last told of this matter.
    pub const fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// The destination that could not be told, if this one is its fallback.
    pub fn instead_of(&self) -> Option<&str> {
        self.instead_of.as_deref()
    }

    /// When this is told, by the wall.
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// The alert that the rest of them are like.
    pub(super) fn first(&self) -> &Alert {
        &self.alerts.first().expect("OK because a notice is never empty").alert
    }

    /// In the order that [`Notice::alerts`] promises.
    pub(super) fn sort(&mut self) {
        self.alerts.sort_by_key(|told| (order(told.alert.status), rank(told.alert.severity), told.alert.starts_at));
    }
}

/// What needs people first.
const fn order(status: AlertStatus) -> u8 {
    match status {
        AlertStatus::Firing => 0,
        AlertStatus::Acknowledged => 1,
        AlertStatus::Resolved => 2,
    }
}

/// The most severe first: a place in an array of three.
pub(super) const fn rank(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 0,
        Severity::Warning => 1,
        Severity::Info => 2,
    }
}

/// What a destination says about a notice that it took, for the next one of the same matter: the id of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt(String);

impl Receipt {
    /// The longest, in bytes. Chosen: many times an id.
    pub const LIMIT: usize = 512;

    /// A receipt, unless it is too long to be one.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (text.len() <= Self::LIMIT).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The end of one telling.
pub(super) type Telling<'a, T> = Pin<Box<dyn Future<Output = Result<T, NotifyError>> + Send + 'a>>;

/// [`Notifier`] without its types, so that destinations of all kinds sit in one list.
pub(super) trait DynNotifier: Send + Sync {
    fn notify<'a>(&'a self, notice: &'a Notice) -> Telling<'a, Option<Receipt>>;
    fn announce<'a>(&'a self, change: &'a Change) -> Telling<'a, ()>;
    fn profile(&self) -> Profile;
}

impl<N: Notifier> DynNotifier for N {
    fn notify<'a>(&'a self, notice: &'a Notice) -> Telling<'a, Option<Receipt>> {
        Box::pin(Notifier::notify(self, notice))
    }

    fn announce<'a>(&'a self, change: &'a Change) -> Telling<'a, ()> {
        Box::pin(Notifier::announce(self, change))
    }

    fn profile(&self) -> Profile {
        Notifier::profile(self)
    }
}

impl fmt::Debug for dyn DynNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("profile", &self.profile()).finish_non_exhaustive()
    }
}
