//! What one destination is to be told, and when: decisions only, no clock and no network.
//!
//! It holds the newest state of each alert and what the destination knows of it. The difference is what is to be told, so
//! however often an alert changes while nobody can be told, it takes one place, and the newest state is what is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::alert::{Alert, AlertStatus};
use super::super::change::Change;
use super::super::error::NotifyError;
use super::super::fingerprint::Fingerprint;
use super::super::notifier::{Belief, Grouping, Merging, Notice, Profile, Receipt, rank};
use super::agenda::{Agenda, Due, Why};
use super::group::{Failing, Group, Known, Meaning, Member, PassedOn};
use super::instruments::Lost;
use super::mutes::Mutes;
use super::rate::RateLimit;
use super::timing::{GIVE_UP_AFTER, Timing, pause_after};
use crate::alert::Severity;

/// What one destination is to be told.
pub(super) struct Channel {
    profile: Profile,
    timing: Timing,
    capacity: usize,
    groups: HashMap<Fingerprint, Group>,
    agenda: Agenda,
    /// Alerts in all groups.
    members: usize,
    rate: RateLimit,
    trouble: Option<Trouble>,
    paused_until: Option<Instant>,
    calling: Option<Calling>,
    changes: VecDeque<Change>,
    role: Role,
    voices: Voices,
}

/// Who else tells the destination at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voices {
    One,
    /// Other replicas, of their own shares.
    Several,
}

/// Whether this process tells the destination, or another replica does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Speaks,
    /// It keeps the newest states, to go on when it is its turn.
    Listens,
}

/// The destination has failed, and not succeeded since.
#[derive(Clone, Copy, Debug)]
struct Trouble {
    since: Instant,
    failures: u32,
}

/// What it is being told at the moment.
enum Calling {
    Notice { group: Fingerprint, states: Vec<(Fingerprint, AlertStatus, Severity)> },
    Change(Change),
}

/// What is to be done next.
pub(super) enum Step {
    /// To tell this, and then to say how that ended.
    Tell(Telling),
    Announce(Change),
    /// To look again then, or when something comes in.
    Wait(Option<Instant>),
}

/// A notice, and what has to be remembered before it is sent.
pub(super) struct Telling {
    pub(super) notice: Notice,
    /// Alerts of which nobody knows what the destination knows until the call has ended.
    pub(super) perhaps_known: Vec<Arc<Alert>>,
}

/// What follows from the end of a call.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Alerts that the destination knows now and that are not over.
    pub(super) known: Vec<(Arc<Alert>, Known)>,
    /// Alerts that it need not be told of any more.
    pub(super) over: Vec<Fingerprint>,
    /// The group that was told of, and what it gave.
    pub(super) receipt: Option<(Fingerprint, Option<Receipt>)>,
    /// Alerts for the fallback.
    pub(super) passed_on: Vec<Arc<Alert>>,
    pub(super) given_up: usize,
}

/// Chosen: deployments of a day.
const MOST_CHANGES: usize = 64;

impl Channel {
    pub(super) fn new(profile: Profile, timing: Timing, capacity: usize, voices: Voices) -> Self {
        Self {
            profile,
            timing,
            capacity,
            groups: HashMap::new(),
            agenda: Agenda::default(),
            members: 0,
            rate: RateLimit::new(profile.rate),
            trouble: None,
            paused_until: None,
            calling: None,
            changes: VecDeque::new(),
            role: Role::Speaks,
            voices,
        }
    }

    /// Takes the newest state of an alert, in place of another destination if that could not be told.
    ///
    /// # Errors
    /// When it will not be told.
    pub(super) fn offer(
        &mut self,
        alert: &Arc<Alert>,
        instead_of: Option<&Arc<str>>,
        now: Instant,
    ) -> Result<(), Lost> {
        let (key, id) = (self.key_of(alert), alert.fingerprint());
        if !self.holds(key, id) {
            if alert.status == AlertStatus::Resolved {
                return Ok(());
            }
            if self.members >= self.room_for(alert.severity) {
                return Err(Lost::Full);
            }
            self.members += 1;
            let group = self.groups.entry(key).or_default();
            group.instead_of = instead_of.map(Arc::clone).or(group.instead_of.take());
        }
        if alert.status == AlertStatus::Resolved && self.lets_expire(alert) {
            self.forget(key, id);
            return Ok(());
        }
        let Some(group) = self.groups.get_mut(&key) else { return Ok(()) };
        match group.take(id, Arc::clone(alert), now) {
            Meaning::Nothing => Ok(()),
            Meaning::News => {
                self.has_news(key, now);
                Ok(())
            }
            Meaning::OverUntold => {
                self.forget(key, id);
                // Who listens does not know who was told.
                if self.role == Role::Speaks { Err(Lost::Recovered) } else { Ok(()) }
            }
        }
    }

