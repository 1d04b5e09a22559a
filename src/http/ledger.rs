//! The account of one route and method: what was started, what is finished, what is in flight.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;

use super::chain::Chain;
use super::custom_labels::Combination;
use super::head::RequestEnd;
use super::instruments::{Account, Ending, Finished, FurtherLabels, Verdict};
use super::labels::{Outcome, StatusClass};
use super::measures::{Measured, RequestBytes, RouteMeasures, Streams};
use super::shared::Common;
use crate::metrics::{Counter, Histogram, LabelValue, Tally};
use crate::trace::TraceContext;

/// The handles of one route and method. `started = finished + in flight` at every moment between two steps of a request.
pub(super) struct Ledger {
    in_flight: Tally,
    started: Option<Counter>,
    /// One for each combination of the service's own labels; without any, one.
    branches: Box<[OnceLock<Branch>]>,
    streams: OnceLock<Streams>,
    measures: Option<Box<RouteMeasures>>,
    request_bytes: OnceLock<Histogram>,
    pub(super) account: Account,
    pub(super) answers: Answers,
    pub(super) common: Arc<Common>,
}

/// What a route's successful responses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// As long as they are, unless they say that they are event streams.
    Finite,
    /// Declared to go on as long as both sides please.
    Streams,
}

/// The handles of one combination of the service's own labels.
#[derive(Default)]
struct Branch {
    labels: Box<FurtherLabels>,
    response_time: [OnceLock<Option<Histogram>>; StatusClass::COUNT],
    finished: Chain<Ending, Finished>,
}

impl Ledger {
    /// Opens the account: the counters that success and error ratios need exist at 0 from here on.
    pub(super) fn open(common: &Arc<Common>, method: LabelValue, route: LabelValue, answers: Answers) -> Self {
        let account = Account { method, route };
        let ledger = Self {
            in_flight: common.instruments.in_flight(&account),
            started: common.instruments.started(&account),
            branches: (0..common.labels.combinations()).map(|_| OnceLock::new()).collect(),
            streams: OnceLock::new(),
            measures: common.measures.of(&account),
            request_bytes: OnceLock::new(),
            account,
            answers,
            common: Arc::clone(common),
        };
        ledger.branch(Combination::default());
        ledger
    }

    pub(super) fn begin(&self) {
        self.in_flight.open();
        if let Some(started) = &self.started {
            started.increment();
        }
    }

    /// The response head is there, or will not come: records the service's own time.
    pub(super) fn head(
        &self,
        status: Option<StatusCode>,
        labels: Combination,
        time: Duration,
        context: Option<&TraceContext>,
    ) {
        let class = StatusClass::of(status);
        let branch = self.branch(labels);
        let histogram = branch.response_time[class.index()]
            .get_or_init(|| self.common.instruments.response_time(&self.account, class, &branch.labels));
        if let Some(histogram) = histogram {
            histogram.record_duration_in(time, context);
        }
    }

    /// A response began that goes on as long as both sides please.
    pub(super) fn begin_stream(&self) {
        self.streams().begin();
    }

    pub(super) fn end_stream(&self, lasted: Duration, context: Option<&TraceContext>) {
        self.streams().end(lasted, context);
    }

    /// Where the bytes of request bodies go.
    pub(super) fn request_bytes(&self, family: &RequestBytes) -> &Histogram {
        self.request_bytes.get_or_init(|| family.series(&self.account))
    }

    /// Whether a request that ended so is an error, by the service's rule or the usual one.
    pub(super) fn verdict(&self, end: RequestEnd) -> Verdict {
        self.common.verdict(end)
    }

    /// The end of a request. `took` tells how long it took in all.
    pub(super) fn end(
        &self,
        measured: &Measured,
        labels: Combination,
        took: impl FnOnce() -> Duration,
        context: Option<&TraceContext>,
    ) {
        let branch = self.branch(labels);
        if self.common.instruments.counts(measured.kind) {
            match self.finished(branch, measured.ending) {
                Finished::Counted { finished, error } => {
                    finished.increment();
                    if let Some(error) = error {
                        error.increment();
                    }
                }
                Finished::Timed(histogram) => histogram.record_duration_in(measured.head_after, context),
            }
        }
        if let Some(measures) = &self.measures {
            measures.record(&self.common.measures, &self.account, measured, took, context);
        }
        self.in_flight.close();
    }

    fn streams(&self) -> &Streams {
        self.streams.get_or_init(|| self.common.measures.streams(&self.account))
    }

    #[inline]
    fn branch(&self, labels: Combination) -> &Branch {
        self.branches[labels.index()].get_or_init(|| self.new_branch(labels))
    }

    fn new_branch(&self, labels: Combination) -> Branch {
        let branch = Branch { labels: self.common.labels.pairs(labels).into(), ..Branch::default() };
        for (status, outcome) in
            [(StatusCode::OK, Outcome::Ok), (StatusCode::INTERNAL_SERVER_ERROR, Outcome::ServerError)]
        {
            let verdict = self.verdict(RequestEnd { status: Some(status), outcome, grpc: None });
            self.finished(&branch, Ending { status: Some(status), outcome, verdict });
        }
        branch
    }

    #[inline]
    fn finished<'a>(&self, branch: &'a Branch, ending: Ending) -> &'a Finished {
        let make = |ending: &Ending| self.common.instruments.finished(&self.account, *ending, &branch.labels);
        branch.finished.get_or_insert_with(ending, make)
    }
}
