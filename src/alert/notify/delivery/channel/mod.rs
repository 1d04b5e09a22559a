//! What one destination is to be told, and when: decisions only, no clock and no network.
//!
//! It holds the newest state of each alert and what the destination knows of it. The difference is what is to be told, so
//! however often an alert changes while nobody can be told, it takes one place, and the newest state is what is told.

mod call;
mod schedule;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use self::call::{Calling, Trouble};
pub(super) use self::call::{Effects, Step, Telling};
use super::agenda::{Agenda, Why};
use super::group::{Group, Known, Meaning, Member};
use super::instruments::Lost;
use super::rate::RateLimit;
use super::timing::Timing;
use crate::alert::Severity;
use crate::alert::notify::alert::{Alert, AlertStatus};
use crate::alert::notify::change::Change;
use crate::alert::notify::fingerprint::Fingerprint;
use crate::alert::notify::notifier::{Grouping, Merging, Profile, Receipt};

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
