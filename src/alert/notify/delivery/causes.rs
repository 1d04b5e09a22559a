//! Causes that fire, and what they mute: the semantics of Alertmanager's `inhibit_rules`.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::alert::{Alert, AlertStatus};
use super::super::fingerprint::Fingerprint;
use super::mutes::Held;
use crate::alert::{INHIBITIONS, Labelled};

/// The causes that fire, of all alerts that the delivery was offered, whoever is told of them.
pub(super) struct Causes {
    capacity: usize,
    confirm_within: Duration,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    causes: HashMap<Fingerprint, Cause>,
    muting: HashMap<Place, BTreeSet<Fingerprint>>,
}

struct Cause {
    rule: String,
    /// At least one.
    places: Vec<Place>,
    /// Until when somebody must say that it still fires: it comes from before a restart.
    unconfirmed_until: Option<Instant>,
}

/// A place in [`INHIBITIONS`], and the values of the labels that are equal there.
type Place = (usize, Vec<String>);

/// What the newest state of an alert means to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearing {
    None,
    /// It muted others, and no longer does.
    NoLongerMutes,
}

impl Causes {
    /// Of causes beyond the capacity nothing is muted.
    pub(super) fn new(capacity: usize, confirm_within: Duration) -> Self {
        Self { capacity, confirm_within, book: Mutex::default() }
    }

    /// Takes the newest state of an alert.
    pub(super) fn heed(&self, alert: &Alert) -> Bearing {
        let (id, places) = (alert.fingerprint(), places(alert));
        let mut book = self.book();
        if let Some(cause) = book.causes.get_mut(&id)
            && cause.places == places
        {
            cause.unconfirmed_until = None;
            return Bearing::None;
        }
        let muted = book.remove(id);
        if !places.is_empty() && book.causes.len() < self.capacity {
            book.insert(id, Cause { rule: alert.rule.clone(), places, unconfirmed_until: None });
        }
        if muted { Bearing::NoLongerMutes } else { Bearing::None }
    }

    /// Takes an alert from before a restart. It mutes as long as nobody had to confirm it.
    pub(super) fn restore(&self, alert: &Alert, now: Instant) {
        let (id, places) = (alert.fingerprint(), places(alert));
        let mut book = self.book();
        let over: Vec<_> = book.causes.iter().filter(|(_, cause)| cause.is_over(now)).map(|(id, _)| *id).collect();
        for id in over {
            book.remove(id);
        }
        if places.is_empty() || book.causes.contains_key(&id) || book.causes.len() >= self.capacity {
            return;
        }
        let unconfirmed_until = now.checked_add(self.confirm_within);
        book.insert(id, Cause { rule: alert.rule.clone(), places, unconfirmed_until });
    }

    /// The rule of a cause that mutes an alert, and how long that holds.
    pub(super) fn mute(&self, alert: &Alert, now: Instant) -> Option<(String, Held)> {
        let places = INHIBITIONS.iter().enumerate().filter(|(_, inhibition)| all(inhibition.follows(), alert));
        let mut places = places.map(|(at, inhibition)| (at, equal(inhibition.equal, alert))).peekable();
        places.peek()?;
        let book = self.book();
        let ids = places.filter_map(|place| book.muting.get(&place)).flatten();
        let causes = ids.filter_map(|id| book.causes.get(id)).filter(|cause| !cause.is_over(now));
        let longest = causes.max_by_key(|cause| cause.held())?;
        Some((longest.rule.clone(), longest.held()))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cause {
    fn held(&self) -> Held {
        self.unconfirmed_until.map_or(Held::UntilLifted, Held::Until)
    }

    fn is_over(&self, now: Instant) -> bool {
        self.unconfirmed_until.is_some_and(|until| until <= now)
    }
}

impl Book {
    fn insert(&mut self, id: Fingerprint, cause: Cause) {
        for place in &cause.places {
            self.muting.entry(place.clone()).or_default().insert(id);
        }
        self.causes.insert(id, cause);
    }

    /// Whether it was there.
    fn remove(&mut self, id: Fingerprint) -> bool {
        let Some(cause) = self.causes.remove(&id) else { return false };
        for place in &cause.places {
            if let Some(ids) = self.muting.get_mut(place) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.muting.remove(place);
                }
            }
        }
        true
    }
}

/// Where an alert mutes others; nowhere when it is over.
fn places(alert: &Alert) -> Vec<Place> {
    if alert.status == AlertStatus::Resolved {
        return Vec::new();
    }
    let of = INHIBITIONS.iter().enumerate().filter(|(_, inhibition)| all(inhibition.cause(), alert));
    of.map(|(at, inhibition)| (at, equal(inhibition.equal, alert))).collect()
}

fn equal(labels: &[&str], alert: &Alert) -> Vec<String> {
    labels.iter().map(|label| alert.matched(label).to_owned()).collect()
}

fn all(mut of: impl Iterator<Item = Labelled>, alert: &Alert) -> bool {
    of.all(|one| match one {
        Labelled::Is(label, value) => alert.matched(label) == value,
        Labelled::IsNot(label, value) => alert.matched(label) != value,
        Labelled::OneOf(label, values) => values.contains(&alert.matched(label)),
    })
}
