//! What a destination is told together: the alerts, and what it was told of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::super::alert::{Alert, AlertStatus};
use super::super::fingerprint::Fingerprint;
use super::super::notifier::{Notice, Receipt, Told, rank};
use super::agenda::Due;
use super::mutes::{Held, Mutes};
use crate::alert::Severity;

/// Alerts with one key at one destination.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) members: BTreeMap<Fingerprint, Member>,
    pub(super) receipt: Option<Receipt>,
    pub(super) due: Option<Due>,
    pub(super) failing: Option<Failing>,
    pub(super) told_at: Option<Instant>,
    pub(super) instead_of: Option<Arc<str>>,
}

/// An alert and what the destination knows of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) alert: Arc<Alert>,
    pub(super) known: Known,
    pub(super) offered_at: Instant,
    /// Until when somebody must say that it still fires: it comes from before a restart.
    pub(super) unconfirmed_until: Option<Instant>,
}

/// What a destination knows of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    /// It was tried to tell it something new, and nobody knows whether that arrived; what it was told before is known.
    Perhaps(Option<AlertStatus>),
    Told(AlertStatus, Severity),
}

/// Since when and how often a group could not be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failing {
    pub(super) since: Instant,
    pub(super) attempts: u32,
    pub(super) passed_on: PassedOn,
}

/// Whether the fallback has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PassedOn {
    NotYet,
    Done,
}

/// What a new state means to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing that it is to be told.
    Nothing,
    News,
    /// It was over before it was told, so it is to be forgotten.
    OverUntold,
}

/// What is found when a group is looked at.
pub(super) struct Look {
    /// In no order, and without what is held back.
    pub(super) told: Vec<(Fingerprint, Told)>,
    pub(super) has_news: bool,
    /// When the first of what is held back no longer is, if that is known.
    pub(super) held_until: Option<Instant>,
}

impl Member {
    pub(super) fn is_news(&self) -> bool {
        self.unconfirmed_until.is_none() && self.known != Known::Told(self.alert.status, self.alert.severity)
    }
}

impl Known {
    pub(super) fn status(self) -> Option<AlertStatus> {
        match self {
            Self::Told(status, _) => Some(status),
            Self::Perhaps(before) => before,
            Self::Nothing => None,
        }
    }
}

impl Group {
    /// Takes the newest state of a member.
    pub(super) fn take(&mut self, id: Fingerprint, alert: Arc<Alert>, now: Instant) -> Meaning {
        let Some(member) = self.members.get_mut(&id) else {
            let (known, unconfirmed_until) = (Known::Nothing, None);
            self.members.insert(id, Member { alert, known, offered_at: now, unconfirmed_until });
            return Meaning::News;
        };
        if alert.status == AlertStatus::Resolved && member.known == Known::Nothing {
            return Meaning::OverUntold;
        }
        let goes_on = member.alert.status == AlertStatus::Acknowledged && alert.status == AlertStatus::Firing;
        // Who evaluates does not know of who has acknowledged.
        member.alert = if goes_on { Arc::new(Alert::clone(&alert).acknowledged()) } else { alert };
        (member.offered_at, member.unconfirmed_until) = (now, None);
        if member.is_news() { Meaning::News } else { Meaning::Nothing }
    }

    /// What there is to be told now.
    pub(super) fn look(&mut self, now: Instant, wall: SystemTime, mutes: &Mutes) -> Look {
        let mut look = Look { told: Vec::new(), has_news: false, held_until: None };
        for (id, member) in &mut self.members {
            if member.unconfirmed_until.is_some_and(|until| until <= now) {
                member.unconfirmed_until = None;
                member.alert = Arc::new(Alert::clone(&member.alert).resolved(wall));
            }
            if member.known == Known::Nothing
                && let Some((_, held)) = mutes.holds(&member.alert, now, wall)
            {
                if let Held::Until(until) = held {
                    look.held_until = Some(look.held_until.map_or(until, |first| first.min(until)));
                }
                continue;
            }
            look.has_news |= member.is_news();
            let (alert, age) = (Arc::clone(&member.alert), now.saturating_duration_since(member.offered_at));
            look.told.push((*id, Told { alert, before: member.known.status(), age }));
        }
        look
    }

    /// The first time at which a member is over unless it is confirmed.
    pub(super) fn unconfirmed_until(&self) -> Option<Instant> {
        self.members.values().filter_map(|member| member.unconfirmed_until).min()
    }

    /// The rank of the worst of its members.
    pub(super) fn rank(&self) -> usize {
        self.members.values().map(|member| rank(member.alert.severity)).min().unwrap_or(rank(Severity::Info))
    }

    /// The notice that tells these alerts.
    pub(super) fn notice(&self, key: Fingerprint, alerts: Vec<Told>, wall: SystemTime) -> Notice {
        let (receipt, instead_of) = (self.receipt.clone(), self.instead_of.clone());
        let mut notice = Notice { key, alerts, receipt, instead_of, at: wall };
        notice.sort();
        notice
    }
}
