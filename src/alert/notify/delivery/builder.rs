//! How a delivery is set up.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::notifier::{Belief, DynNotifier, Notifier, Profile};
use super::super::spool::{Entry, Spool, Subject};
use super::carried::Carried;
use super::causes::Causes;
use super::channel::{Channel, Voices};
use super::error::DeliveryError;
use super::group::Known;
use super::handle::Delivery;
use super::instruments::{Families, Forgotten, SpoolInstruments};
use super::lane::{Lane, Shared};
use super::maintenance::QuietTime;
use super::memory::{Memory, Store};
use super::mutes::Mutes;
use super::route::Route;
use super::speaker::Speaker;
use super::timing::Timing;
use crate::alert::{Contacts, MaintenanceInterval};
use crate::clock::{Alarm, Clock};
use crate::error::{InvalidValue, check_name};
use crate::metrics::Meter;
use crate::store::lease::{Lease, LeaseFamilies};

/// How many processes tell of the same alerts. Rules are not evaluated for fewer than a service is declared to have
/// (`MonitoringBuilder::replicas`, `AISTM7_REPLICAS`).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Replicas {
    /// This one alone: it may tell anybody.
    One,
    /// Several, each for itself: only what brings together what they say may be told, such as an Alertmanager. An alert that
    /// is not about one of them (label `instance`) begins when the first of them tells it, and is over when none does any
    /// longer: none says so by itself.
    Several,
    /// Several, of which the holder of a lease speaks for all. What it has said is kept with the lease, so that the next one
    /// goes on with it; there is no spool. Each replica evaluates, and its [`Delivery`] hears of every alert.
    ///
    /// What only one replica knows of, such as its own memory, people hear when that one holds the lease.
    ///
    /// The lease names who shares it: [`Lease::namespace`].
    Leased(Lease),
}

/// Sets up a [`Delivery`]: see there.
#[must_use = "nobody is told before it is built"]
pub struct DeliveryBuilder {
    replicas: Replicas,
    destinations: Vec<(String, Box<dyn DynNotifier>)>,
    fallbacks: Vec<(String, String)>,
    routes: Vec<Route>,
    timing: Timing,
    capacity: usize,
    spool: Option<(PathBuf, u64)>,
    maintenance: Vec<MaintenanceInterval>,
    clock: Clock,
    carried: Carried,
}

/// How many alerts are kept for each destination unless [`DeliveryBuilder::capacity`] says otherwise.
pub const DEFAULT_CAPACITY: usize = 16_384;

/// How long the spool may be unless [`DeliveryBuilder::spool_limit`] says otherwise.
pub const DEFAULT_SPOOL_BYTES: u64 = 16 * 1024 * 1024;

/// What is too short to hold anything, or too long for a time.
const TIMES: std::ops::RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(31 * 86_400);

impl DeliveryBuilder {
    pub(super) fn new(replicas: Replicas) -> Self {
        Self {
            replicas,
            destinations: Vec::new(),
            fallbacks: Vec::new(),
            routes: Vec::new(),
            timing: Timing::default(),
            capacity: DEFAULT_CAPACITY,
            spool: None,
            maintenance: Vec::new(),
            clock: Clock::system(),
            carried: Carried::default(),
        }
    }

    /// Adds somewhere to tell people, under a name for routes and metrics.
    pub fn destination(mut self, name: impl Into<String>, notifier: impl Notifier) -> Self {
        self.destinations.push((name.into(), Box::new(notifier)));
        self
    }

    /// Says where alerts go. Of several routes, the first that takes an alert decides.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Several routes at once.
    pub fn routes(mut self, routes: impl IntoIterator<Item = Route>) -> Self {
        self.routes.extend(routes);
        self
    }

    /// Who is told what a destination has refused, or has not taken for a minute.
    pub fn fallback(mut self, destination: impl Into<String>, fallback: impl Into<String>) -> Self {
        self.fallbacks.push((destination.into(), fallback.into()));
        self
    }

    /// How long news wait for others to be told with: what is critical, and the rest. Default: 10 s and 30 s.
    pub fn windows(mut self, critical: Duration, other: Duration) -> Self {
        (self.timing.critical_window, self.timing.window) = (critical, other);
        self
    }

    /// How often what still fires is told again. Default: every four hours.
    pub fn repeat_every(mut self, repeat: Duration) -> Self {
        self.timing.repeat = repeat;
        self
    }

    /// How long a destination may fail until its fallback is told. Default: a minute.
    pub fn fallback_after(mut self, after: Duration) -> Self {
        self.timing.fallback_after = after;
        self
    }

    /// How long an alert from before a restart may go without being offered again until it is resolved. Default: ten
    /// minutes.
    pub fn confirm_within(mut self, within: Duration) -> Self {
        self.timing.confirm_within = within;
        self
    }

    /// How long one call of a notifier may take. Default: ten seconds.
    pub fn send_limit(mut self, limit: Duration) -> Self {
        self.timing.send_limit = limit;
        self
    }

