//! What is told next, and what follows from how that ended.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::agenda::Why;
use super::super::group::{Failing, Known, Member, PassedOn};
use super::super::mutes::Mutes;
use super::super::timing::{GIVE_UP_AFTER, pause_after};
use super::{Channel, Role};
use crate::alert::Severity;
use crate::alert::notify::alert::{Alert, AlertStatus};
use crate::alert::notify::change::Change;
use crate::alert::notify::error::NotifyError;
use crate::alert::notify::fingerprint::Fingerprint;
use crate::alert::notify::notifier::{Notice, Receipt};

/// The destination has failed, and not succeeded since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    since: Instant,
    failures: u32,
}

/// What it is being told at the moment.
pub(super) enum Calling {
    Notice { group: Fingerprint, states: Vec<(Fingerprint, AlertStatus, Severity)> },
    Change(Change),
}

/// What is to be done next.
pub(in crate::alert::notify::delivery) enum Step {
    /// To tell this, and then to say how that ended.
    Tell(Telling),
    Announce(Change),
    /// To look again then, or when something comes in.
    Wait(Option<Instant>),
}

/// A notice, and what has to be remembered before it is sent.
pub(in crate::alert::notify::delivery) struct Telling {
    pub(in crate::alert::notify::delivery) notice: Notice,
    /// Alerts of which nobody knows what the destination knows until the call has ended.
    pub(in crate::alert::notify::delivery) perhaps_known: Vec<Arc<Alert>>,
}

/// What follows from the end of a call.
#[derive(Debug, Default)]
pub(in crate::alert::notify::delivery) struct Effects {
    /// Alerts that the destination knows now and that are not over.
    pub(in crate::alert::notify::delivery) known: Vec<(Arc<Alert>, Known)>,
    /// Alerts that it need not be told of any more.
    pub(in crate::alert::notify::delivery) over: Vec<Fingerprint>,
    /// The group that was told of, and what it gave.
    pub(in crate::alert::notify::delivery) receipt: Option<(Fingerprint, Option<Receipt>)>,
    /// Alerts for the fallback.
    pub(in crate::alert::notify::delivery) passed_on: Vec<Arc<Alert>>,
    pub(in crate::alert::notify::delivery) given_up: usize,
}

impl Channel {
    /// What is to be done now.
    pub(in crate::alert::notify::delivery) fn next(&mut self, now: Instant, wall: SystemTime, mutes: &Mutes) -> Step {
        if self.calling.is_some() || self.role == Role::Listens {
            return Step::Wait(None);
        }
        let free_at = self.rate.free_at(now).max(self.paused_until.unwrap_or(now));
        loop {
            let ripe = self.agenda.ripe(now);
            if ripe.is_none() && self.changes.is_empty() {
                return Step::Wait(self.agenda.next_at());
            }
            if free_at > now {
                return Step::Wait(Some(free_at));
            }
            if let Some(key) = ripe {
                let Some(telling) = self.telling(key, now, wall, mutes) else { continue };
                return Step::Tell(telling);
            }
            if let Some(change) = self.changes.pop_front() {
                self.calling = Some(Calling::Change(change.clone()));
                return Step::Announce(change);
            }
        }
    }

    /// How the call ended that [`Channel::next`] asked for.
    pub(in crate::alert::notify::delivery) fn done(
        &mut self,
        outcome: &Result<Option<Receipt>, NotifyError>,
        now: Instant,
    ) -> Effects {
        // Not when it began: the destination counts it somewhere in between.
        self.rate.take(now);
        match outcome {
            Ok(_) => (self.trouble, self.paused_until) = (None, None),
            Err(error) if error.is_permanent() => {}
            Err(error) => self.is_in_trouble(error, now),
        }
        match (self.calling.take(), outcome) {
            (Some(Calling::Notice { group, states }), Ok(receipt)) => self.was_told(group, &states, Some(receipt), now),
            (Some(Calling::Notice { group, states }), Err(error)) => {
                let mut effects = self.was_not_told(group, &states, error, now);
                effects.passed_on.extend(self.passed_on(now));
                effects
            }
            (Some(Calling::Change(change)), Err(error)) if !error.is_permanent() => {
                self.changes.push_front(change);
                Effects::default()
            }
            (Some(Calling::Change(_)) | None, _) => Effects::default(),
        }
    }

