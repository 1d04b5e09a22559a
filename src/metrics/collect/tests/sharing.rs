//! Collectors that replicas share: what goes between them, and how long it is shown.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Bench, eventually};
use crate::diagnostics::Problem;
use crate::metrics::collect::shared::{Part, Sharing, Timing, Turn};
use crate::metrics::{Collected, Collection, CollectorError, CollectorOptions, Definition, LabelValue, Scope, Unit};

static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue", "side"]);
static SPENT: Definition = Definition::counter("spent_seconds_total", "Spent.").unit(Unit::Seconds);
static HANDED: Definition = Definition::gauge("handed", "Recorded by a handle.");

const INTERVAL: Duration = Duration::from_secs(30);

/// Does what it is told, and keeps what is published.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    turn: Option<Turn>,
    timing: Option<Timing>,
    published: Vec<String>,
}

impl Sharing for Script {
    fn part_in(&self, collector: &str, timing: Timing) -> Box<dyn Part> {
        assert_eq!(collector, "facts");
        self.0.lock().unwrap().timing = Some(timing);
        Box::new(self.clone())
    }
}

impl Part for Script {
    fn turn(&mut self) -> Turn {
        self.0.lock().unwrap().turn.clone().unwrap()
    }

    fn publish(&mut self, measured: Option<String>) {
        self.0.lock().unwrap().published.extend(measured);
    }
}

struct Replica {
    bench: Bench,
    script: Script,
}

impl Replica {
    fn with(series: usize) -> Self {
        let (bench, script) = (Bench::new(), Script::default());
        bench.registry.share_collectors(3, Some(Arc::new(script.clone())));
        let meter = bench.meter();
        let depth: Collected<f64, 2> = meter.collected(&DEPTH).unwrap();
        let spent: Collected<Duration, 0> = meter.collected(&SPENT).unwrap();
        let _handed = meter.gauge::<0>(&HANDED).unwrap().series([]);
        let measure = move |collection: &mut Collection| {
            for number in 0..series {
                let queue = LabelValue::capped(format!("a \"quoted\" \\ queue\n{number}"));
                collection.set(&depth, [queue, "".into()], 0.1 + number as f64);
            }
            collection.set(&spent, [], Duration::from_nanos(1_500_000_001));
            Ok(())
        };
        let options = CollectorOptions::new().interval(INTERVAL).scope(Scope::Shared);
        meter.collector_with("facts", measure, options).unwrap();
        Self { bench, script }
    }

    /// The page once a run with this turn has ended as it should.
    fn page_after(&self, turn: Turn, outcome: &str) -> String {
        self.script.0.lock().unwrap().turn = Some(turn);
        self.bench.clock.advance(INTERVAL);
        let before = self.bench.runs("facts", outcome);
        self.bench.registry.collect();
        eventually(|| self.bench.runs("facts", outcome) > before);
        self.bench.registry.collect();
        self.facts()
    }

    /// What is shown of the collector's metrics.
    fn facts(&self) -> String {
        let page = self.bench.registry.render();
        let is_ours =
            |line: &&str| line.starts_with("depth") || line.starts_with("spent") || line.starts_with("handed");
        page.lines().filter(is_ours).collect::<Vec<_>>().join("\n")
    }

    fn published(&self) -> String {
        self.script.0.lock().unwrap().published.last().cloned().unwrap()
    }
}

fn shown(measured: &str, age: u64) -> Turn {
    Turn::Show { measured: measured.to_owned(), age: Duration::from_secs(age) }
}

#[test]
fn followers_show_what_the_holder_measured_for_as_long_as_it_is_fresh() {
    let (holder, follower) = (Replica::with(2), Replica::with(0));
    let timing = follower.script.0.lock().unwrap().timing.unwrap();
    let fresh_for = Duration::from_secs(180);
    assert_eq!(timing, Timing { interval: INTERVAL, stretched: 3 * INTERVAL, fresh_for });

    let measured = holder.page_after(Turn::Measure, "ok");
    assert!(measured.contains("spent_seconds_total 1.500000001"), "{measured}");
    assert!(measured.contains("queue\\n1\"} 1.1"), "{measured}");
    assert_eq!(follower.page_after(shown(&holder.published(), 170), "ok"), measured);
    assert!(follower.script.0.lock().unwrap().published.is_empty());
    // It was old when it came, and nothing new does.
    assert_eq!(follower.page_after(Turn::Keep, "ok"), "handed 0");
    assert_eq!(follower.page_after(shown(&holder.published(), 0), "ok"), measured);
    assert_eq!(follower.page_after(Turn::Keep, "ok"), measured);
}

#[test]
fn what_is_no_measurement_is_not_shown() {
    let (holder, follower) = (Replica::with(1), Replica::with(0));
    let measured = holder.page_after(Turn::Measure, "ok");
    let text = holder.published();
    for broken in [
        "",
        "{}",
        &text.replace("\"form\":2", "\"form\":3"),
        &text.replace("[[0,", "[[9,"),
        // Labels of no such name, and what is no label at all.
        &text.replace("queue=", "other="),
        &text.replace("queue\\\\n0", "queue\\n0"),
    ] {
        assert_ne!(broken, text);
        follower.page_after(shown(&text, 0), "ok");
        assert_eq!(follower.page_after(shown(broken, 0), "failed"), measured, "{broken}");
    }
    // Metrics that are not there, or that others record, are left out.
    let strangers = text.replace("\"spent_seconds_total\"", "\"handed\"").replace("\"depth\"", "\"unheard_of\"");
    assert_eq!(follower.page_after(shown(&strangers, 0), "ok"), "handed 0");
}

#[test]
fn what_is_too_much_to_share_is_shown_by_who_measured_it_and_told() {
    let hundreds = Replica::with(2_000);
    hundreds.page_after(Turn::Measure, "ok");
    assert_eq!(hundreds.script.0.lock().unwrap().published.len(), 1);

    let too_much = Replica::with(5_000);
    let shown = too_much.page_after(Turn::Measure, "failed");
    assert_eq!(shown.lines().filter(|line| line.starts_with("depth")).count(), 5_000);
    assert!(too_much.script.0.lock().unwrap().published.is_empty());
    eventually(|| too_much.bench.diagnostics.total(Problem::CollectorFailed) == 1);
}

#[test]
fn shared_collector_without_a_lease_runs_as_seldom_as_all_can_bear() {
    let bench = Bench::new();
    bench.registry.share_collectors(3, None);
    let options = CollectorOptions::new().interval(INTERVAL).scope(Scope::Shared);
    let (orders, begun) = bench.depths_on_demand("facts", options);
    for (waited, runs) in [(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0)] {
        if waited == 0 || waited == 3 {
            orders.send(super::depths(&[("orders", 1.0)])).unwrap();
        }
        bench.registry.collect();
        bench.await_runs("facts", runs);
        bench.clock.advance(INTERVAL);
    }
    assert_eq!(begun.try_iter().count(), 2);
    let stale = CollectorOptions::new().interval(INTERVAL).fresh_for(3 * INTERVAL).scope(Scope::Shared);
    let refused = bench.meter().collector_with("stale", |_: &mut Collection| Ok(()), stale).unwrap_err();
    assert!(matches!(refused, CollectorError::StaleBetweenRuns { interval, .. } if interval == 3 * INTERVAL));
}
