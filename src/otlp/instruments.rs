//! What the export says of itself in `/metrics`. Every series exists at 0 from the start.

use crate::metrics::{Counter, Definition, DefinitionError, LabelValue, Meter};

static ITEMS: Definition =
    Definition::counter("otlp_items_total", "Spans and log records that were to be exported, by signal.")
        .labels(&["signal"]);

static EXPORTED: Definition =
    Definition::counter("otlp_items_exported_total", "Spans and log records that the collector took, by signal.")
        .labels(&["signal"]);

static DROPPED: Definition =
    Definition::counter("otlp_items_dropped_total", "Spans and log records that were lost, by signal and reason.")
        .labels(&["signal", "reason"]);

static REQUESTS: Definition = Definition::counter(
    "otlp_requests_total",
    "Requests to the collector, those included that try once more, by signal.",
)
.labels(&["signal"]);

/// Why something was not exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// The queue had no room.
    QueueFull,
    /// It came after the end.
    Stopped,
    /// No answer within the timeout.
    Unreachable,
    /// An answer that says no, to the whole batch.
    Refused,
    /// An answer that says no to some of a batch.
    Rejected,
}

impl Lost {
    const ALL: [Self; 5] = [Self::QueueFull, Self::Stopped, Self::Unreachable, Self::Refused, Self::Rejected];

    const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Stopped => "stopped",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
        }
    }
}

/// What counts one signal.
#[derive(Debug)]
pub(super) struct Instruments {
    pub(super) items: Counter,
    pub(super) exported: Counter,
    dropped: [Counter; Lost::ALL.len()],
    pub(super) requests: Counter,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, signal: &'static str) -> Result<Self, DefinitionError> {
        let signal = LabelValue::from(signal);
        let dropped = meter.counter::<2>(&DROPPED)?;
        Ok(Self {
            items: meter.counter::<1>(&ITEMS)?.series([signal.clone()]),
            exported: meter.counter::<1>(&EXPORTED)?.series([signal.clone()]),
            dropped: Lost::ALL.map(|reason| dropped.series([signal.clone(), reason.as_str().into()])),
            requests: meter.counter::<1>(&REQUESTS)?.series([signal]),
        })
    }

    pub(super) fn dropped(&self, reason: Lost) -> &Counter {
        &self.dropped[reason as usize]
    }
}
