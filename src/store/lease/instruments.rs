//! What is measured of leases.

use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, LabelValue, Meter};

static HELD: Definition = Definition::gauge(
    "lease_held",
    "1 while this process holds the lease of a shared job (check/…, collector/… or alerts) and does it for all replicas, else 0.",
)
.labels(&["lease"]);

static ACQUIRED: Definition = Definition::counter(
    "lease_acquired_total",
    "Times that this process got the lease of a shared job that it did not hold.",
)
.labels(&["lease"]);

static ERRORS: Definition = Definition::counter(
    "lease_errors_total",
    "Bids for the lease of a shared job that its store refused, answered with nonsense or did not answer in time.",
)
.labels(&["lease"]);

static FALLBACK: Definition = Definition::gauge(
    "lease_fallback",
    "1 while this process does a shared job itself, at an interval stretched by the number of replicas, because the \
     lease's store does not answer; else 0.",
)
.labels(&["lease"]);

/// The registered families.
pub(crate) struct LeaseFamilies {
    held: Family<Gauge, 1>,
    acquired: Family<Counter, 1>,
    errors: Family<Counter, 1>,
    fallback: Family<Gauge, 1>,
}

impl LeaseFamilies {
    pub(crate) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            held: meter.gauge(&HELD)?,
            acquired: meter.counter(&ACQUIRED)?,
            errors: meter.counter(&ERRORS)?,
            fallback: meter.gauge(&FALLBACK)?,
        })
    }

    /// The handles of one job's lease; its series exist from here on.
    pub(crate) fn of_job(&self, job: &str) -> LeaseInstruments {
        let lease = LabelValue::capped(job);
        let instruments = LeaseInstruments {
            held: self.held.series([lease.clone()]),
            acquired: self.acquired.series([lease.clone()]),
            errors: self.errors.series([lease.clone()]),
            fallback: self.fallback.series([lease]),
        };
        instruments.is_neither();
        instruments
    }
}

/// The handles of one job's lease.
pub(crate) struct LeaseInstruments {
    held: Gauge,
    acquired: Counter,
    errors: Counter,
    fallback: Gauge,
}

impl LeaseInstruments {
    /// A bid came to nothing.
    pub(crate) fn failed(&self) {
        self.errors.increment();
    }

    /// The lease is ours, which it was not.
    pub(crate) fn acquired(&self) {
        self.acquired.increment();
    }

    pub(crate) fn is_held(&self) {
        self.held.set(1.0);
        self.fallback.set(0.0);
    }

    pub(crate) fn is_fallback(&self) {
        self.held.set(0.0);
        self.fallback.set(1.0);
    }

    /// Somebody else has it, or nobody knows.
    pub(crate) fn is_neither(&self) {
        self.held.set(0.0);
        self.fallback.set(0.0);
    }
}
