//! The thread that keeps the schedule of all checks.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use super::STARTUP_LIMIT;
use super::run;
use super::shared::{Delivered, Shared};
use super::tracked::{Duty, Tracked};
use crate::clock::Clock;
use crate::diagnostics::{Diagnostics, Problem};
use crate::drain::Drain;
use crate::health::report::HealthReport;
use crate::health::state::Moment;
use crate::health::transition::Transition;

/// Everything that only the scheduling thread touches.
pub(in crate::health) struct Schedule {
    pub(in crate::health) checks: Vec<Tracked>,
    pub(in crate::health) clock: Clock,
    pub(in crate::health) runtime: Handle,
    pub(in crate::health) transitions: broadcast::Sender<Transition>,
    pub(in crate::health) diagnostics: Diagnostics,
    /// A process on its way out does nothing for others.
    pub(in crate::health) drain: Drain,
    /// Spreads the runs of replicas that were started together.
    pub(in crate::health) random: Rng,
    pub(in crate::health) startup_ends: Instant,
}

impl Schedule {
    /// When waiting for first results ends, for a start at `now`.
    pub(in crate::health) fn startup_ends(now: Moment) -> Instant {
        now.instant + STARTUP_LIMIT
    }

    /// Keeps the schedule on a thread of its own until `shared` is stopped.
    pub(in crate::health) fn spawn(self, shared: Arc<Shared>) -> io::Result<()> {
        std::thread::Builder::new().name("health-schedule".to_owned()).spawn(move || self.keep(&shared)).map(drop)
    }

    fn keep(mut self, shared: &Arc<Shared>) {
        while !shared.is_stopped() {
            let now = Moment::of(&self.clock);
            for (index, delivered) in shared.take_deliveries() {
                let Self { checks, transitions, .. } = &mut self;
                let tracked = &mut checks[index];
                let mut told = |transition| tell(shared, transitions, transition);
                match delivered {
                    Delivered::Run { end, certificate_not_after } => {
                        if let Some(not_after) = certificate_not_after {
                            tracked.saw_certificate(not_after);
                        }
                        tracked.ended(end, now, &mut told);
                    }
                    Delivered::Bid(end) => tracked.bid_ended(end, now, &mut told),
                }
            }
            if shared.refreshes.begin() {
                self.checks.iter_mut().for_each(|check| check.want_refresh(now.instant));
            }
            for index in 0..self.checks.len() {
                self.attend(index, now, shared);
            }
            let started = self.is_started(now.instant);
            shared.publish(HealthReport::new(self.checks.iter().map(Tracked::show).collect(), started));
            if self.checks.iter().all(Tracked::is_refreshed) {
                shared.refreshes.finish();
            }
            let startup = (!started).then_some(self.startup_ends);
            let deadline = self.checks.iter().filter_map(|check| check.next_deadline(now.instant)).chain(startup).min();
            shared.alarm.wait(deadline);
        }
    }

    /// Does what the clock asks for one check.
    fn attend(&mut self, index: usize, now: Moment, shared: &Arc<Shared>) {
        let Self { checks, runtime, transitions, diagnostics, random, drain, .. } = self;
        let mut told = |transition| tell(shared, transitions, transition);
        let tracked = &mut checks[index];
        let failed = |what: &str, error| diagnostics.report(Problem::SpawnFailed, &format!("{what}: {error}"));
        if tracked.tick(now, &mut told) == Duty::StartRun {
            let thread = format!("health-{}", tracked.name);
            match run::start(Arc::clone(&tracked.check), index, thread, runtime, shared) {
                Ok(abort) => tracked.started(abort, now, random.f64()),
                Err(error) => {
                    failed(&format!("health check {}", tracked.name), error);
                    tracked.not_started(now, &mut told);
                }
            }
        }
        if let Some(bidding) = tracked.bid(drain.phase(), now) {
            let thread = format!("lease-{}", tracked.name);
            let asking = run::start(bidding, index, thread, runtime, shared);
            let asking = asking.map_err(|error| failed(&format!("lease of health check {}", tracked.name), error));
            tracked.bidding(asking.ok());
        }
    }

    pub(in crate::health) fn is_started(&self, now: Instant) -> bool {
        now >= self.startup_ends || self.checks.iter().all(Tracked::is_known)
    }
}

fn tell(shared: &Shared, transitions: &broadcast::Sender<Transition>, transition: Transition) {
    shared.remember(transition.clone());
    // An error says that nobody has subscribed.
    let _ = transitions.send(transition);
}
