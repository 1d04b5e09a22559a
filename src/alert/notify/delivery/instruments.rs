//! What is measured of telling people. Every series exists from the start.

use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, LabelValue, Meter, Unit};

static NOTIFICATIONS: Definition = Definition::counter(
    "alert_notifications_total",
    "Attempts to tell a destination of alerts, by outcome: ok, refused (it says no for good), too_often, failed \
     (it is to be tried again).",
)
.labels(&["destination", "outcome"]);

static DROPPED: Definition = Definition::counter(
    "alert_notifications_dropped_total",
    "Alerts that a destination was not told of, by reason: full, recovered (over before it was told), given_up \
     (refused, or tried for a day), unrouted (no route takes it; destination is none).",
)
.labels(&["destination", "reason"]);

static PENDING: Definition = Definition::gauge(
    "alert_notifications_pending",
    "Notices and changes that a destination is still to be told, what waits for others to be told with included.",
)
.labels(&["destination"]);

static LAST_SUCCESS: Definition = Definition::gauge_absent_until_set(
    "alert_notifications_last_success_timestamp_seconds",
    "When a destination last took what it was told, in Unix seconds.",
)
.unit(Unit::Seconds)
.labels(&["destination"]);

static ALERTS: Definition = Definition::gauge(
    "alert_notifications_alerts",
    "Alerts that are kept for a destination: those it knows of and that are not over, and those it is to be told.",
)
.labels(&["destination"]);

static SPOOL_BYTES: Definition = Definition::gauge(
    "alert_spool_bytes",
    "Length of the file that remembers what destinations were told; 0 without one.",
)
.unit(Unit::Bytes);

static SPOOL_FORGOTTEN: Definition = Definition::counter(
    "alert_spool_forgotten_total",
    "Times that the file did not remember something, by reason: full, failed (the system refused), torn (the end of the \
     file was not whole when it was opened).",
)
.labels(&["reason"]);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Refused,
    TooOften,
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::TooOften, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::TooOften => "too_often",
            Self::Failed => "failed",
        }
    }
}

/// Why a destination was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Full,
    Recovered,
    GivenUp,
    Unrouted,
}

impl Lost {
    /// Those that happen at a destination.
    const AT_DESTINATIONS: [Self; 3] = [Self::Full, Self::Recovered, Self::GivenUp];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Recovered => "recovered",
            Self::GivenUp => "given_up",
            Self::Unrouted => "unrouted",
        }
    }
}

/// The registered families.
pub(super) struct Families {
    notifications: Family<Counter, 2>,
    dropped: Family<Counter, 2>,
    pending: Family<Gauge, 1>,
    last_success: Family<Gauge, 1>,
    alerts: Family<Gauge, 1>,
}

impl Families {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            notifications: meter.counter(&NOTIFICATIONS)?,
            dropped: meter.counter(&DROPPED)?,
            pending: meter.gauge(&PENDING)?,
            last_success: meter.gauge(&LAST_SUCCESS)?,
            alerts: meter.gauge(&ALERTS)?,
        })
    }

    /// What counts alerts that no route takes.
    pub(super) fn unrouted(&self) -> Counter {
        self.dropped.series(["none".into(), Lost::Unrouted.as_str().into()])
    }

    /// The handles of one destination.
    pub(super) fn of(&self, destination: &str) -> Instruments {
        let destination = LabelValue::capped(destination);
        let labelled = |word: &'static str| [destination.clone(), word.into()];
        Instruments {
            outcomes: Outcome::ALL.map(|outcome| self.notifications.series(labelled(outcome.as_str()))),
            dropped: Lost::AT_DESTINATIONS.map(|lost| self.dropped.series(labelled(lost.as_str()))),
            pending: self.pending.series([destination.clone()]),
            last_success: self.last_success.series([destination.clone()]),
            alerts: self.alerts.series([destination]),
        }
    }
}

/// The handles of one destination.
pub(super) struct Instruments {
    outcomes: [Counter; Outcome::ALL.len()],
    dropped: [Counter; Lost::AT_DESTINATIONS.len()],
    pub(super) pending: Gauge,
    pub(super) last_success: Gauge,
    pub(super) alerts: Gauge,
}

impl Instruments {
    pub(super) fn attempted(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].increment();
    }

    pub(super) fn lost(&self, lost: Lost, alerts: usize) {
        if let Some(counter) = self.dropped.get(lost as usize) {
            // The cast is exact: alerts are counted in memory.
            counter.add(alerts as u64);
        }
    }
}

/// Why something is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgotten {
    Full,
    Failed,
    Torn,
}

impl Forgotten {
    const ALL: [Self; 3] = [Self::Full, Self::Failed, Self::Torn];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Failed => "failed",
            Self::Torn => "torn",
        }
    }
}

/// The handles of the spool.
pub(super) struct SpoolInstruments {
    pub(super) bytes: Gauge,
    forgotten: [Counter; Forgotten::ALL.len()],
}

impl SpoolInstruments {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let forgotten = meter.counter::<1>(&SPOOL_FORGOTTEN)?;
        Ok(Self {
            bytes: meter.gauge::<0>(&SPOOL_BYTES)?.series([]),
            forgotten: Forgotten::ALL.map(|reason| forgotten.series([reason.as_str().into()])),
        })
    }

    pub(super) fn forgot(&self, reason: Forgotten) {
        self.forgotten[reason as usize].increment();
    }
}
