//! What is kept, and how much of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::alert::evaluate::need::{Need, Part};
use crate::alert::rule::{Selector, metric};
use crate::metrics::{Definition, Family, Gauge, LabelValue, Meter, Registry};

static LEVEL: Definition = Definition::gauge_absent_until_set("level", "Level.").labels(&["lane"]);
const EVERY: Duration = Duration::from_secs(15);
const WINDOW: Duration = Duration::from_secs(300);

struct Bench {
    registry: Registry,
    levels: Family<Gauge, 1>,
    history: History,
    now: i64,
}

fn need(of: Selector) -> Need {
    Need::new(&of, &["lane".to_owned()], Part::Number, WINDOW)
}

impl Bench {
    fn new(of: Selector, bytes: usize) -> Self {
        let registry = Registry::new();
        let levels = Meter::new(&registry).gauge(&LEVEL).unwrap();
        Self { registry, levels, history: History::new(vec![need(of)], &BTreeMap::new(), EVERY, bytes), now: 0 }
    }

    fn level(&self, lane: usize) -> Gauge {
        self.levels.series([LabelValue::capped(format!("l{lane}"))])
    }

    fn take(&mut self) -> Kept {
        self.history.take(&self.registry.snapshot(), self.now);
        self.now += milliseconds(EVERY);
        self.history.kept()
    }
}

#[test]
fn history_takes_no_more_memory_than_it_may_whatever_series_do() {
    let limit = 64 * 1024;
    let mut bench = Bench::new(metric("level"), limit);
    for step in 0..200 {
        // Each changes each time, and there are ever more of them.
        for lane in 0..=step {
            bench.level(lane).set(step as f64 + lane as f64);
        }
        let kept = bench.take();
        assert!(kept.bytes <= limit, "{kept:?}");
        assert_eq!(kept.series + kept.dropped, step + 1, "each is kept or counted");
    }
    let kept = bench.history.kept();
    assert!(kept.series > 20 && kept.dropped > 20, "{kept:?}");
}

#[test]
fn series_that_are_gone_make_room_when_their_samples_are_too_old() {
    let mut bench = Bench::new(metric("level"), 1 << 20);
    bench.level(1).set(1.0);
    assert_eq!(bench.take().series, 1);
    bench.registry = Registry::new();
    let mut taken = 0;
    while bench.take().series > 0 {
        taken += 1;
    }
    assert_eq!(taken, WINDOW.as_secs() / EVERY.as_secs(), "for as long as the window is");
    assert_eq!(bench.history.kept(), Kept::default());
    assert_eq!(bench.history.groups(&need(metric("level"))).count(), 0);
}

#[test]
fn only_what_rules_look_at_is_kept() {
    let mut bench = Bench::new(metric("level").none_of("lane", ["l1"]), 1 << 20);
    for lane in 0..3 {
        bench.level(lane).set(1.0);
    }
    bench.take();
    assert_eq!(bench.take().series, 2);
    let need = need(metric("level").none_of("lane", ["l1"]));
    let groups: Vec<_> = bench.history.groups(&need).map(|(group, members)| (group.join("/"), members.len())).collect();
    assert_eq!(groups, [("l0".to_owned(), 1), ("l2".to_owned(), 1)]);
}

#[test]
fn instants_look_back_five_minutes_if_no_samples_could_be_taken_and_not_at_series_that_are_gone() {
    let mut bench = Bench::new(metric("level"), 1 << 20);
    bench.level(1).set(7.0);
    bench.take();
    bench.level(2).set(8.0);
    bench.take();
    let need = need(metric("level"));
    let instants = |bench: &Bench, at| -> Vec<_> {
        bench.history.groups(&need).map(|(_, members)| bench.history.instant(members[0].number(), at)).collect()
    };
    let taken = milliseconds(EVERY);
    assert_eq!(instants(&bench, taken - 1), [Some(7.0), None]);
    assert_eq!(instants(&bench, taken + milliseconds(LOOKBACK)), [Some(7.0), Some(8.0)]);
    assert_eq!(instants(&bench, taken + milliseconds(LOOKBACK) + 1), [None, None]);
    bench.registry = Registry::new();
    bench.take();
    assert_eq!(instants(&bench, bench.now), [None, None], "gone at the last tick");
}
