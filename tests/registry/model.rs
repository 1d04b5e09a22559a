//! Any sequence of records gives what a naive model of it gives.

use std::collections::BTreeMap;

use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{Counter, Definition, Family, Gauge, Histogram, LabelValue, Meter, Registry, Unit};
use proptest::prelude::*;

use crate::scrape::{encoded, samples};

static JOBS: Definition = Definition::counter("jobs_total", "Jobs.").labels(&["a", "b"]);
static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["a", "b"]);
static SIZE: Definition =
    Definition::histogram("size_bytes", "Size.").unit(Unit::Bytes).labels(&["a", "b"]).edges(&EDGES);
static WAIT: Definition =
    Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["a", "b"]).edges(&EDGES);

const EDGES: [f64; 4] = [-1.0, 0.0, 0.5, 8.0];

#[derive(Clone, Debug)]
enum Action {
    Count(u64),
    Set(f64),
    Add(f64),
    Size(f64),
    Wait(f64),
}

fn action() -> impl Strategy<Value = Action> {
    // Halves are exact, so that the model need not care for the order of additions.
    let halves = || (-40..40i32).prop_map(|n| f64::from(n) / 2.0);
    let odd = || prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]);
    let number = move || prop_oneof![8 => halves(), 1 => odd()];
    prop_oneof![
        (0..1_000u64).prop_map(Action::Count),
        number().prop_map(Action::Set),
        number().prop_map(Action::Add),
        number().prop_map(Action::Size),
        number().prop_map(Action::Wait),
    ]
}

#[derive(Default)]
struct Model(BTreeMap<String, f64>);

impl Model {
    fn add(&mut self, name: &str, labels: &str, by: f64) {
        *self.0.entry(series(name, labels)).or_insert(0.0) += by;
    }

    fn record(&mut self, name: &str, labels: &str, sample: Option<f64>) {
        let comma = if labels.is_empty() { "" } else { "," };
        for edge in EDGES.into_iter().chain([f64::INFINITY]) {
            let bound = if edge.is_finite() { format!("{edge:?}") } else { "+Inf".to_owned() };
            let inside = sample.is_some_and(|sample| sample <= edge);
            self.add(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), f64::from(u8::from(inside)));
        }
        self.add(&format!("{name}_sum"), labels, sample.unwrap_or(0.0));
        self.add(&format!("{name}_count"), labels, f64::from(u8::from(sample.is_some())));
    }
}

fn series(name: &str, labels: &str) -> String {
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{labels}}}") }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn registry_shows_what_a_model_shows(
        actions in prop::collection::vec((action(), "[a\\\\\"\n]{0,2}", "[ab]{0,1}"), 0..60),
    ) {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let jobs: Family<Counter, 2> = meter.counter(&JOBS).unwrap();
        let depth: Family<Gauge, 2> = meter.gauge(&DEPTH).unwrap();
        let size: Family<Histogram, 2> = meter.histogram(&SIZE).unwrap();
        let wait: Family<Histogram, 2> = meter.histogram(&WAIT).unwrap();
        let mut model = Model::default();
        for (action, a, b) in actions {
            let values = [LabelValue::capped(a.clone()), LabelValue::capped(b.clone())];
            let pairs = [("a", &a), ("b", &b)].into_iter().filter(|(_, value)| !value.is_empty());
            let labels: Vec<_> = pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = labels.join(",");
            match action {
                Action::Count(by) => {
                    jobs.series(values).add(by);
                    model.add("jobs_total", &labels, by as f64);
                }
                Action::Set(value) => {
                    depth.series(values).set(value);
                    let shown = model.0.entry(series("depth", &labels)).or_insert(0.0);
                    *shown = if value.is_nan() { *shown } else { value };
                }
                Action::Add(by) => {
                    depth.series(values).add(by);
                    model.add("depth", &labels, if by.is_finite() { by } else { 0.0 });
                }
                Action::Size(sample) => {
                    size.series(values).record(sample);
                    model.record("size_bytes", &labels, Some(sample).filter(|sample| sample.is_finite()));
                }
                Action::Wait(sample) => {
                    wait.series(values).record(sample);
                    model.record("wait_seconds", &labels, Some(sample).filter(|sample| sample.is_finite() && *sample >= 0.0));
                }
            }
        }
        for format in [Format::Text, Format::OpenMetrics] {
            let mut shown = samples(&encoded(&registry, format));
            shown.retain(|series, _| !series.starts_with("monitoring_"));
            prop_assert_eq!(&shown, &model.0);
        }
        #[cfg(feature = "protobuf")]
        prop_assert_eq!(&crate::support::protobuf::samples(&crate::protobuf::decoded(&registry)), &model.0);
    }
}