    /// How many alerts are kept for each destination; a quarter is for critical ones alone. Default:
    /// [`DEFAULT_CAPACITY`].
    pub fn capacity(mut self, alerts: usize) -> Self {
        self.capacity = alerts;
        self
    }

    /// The file that remembers what destinations were told, so that a process that starts again resolves what it has
    /// opened and opens nothing twice. Two more files beside it begin with its name. Without it, nothing is remembered.
    pub fn spool(mut self, path: impl Into<PathBuf>) -> Self {
        self.spool = Some((path.into(), self.spool.map_or(DEFAULT_SPOOL_BYTES, |(_, limit)| limit)));
        self
    }

    /// How many bytes of the spool may be in use; the file is at most about twice as long. Default:
    /// [`DEFAULT_SPOOL_BYTES`].
    pub fn spool_limit(mut self, bytes: u64) -> Self {
        self.spool = self.spool.map(|(path, _)| (path, bytes));
        self
    }

    /// A time in which alerts of a kind tell nobody anything new: the same declaration as for Alertmanager's configuration.
    /// They are not lost: what is still true afterwards is told.
    pub fn maintenance(mut self, interval: MaintenanceInterval) -> Self {
        self.maintenance.push(interval);
        self
    }

    /// The clock that decides what is due: for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The dashboard that alerts link to which have none of their own, with `var-service`, `var-environment` and the time
    /// from an hour before the alert's start to an hour after it, as Grafana reads them. Default: none.
    pub fn dashboard(mut self, url: impl Into<String>) -> Self {
        self.carried.dashboard = Some(url.into());
        self
    }

    /// Whose alerts are: a line of their description. Default: nobody's.
    pub fn contacts(mut self, contacts: Contacts) -> Self {
        self.carried.contacts = contacts;
        self
    }

    /// Starts a thread for each destination.
    ///
    /// # Errors
    /// When a name, a setting, a route, a time of maintenance or the spool cannot be used; when several replicas would tell what believes the
    /// last that speaks; when metrics of the delivery are registered already.
    pub fn build(self, meter: &Meter) -> Result<Delivery, DeliveryError> {
        self.check()?;
        let quiet = self.maintenance.iter().map(QuietTime::of).collect::<Result<_, _>>()?;
        let families = Families::register(meter)?;
        let spool_instruments = SpoolInstruments::register(meter)?;
        let spool = self.open_spool(&spool_instruments)?;
        let speaker = self.speaker(meter)?;
        let now = self.clock.now();
        let restored: Vec<_> = spool.iter().flat_map(Spool::entries).collect();
        let mutes = Mutes::new(Causes::new(self.capacity, self.timing.confirm_within), quiet);
        restored.iter().for_each(|(_, entry)| restore_cause(&mutes.causes, entry, now));
        let place_of = |name: &str| self.destinations.iter().position(|(destination, _)| destination == name);
        let fallback_of = |name: &str| {
            let found = self.fallbacks.iter().find(|(destination, _)| destination == name);
            found.and_then(|(_, fallback)| place_of(fallback))
        };
        let fallbacks: Vec<_> = self.destinations.iter().map(|(name, _)| fallback_of(name)).collect();
        let voices = if matches!(self.replicas, Replicas::Several) { Voices::Several } else { Voices::One };
        let lanes = self.destinations.into_iter().zip(fallbacks).map(|((name, notifier), fallback)| {
            let profile = notifier.profile();
            let mut channel = Channel::new(profile, self.timing, self.capacity, voices);
            let own = restored.iter().filter(|(subject, _)| subject.destination() == name);
            own.for_each(|(subject, entry)| restore(&mut channel, subject, entry, now));
            let pending = watch::Sender::new(channel.pending());
            Lane {
                belief: profile.belief,
                fallback,
                channel: Mutex::new(channel),
                alarm: Alarm::new(&self.clock),
                instruments: families.of(&name),
                pending,
                name: name.into(),
                notifier,
            }
        });
        let lanes: Vec<Lane> = lanes.collect();
        let store = match (speaker, spool) {
            (Some(speaker), _) => {
                lanes.iter().for_each(|lane| lane.with(Channel::listen));
                Store::Lease(speaker)
            }
            (None, Some(spool)) => Store::Spool(Mutex::new(spool)),
            (None, None) => Store::Nowhere,
        };
        let memory = Memory { store, instruments: spool_instruments, diagnostics: meter.diagnostics().clone() };
        memory.show();
        let shared = Shared {
            replicas: self.replicas,
            carried: self.carried,
            lanes,
            routes: self.routes,
            mutes: Mutex::new(mutes),
            keeping: Alarm::new(&self.clock),
            send_limit: memory.speaker().map_or(self.timing.send_limit, |it| it.interval().min(self.timing.send_limit)),
            memory,
            clock: self.clock,
            diagnostics: meter.diagnostics().clone(),
            unrouted: families.unrouted(),
            closed: AtomicBool::new(false),
        };
        Delivery::start(shared).map_err(DeliveryError::Spawn)
    }

