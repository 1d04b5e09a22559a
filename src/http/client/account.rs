//! The account of one peer: what was begun, how it ended, what is under way.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::instruments::Families;
use crate::clock::Clock;
use crate::http::labels::{MethodLabel, Outcome, StatusClass};
use crate::metrics::{Counter, Histogram, LabelValue, Tally};
use crate::trace::SpanSink;

/// For each method, `begun = samples + in flight` at every moment between two steps of a call.
pub(super) struct Account {
    families: Families,
    clock: Clock,
    spans: Option<Arc<dyn SpanSink>>,
    peer: LabelValue,
    methods: [OnceLock<Box<MethodAccount>>; MethodLabel::COUNT],
}

struct MethodAccount {
    started: Counter,
    in_flight: Tally,
    /// By class and outcome, of which few meet. A table of 1 KiB is smaller than the series of a method.
    durations: [[OnceLock<Histogram>; Outcome::COUNT]; StatusClass::COUNT],
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    class: StatusClass,
    outcome: Outcome,
    status: Option<StatusCode>,
}

impl End {
    /// The head of the response is there.
    pub(super) fn answered(method: MethodLabel, status: StatusCode) -> Self {
        let is_tunnel = method == MethodLabel::of(&Method::CONNECT) && status.is_success();
        let is_upgrade = is_tunnel || status == StatusCode::SWITCHING_PROTOCOLS;
        let outcome = if is_upgrade { Outcome::Upgraded } else { Outcome::of_complete(status) };
        Self { class: StatusClass::of(Some(status)), outcome, status: Some(status) }
    }

    /// There will be no response.
    pub(super) fn unanswered(outcome: Outcome) -> Self {
        Self { class: StatusClass::of(None), outcome, status: None }
    }

    pub(super) fn status(self) -> Option<StatusCode> {
        self.status
    }

    /// What went wrong from the caller's view, to whom a 4xx is an error too.
    pub(super) fn failure(self) -> Option<&'static str> {
        let Self { outcome, .. } = self;
        (outcome.is_error() || matches!(outcome, Outcome::ClientError | Outcome::Cancelled)).then(|| outcome.as_str())
    }
}

impl Account {
    pub(super) fn open(families: Families, clock: Clock, spans: Option<Arc<dyn SpanSink>>, peer: LabelValue) -> Self {
        Self { families, clock, spans, peer, methods: Default::default() }
    }

    /// Where the spans of calls go, if they go anywhere.
    pub(super) fn spans(&self) -> Option<&dyn SpanSink> {
        self.spans.as_deref()
    }

    pub(super) fn peer(&self) -> &str {
        self.peer.as_str()
    }

    pub(super) fn begin(&self, method: MethodLabel) -> Instant {
        let account = self.of(method);
        account.in_flight.open();
        account.started.increment();
        self.clock.now()
    }

    /// How long it took.
    pub(super) fn end(&self, method: MethodLabel, end: End, began: Instant) -> Duration {
        let account = self.of(method);
        let took = self.clock.now().saturating_duration_since(began);
        self.duration(account, method, end).record_duration(took);
        account.in_flight.close();
        took
    }

    fn of(&self, method: MethodLabel) -> &MethodAccount {
        self.methods[method.index()].get_or_init(|| self.open_method(method))
    }

    /// What ratios of success and error are made of exists at 0 from the first call on.
    fn open_method(&self, method: MethodLabel) -> Box<MethodAccount> {
        let labels = || [self.peer.clone(), method.as_str().into()];
        let account = Box::new(MethodAccount {
            started: self.families.started.series(labels()),
            in_flight: self.families.in_flight.tally(labels()),
            durations: Default::default(),
        });
        for status in [StatusCode::OK, StatusCode::INTERNAL_SERVER_ERROR] {
            self.duration(&account, method, End::answered(method, status));
        }
        self.duration(&account, method, End::unanswered(Outcome::Failed));
        account
    }

    fn duration<'a>(&self, account: &'a MethodAccount, method: MethodLabel, end: End) -> &'a Histogram {
        account.durations[end.class.index()][end.outcome as usize].get_or_init(|| {
            let words = [method.as_str(), end.class.as_str(), end.outcome.as_str()].map(LabelValue::from);
            let [method, class, outcome] = words;
            self.families.duration.series([self.peer.clone(), method, class, outcome])
        })
    }
}