    /// Marks an alert as one on which somebody works.
    pub(super) fn acknowledge(&mut self, id: Fingerprint, now: Instant) {
        let found = self.groups.iter_mut().find_map(|(key, group)| Some((*key, group.members.get_mut(&id)?)));
        let Some((key, member)) = found else { return };
        if member.alert.status == AlertStatus::Firing {
            member.alert = Arc::new(Alert::clone(&member.alert).acknowledged());
            self.has_news(key, now);
        }
    }

    /// Whether the destination has, or is to be told, this alert.
    pub(super) fn knows(&self, alert: &Alert) -> bool {
        self.holds(self.key_of(alert), alert.fingerprint())
    }

    /// Takes a change; the oldest makes room. Whether one had to.
    pub(super) fn announce(&mut self, change: Change) -> Result<(), Lost> {
        let is_full = self.changes.len() == MOST_CHANGES;
        if is_full {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
        if is_full { Err(Lost::Full) } else { Ok(()) }
    }

    /// Takes what the destination may know from before a restart. It is over unless it is offered again in time.
    pub(super) fn restore(&mut self, alert: Arc<Alert>, known: Known, now: Instant) {
        let (key, id) = (self.key_of(&alert), alert.fingerprint());
        if let Some(member) = self.groups.get_mut(&key).and_then(|group| group.members.get_mut(&id)) {
            // It still fires, as this process knows by itself.
            member.known = known;
            return;
        }
        self.members += 1;
        // Its end was being told: there is nothing to wait for.
        let is_over = alert.status == AlertStatus::Resolved;
        let until = if is_over { now } else { now + self.timing.confirm_within };
        let group = self.groups.entry(key).or_default();
        group.members.insert(id, Member { alert, known, offered_at: now, unconfirmed_until: Some(until) });
        let first = group.due.map_or(until, |due| due.at.min(until));
        // When it was really told is not known; from here on it is repeated as usual.
        group.told_at.get_or_insert(now);
        self.schedule(key, first, Why::Upkeep);
    }

    /// Takes what the destination gave for a group before a restart.
    pub(super) fn restore_receipt(&mut self, key: Fingerprint, receipt: Receipt) {
        if let Some(group) = self.groups.get_mut(&key) {
            group.receipt = Some(receipt);
        }
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant, wall: SystemTime, mutes: &Mutes) -> Step {
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
    pub(super) fn done(&mut self, outcome: &Result<Option<Receipt>, NotifyError>, now: Instant) -> Effects {
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

    /// Lets nothing wait for others any more.
    pub(super) fn hurry(&mut self, now: Instant) {
        let waiting = self.groups.iter().filter(|(_, group)| group.due.is_some_and(|due| due.why == Why::News));
        let keys: Vec<_> = waiting.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.schedule(key, now, Why::News));
    }

    /// Looks at everything again that may have been held back.
    pub(super) fn reconsider(&mut self, now: Instant) {
        let held_back = |group: &Group| group.members.values().any(|member| member.known == Known::Nothing);
        let keys: Vec<_> = self.groups.iter().filter(|(_, group)| held_back(group)).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.has_news(key, now));
    }

    /// Another replica speaks from now on.
    pub(super) fn listen(&mut self) {
        self.role = Role::Listens;
        // They are told by the replica that made them, or not at all.
        self.changes.clear();
    }

    /// This replica speaks from now on, and knows nothing yet of what was said: [`Channel::restore`] follows.
    pub(super) fn speak(&mut self, now: Instant) {
        (self.role, self.trouble, self.paused_until) = (Role::Speaks, None, None);
        let keys: Vec<_> = self.groups.keys().copied().collect();
        for key in keys {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            (group.receipt, group.failing, group.told_at) = (None, None, None);
            let before = group.members.len();
            // What is over, or was only ever heard of from another replica, is news to nobody.
            group
                .members
                .retain(|_, member| member.unconfirmed_until.is_none() && member.alert.status != AlertStatus::Resolved);
            self.members -= before - group.members.len();
            group.members.values_mut().for_each(|member| member.known = Known::Nothing);
            if !self.remove_if_empty(key) {
                self.has_news(key, now);
            }
        }
    }

    /// How much is to be told, what is being told included.
    pub(super) fn pending(&self) -> usize {
        if self.role == Role::Listens {
            return 0;
        }
        self.agenda.news() + self.changes.len() + usize::from(self.calling.is_some())
    }

    /// When there is something to be looked at.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.agenda.next_at()
    }