    fn check(&self) -> Result<(), DeliveryError> {
        let mut names = BTreeSet::new();
        for (name, notifier) in &self.destinations {
            check_name("alert destination", name)?;
            if !names.insert(name.as_str()) {
                Err(InvalidValue::new("alert destination", name, "a name that no other destination has"))?;
            }
            let Profile { rate, belief, .. } = notifier.profile();
            let repeat = match belief {
                Belief::Lasting => rate.per,
                Belief::Expiring { repeat_every } => repeat_every,
            };
            if let Some(time) = [rate.per, repeat].into_iter().find(|time| time.is_zero() || !TIMES.contains(time)) {
                let rule = "more than nothing, and at most 31 days";
                Err(InvalidValue::new("interval of an alert destination", format_args!("{time:?}"), rule))?;
            }
            if matches!(self.replicas, Replicas::Several) && notifier.profile().belief == Belief::Lasting {
                return Err(DeliveryError::NeedsOneReplica { destination: name.clone() });
            }
        }
        if let Replicas::Leased(lease) = &self.replicas
            && !lease.has_namespace()
        {
            let rule = "named, such as risk-analysis.prod, or services would share one lease";
            Err(InvalidValue::new("lease namespace", "", rule))?;
        }
        if self.routes.is_empty() {
            return Err(DeliveryError::NoRoute);
        }
        let of_routes = self.routes.iter().flat_map(|route| &route.destinations).map(|name| (name, "a route"));
        let of_fallbacks =
            self.fallbacks.iter().flat_map(|(name, other)| [(name, "a fallback"), (other, "a fallback")]);
        if let Some((name, wanted_by)) = of_routes.chain(of_fallbacks).find(|(name, _)| !names.contains(name.as_str()))
        {
            return Err(DeliveryError::UnknownDestination { name: name.clone(), wanted_by });
        }
        let Timing { window, critical_window, repeat, fallback_after, confirm_within, send_limit } = self.timing;
        let times = [window, critical_window, repeat, fallback_after, confirm_within, send_limit];
        if let Some(time) = times.into_iter().find(|time| !TIMES.contains(time)) {
            Err(InvalidValue::new("time of alerts", format_args!("{time:?}"), "at most 31 days"))?;
        }
        if repeat.is_zero() || send_limit.is_zero() {
            Err(InvalidValue::new("time of alerts", "0 s", "longer, for what is repeated and for calls"))?;
        }
        if self.capacity == 0 {
            Err(InvalidValue::new("capacity for alerts", 0, "at least 1"))?;
        }
        Ok(())
    }

    fn speaker(&self, meter: &Meter) -> Result<Option<Speaker>, DeliveryError> {
        let Replicas::Leased(lease) = &self.replicas else { return Ok(None) };
        let lease = lease.clone().checked("")?;
        let runtime = Handle::try_current().map_err(|_| DeliveryError::NoRuntime)?;
        let instruments = LeaseFamilies::register(meter)?.of_job("alerts");
        Ok(Some(Speaker::new(lease, self.clock.clone(), runtime, instruments)))
    }

    fn open_spool(&self, instruments: &SpoolInstruments) -> Result<Option<Spool>, DeliveryError> {
        let Some((path, limit)) = self.spool.as_ref().filter(|_| !matches!(self.replicas, Replicas::Leased(_))) else {
            return Ok(None);
        };
        let is_known = |subject: &Subject| self.destinations.iter().any(|(name, _)| name == subject.destination());
        let opened = Spool::open(path, *limit, is_known);
        let (spool, torn) = opened.map_err(|source| DeliveryError::Spool { path: path.clone(), source })?;
        if torn > 0 {
            instruments.forgot(Forgotten::Torn);
        }
        Ok(Some(spool))
    }
}

pub(super) fn restore(channel: &mut Channel, subject: &Subject, entry: &Entry, now: Instant) {
    match (subject, entry) {
        (Subject::Alert { .. }, Entry::Alert(alert, known)) => {
            let known = known.map_or(Known::Perhaps(None), |(status, severity)| Known::Told(status, severity));
            channel.restore(Arc::clone(alert), known, now);
        }
        // After the alerts, by the order of subjects.
        (Subject::Group { group, .. }, Entry::Receipt(receipt)) => channel.restore_receipt(*group, receipt.clone()),
        _ => {}
    }
}

/// What fired before a restart, or when another replica spoke, mutes as it did.
pub(super) fn restore_cause(causes: &Causes, entry: &Entry, now: Instant) {
    if let Entry::Alert(alert, _) = entry {
        causes.restore(alert, now);
    }
}

impl fmt::Debug for DeliveryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.destinations.iter().map(|(name, _)| name).collect();
        f.debug_struct("DeliveryBuilder")
            .field("destinations", &names)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
