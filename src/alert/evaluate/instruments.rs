//! What is measured of evaluating rules. Every series exists from the start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::evaluator::{Evaluator, Watched};
use super::history::Kept;
use super::state::AlertState;
use crate::alert::rule::BoundRule;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Unit};

static ACTIVE: Definition = Definition::gauge(
    "alert_active",
    "Alerts of a rule that is evaluated in the process, by state: pending, firing, recovering (it is no longer true and goes on \
     to fire), no_data (it fired within the last quarter of an hour, and nothing is known of it any more).",
)
.labels(&["alertname", "severity", "state"]);

static RULES: Definition = Definition::gauge(
    "alert_rules",
    "Rules that the process was to evaluate, by result: evaluated, refused (one process cannot know it).",
)
.labels(&["result"]);

static EVALUATIONS: Definition =
    Definition::counter("alert_evaluations_total", "Times that all rules were evaluated in the process.");

static MISSED: Definition = Definition::counter(
    "alert_evaluations_missed_total",
    "Evaluations that were left out because the one before them, or the whole process, took too long.",
);

static DURATION: Definition = Definition::histogram(
    "alert_evaluation_duration_seconds",
    "Time that an evaluation of all rules took, taking the samples and telling of changes included.",
)
.unit(Unit::Seconds)
.edges(DURATION_EDGES);

static LAST: Definition = Definition::gauge_absent_until_set(
    "alert_last_evaluation_timestamp_seconds",
    "When all rules were last evaluated in the process, in Unix seconds.",
)
.unit(Unit::Seconds);

static SERIES: Definition = Definition::gauge(
    "alert_series",
    "Series that rules look at, by result: kept, dropped (there is no room for their samples).",
)
.labels(&["result"]);

static HISTORY: Definition =
    Definition::gauge("alert_history_bytes", "Bytes that the samples which are kept for rules may come to take.")
        .unit(Unit::Bytes);

/// Upper bounds in seconds. Chosen: from a handful of rules to an evaluation that takes its whole interval.
const DURATION_EDGES: &[f64] = &[0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// The states that single alerts are counted in.
const STATES: [AlertState; 4] = [AlertState::Pending, AlertState::Firing, AlertState::Recovering, AlertState::NoData];

pub(super) struct Instruments {
    /// For each rule that is evaluated, one for each of [`STATES`].
    active: Vec<[Gauge; STATES.len()]>,
    evaluations: Counter,
    missed: Counter,
    duration: Histogram,
    last: Gauge,
    kept: Gauge,
    dropped: Gauge,
    history: Gauge,
}

impl Instruments {
    pub(super) fn register(meter: &Meter, evaluator: &Evaluator) -> Result<Self, DefinitionError> {
        let (active, rules, series) = (meter.gauge(&ACTIVE)?, meter.gauge(&RULES)?, meter.gauge(&SERIES)?);
        let evaluations: Family<Counter, 0> = meter.counter(&EVALUATIONS)?;
        let missed: Family<Counter, 0> = meter.counter(&MISSED)?;
        let duration: Family<Histogram, 0> = meter.histogram(&DURATION)?;
        let last: Family<Gauge, 0> = meter.gauge(&LAST)?;
        let history: Family<Gauge, 0> = meter.gauge(&HISTORY)?;
        let number = |count: usize| count as f64; // Exact: there are no 2^53 rules.
        rules.series(["evaluated".into()]).set(number(evaluator.watched().len()));
        rules.series(["refused".into()]).set(number(evaluator.refused().len()));
        Ok(Self {
            active: evaluator.watched().iter().map(|watched| of_rule(&active, &watched.rule)).collect(),
            evaluations: evaluations.series([]),
            missed: missed.series([]),
            duration: duration.series([]),
            last: last.series([]),
            kept: series.series(["kept".into()]),
            dropped: series.series(["dropped".into()]),
            history: history.series([]),
        })
    }

    pub(super) fn missed(&self, evaluations: u64) {
        self.missed.add(evaluations);
    }

    pub(super) fn evaluated(&self, evaluator: &Evaluator, took: Duration, wall: SystemTime) {
        for (gauges, watched) in self.active.iter().zip(evaluator.watched()) {
            show(gauges, watched);
        }
        let Kept { series, dropped, bytes } = evaluator.kept();
        // Exact: all of them are far below 2^53.
        self.kept.set(series as f64);
        self.dropped.set(dropped as f64);
        self.history.set(bytes as f64);
        self.evaluations.increment();
        self.duration.record_duration(took);
        self.last.set(wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    }
}

fn of_rule(active: &Family<Gauge, 3>, rule: &Arc<BoundRule>) -> [Gauge; STATES.len()] {
    STATES.map(|state| {
        let severity = rule.severity().as_str().into();
        let gauge = active.series([LabelValue::capped(rule.name()), severity, state.as_str().into()]);
        gauge.set(0.0);
        gauge
    })
}

fn show(gauges: &[Gauge; STATES.len()], watched: &Watched) {
    for (gauge, state) in gauges.iter().zip(STATES) {
        let count = watched.alerts().filter(|alert| alert.state == state).count();
        gauge.set(count as f64);
    }
}