    /// How many alerts it holds.
    pub(super) const fn members(&self) -> usize {
        self.members
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

    /// A group has something to be told: after a window, in which others may join it.
    fn has_news(&mut self, key: Fingerprint, now: Instant) {
        let Some(group) = self.groups.get(&key) else { return };
        let is_critical = group.rank() == rank(Severity::Critical);
        let window = match self.profile.belief {
            // What groups for itself has a window of its own.
            Belief::Expiring { .. } => Duration::ZERO,
            Belief::Lasting if is_critical => self.timing.critical_window,
            Belief::Lasting => self.timing.window,
        };
        let known = group.due.filter(|due| due.why == Why::News).map(|due| due.at);
        let at = match (known, group.failing) {
            // It has its turn.
            (Some(at), Some(_)) => at,
            (Some(at), None) => at.min(now + window),
            (None, _) => now + window,
        };
        self.schedule(key, at, Why::News);
    }

    fn repeat_after(&self) -> Duration {
        match self.profile.belief {
            Belief::Lasting => self.timing.repeat,
            Belief::Expiring { repeat_every } => repeat_every,
        }
    }

    /// When a group without news is to be looked at again.
    fn upkeep_at(&self, key: Fingerprint) -> Option<Instant> {
        let group = self.groups.get(&key)?;
        let fires = group.members.values().any(|member| member.alert.status == AlertStatus::Firing);
        let repeat = group.told_at.filter(|_| fires).map(|at| at + self.repeat_after());
        [repeat, group.unconfirmed_until()].into_iter().flatten().min()
    }

    fn schedule(&mut self, key: Fingerprint, at: Instant, why: Why) {
        self.set_due(key, Some((at, why)));
    }

    fn set_due(&mut self, key: Fingerprint, due: Option<(Instant, Why)>) {
        if let Some(group) = self.groups.get_mut(&key) {
            let due = due.map(|(at, why)| Due { at, rank: group.rank(), why });
            self.agenda.replace(key, group.due, due);
            group.due = due;
        }
    }

    /// Whether another replica may still see what is over for this one.
    fn lets_expire(&self, alert: &Alert) -> bool {
        self.voices == Voices::Several && self.profile.merging == Merging::OneAlert && alert.is_shared()
    }

    fn forget(&mut self, key: Fingerprint, id: Fingerprint) {
        let forgotten = self.groups.get_mut(&key).and_then(|group| group.members.remove(&id));
        self.members -= usize::from(forgotten.is_some());
        self.remove_if_empty(key);
    }

    /// Forgets a group that has no members; whether it had none.
    fn remove_if_empty(&mut self, key: Fingerprint) -> bool {
        let is_empty = self.groups.get(&key).is_some_and(|group| group.members.is_empty());
        if is_empty {
            self.set_due(key, None);
            self.groups.remove(&key);
        }
        is_empty
    }

    fn holds(&self, key: Fingerprint, id: Fingerprint) -> bool {
        self.groups.get(&key).is_some_and(|group| group.members.contains_key(&id))
    }

    /// What is critical has places that nothing else takes.
    fn room_for(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.capacity,
            Severity::Warning | Severity::Info => self.capacity - self.capacity / 4,
        }
    }

    fn key_of(&self, alert: &Alert) -> Fingerprint {
        match self.profile.grouping {
            Grouping::PerAlert => alert.fingerprint(),
            Grouping::PerRule => alert.rule_fingerprint(),
            Grouping::Everything => Fingerprint::of([]),
        }
    }
}
