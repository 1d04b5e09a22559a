//! One destination and the thread that tells it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::super::alert::Alert;
use super::super::error::NotifyError;
use super::super::notifier::{Belief, DynNotifier, Receipt};
use super::builder::Replicas;
use super::carried::Carried;
use super::channel::{Channel, Effects, Step, Telling};
use super::instruments::{Instruments, Lost, Outcome};
use super::memory::Memory;
use super::mutes::Mutes;
use super::route::Route;
use crate::clock::{Alarm, Clock};
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;
use crate::metrics::Counter;

/// What the threads of a delivery share.
pub(super) struct Shared {
    pub(super) replicas: Replicas,
    pub(super) carried: Carried,
    pub(super) lanes: Vec<Lane>,
    pub(super) routes: Vec<Route>,
    pub(super) mutes: Mutex<Mutes>,
    pub(super) memory: Memory,
    pub(super) clock: Clock,
    pub(super) send_limit: Duration,
    pub(super) diagnostics: Diagnostics,
    pub(super) unrouted: Counter,
    pub(super) closed: AtomicBool,
    /// Where the thread waits that keeps the lease.
    pub(super) keeping: Arc<Alarm>,
}

/// One destination.
pub(super) struct Lane {
    pub(super) name: Arc<str>,
    pub(super) notifier: Box<dyn DynNotifier>,
    pub(super) belief: Belief,
    /// The place of its fallback among the lanes.
    pub(super) fallback: Option<usize>,
    pub(super) channel: Mutex<Channel>,
    pub(super) alarm: Arc<Alarm>,
    pub(super) instruments: Instruments,
    /// How much is to be told.
    pub(super) pending: watch::Sender<usize>,
}

impl Shared {
    /// Starts a thread for each destination.
    ///
    /// # Errors
    /// When the system gives none; those that were started end.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        for place in 0..self.lanes.len() {
            let shared = Arc::clone(self);
            let started = Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let name = format!("alert-{}", self.lanes[place].name);
                thread::Builder::new().name(name).spawn(move || shared.tell(place, &runtime))
            });
            if let Err(error) = started {
                self.close();
                return Err(error);
            }
        }
        self.keep_lease().inspect_err(|_| self.close())
    }

    /// Ends the threads, each after what it is telling.
    pub(super) fn close(&self) {
        // Ordering: the alarm's lock lies between this and the thread that looks.
        self.closed.store(true, Ordering::Release);
        self.keeping.ring();
        self.ring_lanes();
    }

    pub(super) fn ring_lanes(&self) {
        self.lanes.iter().for_each(|lane| lane.alarm.ring());
    }

    pub(super) fn mutes(&self) -> MutexGuard<'_, Mutes> {
        self.mutes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an alert to the destinations that the routes say, and to those that know of it.
    pub(super) fn take(&self, alert: &Arc<Alert>) {
        let route = self.routes.iter().find(|route| route.takes(alert));
        if route.is_none() {
            self.unrouted.increment();
        }
        for lane in &self.lanes {
            let is_routed = route.is_some_and(|route| route.destinations.iter().any(|name| **name == *lane.name));
            if is_routed || lane.with(|channel| channel.knows(alert)) {
                self.offer(lane, alert, None);
            }
        }
    }

    /// Hands an alert to a destination.
    pub(super) fn offer(&self, lane: &Lane, alert: &Arc<Alert>, instead_of: Option<&Arc<str>>) {
        let (offered, is_sooner) = lane.with(|channel| {
            let before = channel.next_look();
            let offered = channel.offer(alert, instead_of, self.clock.now());
            let is_sooner = channel.next_look().is_some_and(|at| before.is_none_or(|before| at < before));
            (offered, is_sooner)
        });
        if let Err(lost) = offered {
            lane.instruments.lost(lost, 1);
        }
        // In a storm, few of many alerts wake the thread.
        if is_sooner {
            lane.alarm.ring();
        }
    }

    /// The body of a destination's thread.
    fn tell(&self, place: usize, runtime: &Runtime) {
        let lane = &self.lanes[place];
        // Ordering: see `close`.
        while !self.closed.load(Ordering::Acquire) {
            if !self.memory.may_speak() {
                lane.alarm.wait(None);
                continue;
            }
            let mutes = self.mutes().clone();
            let step = lane.with(|channel| channel.next(self.clock.now(), self.clock.wall(), &mutes));
            let outcome = match step {
                Step::Wait(until) => {
                    lane.alarm.wait(until);
                    continue;
                }
                Step::Tell(telling) => self.notify(lane, runtime, &telling),
                Step::Announce(change) => self.call(runtime, lane.notifier.announce(&change)).map(|()| None),
            };
            self.count(lane, &outcome);
            let effects = lane.with(|channel| channel.done(&outcome, self.clock.now()));
            self.settle(lane, &effects);
        }
    }

    fn notify(&self, lane: &Lane, runtime: &Runtime, telling: &Telling) -> Result<Option<Receipt>, NotifyError> {
        if lane.belief == Belief::Lasting && self.memory.before(&lane.name, &telling.perhaps_known).is_err() {
            return Err(NotifyError::unavailable("another replica speaks"));
        }
        self.call(runtime, lane.notifier.notify(&telling.notice))
    }

    fn call<T>(&self, runtime: &Runtime, call: impl Future<Output = Result<T, NotifyError>>) -> Result<T, NotifyError> {
        let limit = self.send_limit;
        let limited = async { tokio::time::timeout(limit, call).await };
        let ended = fenced(|| runtime.block_on(limited)).ok_or(NotifyError::Panicked)?;
        ended.unwrap_or(Err(NotifyError::TimedOut { limit }))
    }

    fn count(&self, lane: &Lane, outcome: &Result<Option<Receipt>, NotifyError>) {
        let word = match outcome {
            Ok(_) => Outcome::Ok,
            Err(NotifyError::TooOften { .. }) => Outcome::TooOften,
            Err(error) if error.is_permanent() => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        lane.instruments.attempted(word);
        match outcome {
            Ok(_) => lane.instruments.last_success.set(self.clock.unix_seconds()),
            Err(error) => {
                let cause = format!("{}: {}", lane.name, error.in_words());
                self.diagnostics.report(Problem::NotificationFailed, &cause);
            }
        }
    }

    fn settle(&self, lane: &Lane, effects: &Effects) {
        if lane.belief == Belief::Lasting {
            self.memory.after(&lane.name, effects);
        }
        lane.instruments.lost(Lost::GivenUp, effects.given_up);
        if let Some(fallback) = lane.fallback.map(|place| &self.lanes[place]) {
            effects.passed_on.iter().for_each(|alert| self.offer(fallback, alert, Some(&lane.name)));
        }
    }
}

impl Lane {
    /// Does something with the channel, and shows what there is then.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Channel) -> R) -> R {
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut channel);
        // The casts are exact: both are counted in memory.
        self.instruments.pending.set(channel.pending() as f64);
        self.instruments.alerts.set(channel.members() as f64);
        self.pending.send_replace(channel.pending());
        result
    }
}
