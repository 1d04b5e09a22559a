//! Which group is due when: the worst first of those that are.

use std::collections::BTreeSet;
use std::time::Instant;

use super::super::fingerprint::Fingerprint;

/// When something is to be looked at, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Instant,
    /// By its severity, the worst first: see [`rank`](super::super::notifier::rank).
    pub(super) rank: usize,
    pub(super) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// There is something to be told.
    News,
    /// It is time to tell the same again, or to see whether it still holds.
    Upkeep,
}

/// The dues of all groups. Each has one at most.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    ranked: [BTreeSet<(Instant, Fingerprint)>; 3],
    news: usize,
}

impl Agenda {
    /// Replaces the due of a group.
    pub(super) fn replace(&mut self, group: Fingerprint, old: Option<Due>, new: Option<Due>) {
        if let Some(old) = old {
            self.ranked[old.rank].remove(&(old.at, group));
            self.news -= usize::from(old.why == Why::News);
        }
        if let Some(new) = new {
            self.ranked[new.rank].insert((new.at, group));
            self.news += usize::from(new.why == Why::News);
        }
    }

    /// The group to be looked at now: of the worst, the one that has waited the longest.
    pub(super) fn ripe(&self, now: Instant) -> Option<Fingerprint> {
        let first_of_each = self.ranked.iter().filter_map(|groups| groups.first());
        first_of_each.into_iter().find(|(at, _)| *at <= now).map(|(_, group)| *group)
    }

    /// When there is something to be looked at.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.ranked.iter().filter_map(|groups| groups.first()).map(|(at, _)| *at).min()
    }

    /// How many groups have something to be told.
    pub(super) fn news(&self) -> usize {
        self.news
    }
}
