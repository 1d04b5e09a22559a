//! What a destination is told and when, on a held clock and without a network.

mod coalescing;
mod inhibiting;
mod leased;
mod restoring;
mod schedule;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::alert::{Alert, AlertStatus, Origin};
use super::super::error::NotifyError;
use super::super::notifier::{Grouping, Notice, Profile, Receipt};
use super::causes::{Bearing, Causes};
use super::channel::{Channel, Effects, Step, Voices};
use super::instruments::Lost;
use super::mutes::Mutes;
use super::silence::Silence;
use super::timing::Timing;
use crate::alert::Severity;
use crate::clock::{Clock, ManualClock};

use AlertStatus::{Acknowledged, Firing, Resolved};

/// One destination with everything around it.
struct Desk {
    held: ManualClock,
    clock: Clock,
    channel: Channel,
    mutes: Mutes,
    began: Instant,
    /// When what was told: seconds since the beginning, each alert's rule and state.
    told: Vec<(u64, Vec<(String, AlertStatus)>)>,
    /// Taken once each; afterwards all goes well.
    answers: Vec<Result<Option<Receipt>, NotifyError>>,
    effects: Effects,
}

/// Every alert by itself, and as often as one likes.
const PER_ALERT: Profile = Profile::new(Grouping::PerAlert).rate(1_000_000, Duration::from_secs(1));

impl Desk {
    fn new(profile: Profile) -> Self {
        Self::with_capacity(profile, 1_000)
    }

    fn with_capacity(profile: Profile, capacity: usize) -> Self {
        let held = ManualClock::new();
        let clock = held.clock();
        Self {
            began: clock.now(),
            channel: Channel::new(profile, Timing::default(), capacity, Voices::One),
            mutes: Mutes::new(Causes::new(capacity, Timing::default().confirm_within), Vec::new()),
            told: Vec::new(),
            answers: Vec::new(),
            effects: Effects::default(),
            held,
            clock,
        }
    }

    fn alert(&self, rule: &str, severity: Severity) -> Alert {
        Alert::firing(Origin::new("risk", "prod"), rule, severity, self.clock.wall())
    }

    fn critical(&self, rule: &str) -> Alert {
        self.alert(rule, Severity::Critical)
    }

    fn offer(&mut self, alert: &Alert) -> Result<(), Lost> {
        let bearing = self.mutes.causes.heed(alert);
        let offered = self.channel.offer(&Arc::new(alert.clone()), None, self.clock.now());
        if bearing == Bearing::NoLongerMutes {
            self.channel.reconsider(self.clock.now());
        }
        offered
    }

    fn silence(&mut self, silence: Silence) {
        self.mutes.silences = self.mutes.silences.with(silence, self.clock.wall());
    }

    fn resolve(&mut self, alert: &Alert) -> Result<(), Lost> {
        self.offer(&alert.clone().resolved(self.clock.wall()))
    }

    /// Lets time pass, telling what is due.
    fn pass(&mut self, seconds: u64) {
        let end = self.clock.now() + Duration::from_secs(seconds);
        loop {
            let now = self.clock.now();
            match self.channel.next(now, self.clock.wall(), &self.mutes) {
                Step::Tell(telling) => {
                    self.note(&telling.notice);
                    self.answer();
                }
                Step::Announce(_) => self.answer(),
                Step::Wait(Some(at)) if at <= end => self.held.advance(at - now),
                Step::Wait(_) => break,
            }
        }
        self.held.advance(end - self.clock.now());
    }

    fn answer(&mut self) {
        let answer = if self.answers.is_empty() { Ok(None) } else { self.answers.remove(0) };
        let effects = self.channel.done(&answer, self.clock.now());
        self.effects.passed_on.extend(effects.passed_on);
        self.effects.given_up += effects.given_up;
    }

    fn note(&mut self, notice: &Notice) {
        let states = notice.alerts().iter().map(|told| (told.alert.rule().to_owned(), told.alert.status()));
        let seconds = (self.clock.now() - self.began).as_secs();
        self.told.push((seconds, states.collect()));
    }

    /// What was told so far, of notices of one alert each.
    fn told(&mut self) -> Vec<(u64, String, AlertStatus)> {
        let told = std::mem::take(&mut self.told).into_iter();
        told.map(|(at, states)| {
            let [(rule, status)] = &states[..] else { panic!("{states:?}") };
            (at, rule.clone(), *status)
        })
        .collect()
    }
}

fn row(at: u64, rule: &str, status: AlertStatus) -> (u64, String, AlertStatus) {
    (at, rule.to_owned(), status)
}
