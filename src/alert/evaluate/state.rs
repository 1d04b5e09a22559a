//! What becomes of an alert from one evaluation to the next.

use std::time::SystemTime;

use super::history::milliseconds;
use super::vector::Group;

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AlertState {
    /// There is no cause for it.
    Inactive,
    /// Its rule is true, but not yet for as long as it must be.
    Pending,
    /// Its rule has been true for long enough.
    Firing,
    /// Its rule is no longer true, and it goes on to fire for as long as the rule says.
    Recovering,
    /// It fired, and its rule is no longer true.
    Resolved,
    /// It fired, and there are no longer any series to say whether its rule is true.
    NoData,
}

impl AlertState {
    /// Every state that is shown for single alerts.
    pub const ALL: [Self; 6] =
        [Self::Inactive, Self::Pending, Self::Firing, Self::Recovering, Self::Resolved, Self::NoData];

    /// The word in `GET /alerts` and in the label `state`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Recovering => "recovering",
            Self::Resolved => "resolved",
            Self::NoData => "no_data",
        }
    }

    /// Whether somebody is to be told that something is wrong.
    pub const fn is_firing(self) -> bool {
        matches!(self, Self::Firing | Self::Recovering)
    }

    /// Whether it fired and is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Resolved | Self::NoData)
    }
}

/// One moment, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// Milliseconds of monotonic time.
    pub(super) now: i64,
    pub(super) wall: SystemTime,
}

impl Moment {
    /// Milliseconds since the Unix epoch.
    pub(super) fn unix(self) -> i64 {
        milliseconds(self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }
}

/// An alert that is not inactive.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tracked {
    pub(super) group: Group,
    pub(super) state: AlertState,
    /// The last that was compared while its rule was true.
    pub(super) value: f64,
    /// Since when its rule has been true.
    pub(super) active: Moment,
    pub(super) fired: Option<Moment>,
    pub(super) ended: Option<Moment>,
    /// Since when its rule is no longer true, while it recovers.
    recovering: Option<i64>,
}

/// What the last evaluation says of one alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Finding {
    /// Its rule is true, with this value.
    True(f64),
    /// Its rule is not true.
    False,
    /// Nobody knows.
    Missing,
}

/// For how long things have to last, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    pub(super) before_firing: i64,
    pub(super) keep_firing: i64,
}

impl Tracked {
    /// An alert whose rule has just become true.
    pub(super) fn new(group: Group, value: f64, at: Moment) -> Self {
        let state = AlertState::Pending;
        Self { group, state, value, active: at, fired: None, ended: None, recovering: None }
    }

    /// The state after an evaluation: that of Prometheus' alerts, and two words more for what is no longer true.
    pub(super) fn step(&mut self, finding: Finding, at: Moment, lasting: Lasting) {
        self.state = match (self.state, finding) {
            (state, Finding::True(value)) => {
                self.value = value;
                self.recovering = None;
                if state.is_over() {
                    *self = Self::new(Group::clone(&self.group), value, at);
                }
                let waits = !state.is_firing() && at.now - self.active.now < lasting.before_firing;
                if waits { AlertState::Pending } else { AlertState::Firing }
            }
            (AlertState::Inactive | AlertState::Pending, _) => AlertState::Inactive,
            (AlertState::Firing | AlertState::Recovering, finding) => {
                let since = *self.recovering.get_or_insert(at.now);
                if lasting.keep_firing > 0 && at.now - since < lasting.keep_firing {
                    AlertState::Recovering
                } else {
                    self.ended = Some(at);
                    if finding == Finding::Missing { AlertState::NoData } else { AlertState::Resolved }
                }
            }
            (over, _) => over,
        };
        if self.state == AlertState::Firing {
            self.fired.get_or_insert(at);
        }
    }
}
