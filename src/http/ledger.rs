//! The account of one route and method: what was started, what is finished, what is in flight.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;

use super::labels::{MethodLabel, Outcome, StatusClass};
use super::shared::Common;
use crate::metrics::{Counter, Histogram, LabelValue, Tally};
use crate::trace::TraceContext;

/// The handles of one route and method. `started = finished + in flight` at every moment between two steps of a request.
pub(super) struct Ledger {
    in_flight: Tally,
    started: Counter,
    response_time: [OnceLock<Histogram>; StatusClass::COUNT],
    finished: OnceLock<Box<Slot>>,
    pub(super) method: MethodLabel,
    route: LabelValue,
    pub(super) common: Arc<Common>,
}

/// The counters of one status and outcome, in an append-only list: a route meets few, and readers take no lock.
struct Slot {
    status: Option<StatusCode>,
    outcome: Outcome,
    finished: Counter,
    error: Option<Counter>,
    next: OnceLock<Box<Slot>>,
}

impl Ledger {
    /// Opens the account: the counters that success and error ratios need exist at 0 from here on.
    pub(super) fn open(common: &Arc<Common>, method: MethodLabel, route: LabelValue) -> Arc<Self> {
        let instruments = &common.instruments;
        let labels = || [method.as_str().into(), route.clone()];
        let ledger = Arc::new(Self {
            in_flight: instruments.in_flight.tally(labels()),
            started: instruments.started.series(labels()),
            response_time: Default::default(),
            finished: OnceLock::new(),
            method,
            route: route.clone(),
            common: Arc::clone(common),
        });
        ledger.slot(Some(StatusCode::OK), Outcome::Ok);
        ledger.slot(Some(StatusCode::INTERNAL_SERVER_ERROR), Outcome::ServerError);
        ledger
    }

    pub(super) fn begin(&self) {
        self.in_flight.open();
        self.started.increment();
    }

    /// The response head is there, or will not come: records the service's own time.
    pub(super) fn head(&self, status: Option<StatusCode>, time: Duration, context: Option<&TraceContext>) {
        let class = StatusClass::of(status);
        let histogram = self.response_time[class.index()].get_or_init(|| {
            let labels = [self.method.as_str().into(), self.route.clone(), class.as_str().into()];
            self.common.instruments.response_time.series(labels)
        });
        histogram.record_duration_in(time, context);
    }

    pub(super) fn end(&self, status: Option<StatusCode>, outcome: Outcome) {
        let slot = self.slot(status, outcome);
        slot.finished.increment();
        if let Some(error) = &slot.error {
            error.increment();
        }
        self.in_flight.close();
    }

    fn slot(&self, status: Option<StatusCode>, outcome: Outcome) -> &Slot {
        let mut link = &self.finished;
        loop {
            let slot = link.get_or_init(|| Box::new(self.new_slot(status, outcome)));
            if (slot.status, slot.outcome) == (status, outcome) {
                return slot;
            }
            link = &slot.next;
        }
    }

    fn new_slot(&self, status: Option<StatusCode>, outcome: Outcome) -> Slot {
        let shown = status.map_or("none".into(), |status| LabelValue::capped(status.as_str()));
        let labels = [self.method.as_str().into(), self.route.clone(), shown, outcome.as_str().into()];
        let error = outcome.is_error().then(|| self.common.instruments.errors.series(labels.clone()));
        Slot {
            status,
            outcome,
            finished: self.common.instruments.finished.series(labels),
            error,
            next: OnceLock::new(),
        }
    }
}
