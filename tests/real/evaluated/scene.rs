//! Random series.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aistm7_monitoring::metrics::{
    Collected, Collection, CollectorOptions, Definition, Family, Histogram, LabelValue, Meter, Registry, Unit,
};
use fastrand::Rng;

use super::cases::Case;
use super::{SEED, STEP};

static LEVEL: Definition = Definition::gauge("level", "A gauge.").labels(&["case", "lane"]);
static EVENTS: Definition = Definition::counter("events_total", "A counter.").labels(&["case", "lane"]);
static WAIT: Definition = Definition::histogram("wait_seconds", "A histogram.")
    .unit(Unit::Seconds)
    .labels(&["case", "lane"])
    .edges(&[0.1, 0.25, 0.5, 1.0, 2.5]);
static SEEN: Definition =
    Definition::gauge("seen_timestamp_seconds", "A timestamp.").unit(Unit::Seconds).labels(&["case", "lane"]);
static EVERY: Definition =
    Definition::gauge("seen_interval_seconds", "An interval.").unit(Unit::Seconds).labels(&["case", "lane"]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    Level,
    Events,
    Wait,
    Seen,
    Every,
}

impl Metric {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Level => LEVEL.name(),
            Self::Events => EVENTS.name(),
            Self::Wait => WAIT.name(),
            Self::Seen => SEEN.name(),
            Self::Every => EVERY.name(),
        }
    }
}

/// What shows series: a collector, whose series may vanish and whose counters may begin anew, and a family of histograms.
pub(super) struct Scene {
    actors: Vec<Actor>,
    stage: Arc<Mutex<Vec<Shown>>>,
    waits: Family<Histogram, 2>,
    /// When a gauge is beyond all numbers. Of its own, so that everything else is as without it.
    beyond: Rng,
}

/// A series at a step.
#[derive(Clone)]
struct Shown {
    metric: Metric,
    labels: [LabelValue; 2],
    value: f64,
}

/// A series over time.
struct Actor {
    shown: Shown,
    is_there: bool,
    /// How much happens at present, from 0 to 1.
    bustle: f64,
    wait: Option<Histogram>,
}

impl Scene {
    pub(super) fn new(registry: &Registry, cases: &[Case], random: &mut Rng) -> Self {
        let meter = Meter::new(registry);
        let (level, seen, every): (Collected<f64, 2>, Collected<f64, 2>, Collected<f64, 2>) =
            (meter.collected(&LEVEL).unwrap(), meter.collected(&SEEN).unwrap(), meter.collected(&EVERY).unwrap());
        let events: Collected<u64, 2> = meter.collected(&EVENTS).unwrap();
        let stage: Arc<Mutex<Vec<Shown>>> = Arc::default();
        let shows = Arc::clone(&stage);
        let collector = move |collection: &mut Collection| {
            for Shown { metric, labels, value } in shows.lock().unwrap().iter().cloned() {
                match metric {
                    Metric::Level => collection.set(&level, labels, value),
                    Metric::Seen => collection.set(&seen, labels, value),
                    Metric::Every => collection.set(&every, labels, value),
                    Metric::Events => collection.set(&events, labels, value as u64),
                    Metric::Wait => {}
                }
            }
            Ok(())
        };
        meter.collector_with("scene", collector, CollectorOptions::new().interval(Duration::ZERO)).unwrap();
        let mut actors = Vec::new();
        for case in cases {
            let mut metrics: Vec<_> = case.metrics.clone();
            metrics.dedup();
            let several = random.bool();
            for metric in metrics {
                for lane in ["a", "b", "c"].into_iter().take(if several { 3 } else { 1 }) {
                    let labels = [LabelValue::capped(case.name.clone()), lane.into()];
                    let shown = Shown { metric, labels, value: random.f64() * 10.0 };
                    // Some are born later.
                    actors.push(Actor { shown, is_there: random.u8(..3) > 0, bustle: random.f64(), wait: None });
                }
            }
        }
        Self { actors, stage, waits: meter.histogram(&WAIT).unwrap(), beyond: Rng::with_seed(SEED) }
    }

    /// Lets everything go on for a step.
    pub(super) fn act(&mut self, step: u32, random: &mut Rng) {
        let now = (STEP * step).as_secs_f64();
        for actor in &mut self.actors {
            actor.act(now, &self.waits, random);
        }
        let there = self.actors.iter().filter(|actor| actor.is_there);
        *self.stage.lock().unwrap() = there.map(|actor| actor.shows(&mut self.beyond)).collect();
    }
}

impl Actor {
    /// Its value, which of a gauge is beyond all numbers now and then: sums and shares of such are no number.
    fn shows(&self, random: &mut Rng) -> Shown {
        let is_gauge = matches!(self.shown.metric, Metric::Level | Metric::Seen | Metric::Every);
        let value = match random.u8(..20) {
            0 if is_gauge => f64::INFINITY,
            1 if is_gauge => f64::NEG_INFINITY,
            _ => self.shown.value,
        };
        Shown { value, ..self.shown.clone() }
    }

    fn act(&mut self, now: f64, waits: &Family<Histogram, 2>, random: &mut Rng) {
        if random.u8(..25) == 0 {
            self.bustle = if random.u8(..3) == 0 { 0.0 } else { random.f64() };
        }
        let is_born_or_gone = random.u8(..30) == 0;
        if is_born_or_gone && (!self.is_there || random.bool()) {
            self.is_there = !self.is_there;
        }
        let happens = random.f64() < self.bustle;
        let value = &mut self.shown.value;
        match self.shown.metric {
            Metric::Level if happens => *value = (*value + (random.f64() - 0.5) * 4.0).clamp(-2.0, 14.0),
            Metric::Events if random.u8(..60) == 0 => *value = random.f64() * 2.0,
            Metric::Events if happens => *value += f64::from(random.u8(1..4)),
            Metric::Seen if happens => *value = now - random.f64() * 40.0,
            Metric::Every => *value = if self.bustle == 0.0 { 0.0 } else { 30.0 + (self.bustle * 60.0).floor() },
            Metric::Wait if self.is_there => {
                let wait = self.wait.get_or_insert_with(|| waits.series(self.shown.labels.clone()));
                for _ in 0..random.usize(..4) {
                    if happens {
                        wait.record(random.f64() * self.bustle * 3.0);
                    }
                }
            }
            _ => {}
        }
    }
}