    fn telling(&mut self, key: Fingerprint, now: Instant, wall: SystemTime, mutes: &Mutes) -> Option<Telling> {
        let repeat_after = self.repeat_after();
        let group = self.groups.get_mut(&key)?;
        let look = group.look(now, wall, mutes);
        let still_fires = look.told.iter().any(|(_, told)| told.alert.status == AlertStatus::Firing);
        let is_repeat = still_fires && group.told_at.is_some_and(|at| at + repeat_after <= now);
        if !look.has_news && !is_repeat {
            let again = [look.held_until, self.upkeep_at(key)].into_iter().flatten().min();
            // Later than now in any case, or this would be looked at for ever.
            self.set_due(key, again.map(|at| (at.max(now + Duration::from_millis(1)), Why::Upkeep)));
            return None;
        }
        let (mut states, mut perhaps_known) = (Vec::new(), Vec::new());
        for (id, told) in &look.told {
            states.push((*id, told.alert.status, told.alert.severity));
            if let Some(member) = group.members.get_mut(id)
                && member.is_news()
            {
                // Were it told again what it was told before, in between it may believe the opposite.
                member.known = Known::Perhaps(member.known.status());
                perhaps_known.push(Arc::clone(&told.alert));
            }
        }
        let alerts = look.told.into_iter().map(|(_, told)| told).collect();
        let notice = group.notice(key, alerts, wall);
        self.set_due(key, None);
        self.calling = Some(Calling::Notice { group: key, states });
        Some(Telling { notice, perhaps_known })
    }

    /// The destination knows these states, or it is given up to tell it: then there is no receipt.
    fn was_told(
        &mut self,
        key: Fingerprint,
        states: &[(Fingerprint, AlertStatus, Severity)],
        receipt: Option<&Option<Receipt>>,
        now: Instant,
    ) -> Effects {
        let mut effects = Effects::default();
        let Some(group) = self.groups.get_mut(&key) else { return effects };
        (group.failing, group.told_at) = (None, Some(now));
        if let Some(receipt) = receipt {
            // What is over is not gone on with.
            let is_over = states.iter().all(|(_, status, _)| *status == AlertStatus::Resolved);
            group.receipt = receipt.clone().filter(|_| !is_over);
            effects.receipt = Some((key, group.receipt.clone()));
        }
        for (id, status, severity) in states {
            let Some(member) = group.members.get_mut(id) else { continue };
            if *status == AlertStatus::Resolved && member.alert.status == AlertStatus::Resolved {
                group.members.remove(id);
                self.members -= 1;
                effects.over.push(*id);
            } else if *status == AlertStatus::Resolved {
                // It fires again: that is another story.
                member.known = Known::Nothing;
                effects.over.push(*id);
            } else {
                member.known = Known::Told(*status, *severity);
                effects.known.push((Arc::clone(&member.alert), member.known));
            }
        }
        if group.members.values().any(Member::is_news) {
            self.has_news(key, now);
        } else if !self.remove_if_empty(key) {
            let upkeep = self.upkeep_at(key).map(|at| (at, Why::Upkeep));
            self.set_due(key, upkeep);
        }
        effects
    }

    fn was_not_told(
        &mut self,
        key: Fingerprint,
        states: &[(Fingerprint, AlertStatus, Severity)],
        error: &NotifyError,
        now: Instant,
    ) -> Effects {
        let Some(group) = self.groups.get_mut(&key) else { return Effects::default() };
        let first = Failing { since: now, attempts: 0, passed_on: PassedOn::NotYet };
        let failing = group.failing.get_or_insert(first);
        failing.attempts += 1;
        let is_given_up = error.is_permanent() || now.saturating_duration_since(failing.since) >= GIVE_UP_AFTER;
        if !is_given_up {
            let again = now + pause_after(error, failing.attempts);
            self.schedule(key, again, Why::News);
            return Effects::default();
        }
        let is_passed_on = failing.passed_on == PassedOn::Done;
        let passed_on: Vec<_> = group.members.values().map(|member| Arc::clone(&member.alert)).collect();
        let mut effects = self.was_told(key, states, None, now);
        effects.given_up = states.len();
        if !is_passed_on {
            effects.passed_on = passed_on;
        }
        effects
    }

    /// The alerts that a destination in trouble has not been told for too long.
    fn passed_on(&mut self, now: Instant) -> Vec<Arc<Alert>> {
        let is_over = |trouble: Trouble| now.saturating_duration_since(trouble.since) >= self.timing.fallback_after;
        if !self.trouble.is_some_and(is_over) {
            return Vec::new();
        }
        let mut alerts = Vec::new();
        for group in self.groups.values_mut().filter(|group| group.due.is_some_and(|due| due.why == Why::News)) {
            let fresh = Failing { since: now, attempts: 0, passed_on: PassedOn::NotYet };
            let failing = group.failing.get_or_insert(fresh);
            if failing.passed_on == PassedOn::NotYet {
                failing.passed_on = PassedOn::Done;
                alerts.extend(group.members.values().map(|member| Arc::clone(&member.alert)));
            }
        }
        alerts
    }

    fn is_in_trouble(&mut self, error: &NotifyError, now: Instant) {
        let trouble = self.trouble.get_or_insert(Trouble { since: now, failures: 0 });
        trouble.failures = trouble.failures.saturating_add(1);
        self.paused_until = Some(now + pause_after(error, trouble.failures));
    }
}
