//! States over time, what is refused, and the thread. What conditions mean is compared with Prometheus itself.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::alert::rule::{Across, Condition, Missing, Pack, Quantity, Rule, Value, metric, up};
use crate::alert::{Alerts, RuleSet};
use crate::catalog::Catalog;
use crate::clock::ManualClock;
use crate::metrics::{Counter, Definition, Family, Gauge, Meter, Registry};

static LEVEL: Definition = Definition::gauge_absent_until_set("level", "Level.").labels(&["lane"]);
static FAILED: Definition = Definition::counter("failed_total", "Failed.");
static INFO: Definition = Definition::gauge("service_info", "Info.").labels(&["catalog"]);

const EVERY: Duration = Duration::from_secs(15);

struct Bench {
    held: ManualClock,
    registry: Registry,
    levels: Family<Gauge, 1>,
    failed: Counter,
}

impl Bench {
    fn new() -> Self {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let _: Family<Gauge, 1> = meter.gauge(&INFO).unwrap();
        let failed: Family<Counter, 0> = meter.counter(&FAILED).unwrap();
        let failed = failed.series([]);
        Self { held: ManualClock::new(), levels: meter.gauge(&LEVEL).unwrap(), registry, failed }
    }

    fn level(&self) -> Gauge {
        self.levels.series(["fast".into()])
    }

    fn rules(&self, rule: Rule) -> RuleSet {
        Alerts::new().rule(rule).bind(&Catalog::of(&self.registry)).unwrap()
    }

    fn evaluator(&self, rule: Rule, options: Evaluation) -> Evaluator {
        Evaluator::new(&self.rules(rule), options.grace(Duration::ZERO), self.held.clock())
    }

    /// The changes of the alerts of our rule.
    fn step(&self, evaluator: &mut Evaluator) -> Vec<(AlertState, AlertState)> {
        self.held.advance(EVERY);
        let changes =
            evaluator.step(&self.registry.snapshot()).into_iter().filter(|change| change.alert.name() == NAME);
        changes.map(|change| (change.from, change.alert.state())).collect()
    }
}

const NAME: &str = "LevelHigh";

fn rule(condition: Condition) -> Rule {
    Rule::new(NAME, Pack::Service, condition)
        .summary("It is high.")
        .description("It is {value}.")
        .runbook_url("https://runbooks.example.com/level")
}

fn high() -> Condition {
    Value::latest(metric("level"), Across::Max).above(Quantity::count(5.0))
}

fn low(across: Across) -> Condition {
    Value::latest(metric("level"), across).below(Quantity::count(1.0))
}

#[test]
fn alert_goes_through_its_states() {
    use AlertState::{Firing, Inactive, Pending, Recovering, Resolved};

    let bench = Bench::new();
    let mut evaluator = bench.evaluator(rule(high()).lasting(EVERY * 2).keep_firing(EVERY * 2), Evaluation::new());
    for (level, changes) in [
        (9.0, vec![(Inactive, Pending)]),
        (1.0, vec![(Pending, Inactive)]),
        (9.0, vec![(Inactive, Pending)]),
        (9.0, vec![]),
        (9.0, vec![(Pending, Firing)]),
        (1.0, vec![(Firing, Recovering)]),
        (9.0, vec![(Recovering, Firing)]),
        (1.0, vec![(Firing, Recovering)]),
        (1.0, vec![]),
        (1.0, vec![(Recovering, Resolved)]),
        (1.0, vec![]),
        (9.0, vec![(Resolved, Pending)]),
    ] {
        bench.level().set(level);
        assert_eq!(bench.step(&mut evaluator), changes);
    }
    let alert = evaluator.alerts().find(|alert| alert.name() == NAME).unwrap();
    assert_eq!((alert.fired_at(), alert.ended_at()), (None, None), "another than the one before");
    assert_eq!(alert.active_since(), bench.held.clock().wall());
}

#[test]
fn alert_that_nothing_is_known_of_any_more_has_no_data_unless_its_last_values_are_held() {
    let gone = |missing| {
        let mut bench = Bench::new();
        let mut evaluator = bench.evaluator(rule(high()).missing(missing), Evaluation::new());
        bench.level().set(9.0);
        bench.step(&mut evaluator);
        bench.registry = Registry::new();
        (0..6).map(|_| bench.step(&mut evaluator).pop().map(|(_, to)| to)).collect::<Vec<_>>()
    };
    let ended = Some(AlertState::NoData);
    assert_eq!(gone(Missing::Resolves), [ended, None, None, None, None, None]);
    assert_eq!(gone(Missing::Holds(EVERY * 3)), [None, None, None, ended, None, None]);
}

/// A gauge takes none, but the sum of two that are infinite is one.
#[test]
fn what_is_no_number_fires_nothing_and_counts_as_missing() {
    use AlertState::{Firing, Inactive, NoData, Pending, Resolved};

    let sum = || Value::latest(metric("level"), Across::Sum);
    let (few, share) = (Quantity::count(5.0), Quantity::ratio(-1.0));
    for condition in [sum().above(few), sum().at_least(few), sum().below(few), sum().over(sum()).above(share)] {
        let bench = Bench::new();
        let mut evaluator = bench.evaluator(rule(condition.clone()), Evaluation::new());
        bench.level().set(f64::INFINITY);
        bench.levels.series(["slow".into()]).set(f64::NEG_INFINITY);
        assert_eq!(bench.step(&mut evaluator), [], "{condition:?}");
    }
    let bench = Bench::new();
    let mut evaluator = bench.evaluator(rule(sum().above(few)).lasting(EVERY), Evaluation::new());
    let is_none = (f64::INFINITY, f64::NEG_INFINITY);
    for (levels, changes) in [
        ((9.0, 0.0), vec![(Inactive, Pending)]),
        (is_none, vec![(Pending, Inactive)]),
        ((9.0, 0.0), vec![(Inactive, Pending)]),
        ((9.0, 0.0), vec![(Pending, Firing)]),
        // What a gauge refuses leaves it as it was.
        ((f64::NAN, f64::NAN), vec![]),
        (is_none, vec![(Firing, NoData)]),
        (is_none, vec![]),
        ((9.0, 0.0), vec![(NoData, Pending)]),
        ((9.0, 0.0), vec![(Pending, Firing)]),
        ((1.0, 0.0), vec![(Firing, Resolved)]),
    ] {
        bench.level().set(levels.0);
        bench.levels.series(["slow".into()]).set(levels.1);
        assert_eq!(bench.step(&mut evaluator), changes, "{levels:?}");
    }
}

#[test]
fn alert_clears_at_its_own_threshold() {
    let bench = Bench::new();
    let mut evaluator = bench.evaluator(rule(high()).clear_at(3.0), Evaluation::new());
    let fires = [4.0, 6.0, 4.0, 3.0, 4.0].map(|level| {
        bench.level().set(level);
        bench.step(&mut evaluator);
        evaluator.alerts().any(|alert| alert.name() == NAME && alert.state().is_firing())
    });
    assert_eq!(fires, [false, true, true, false, false]);
}

#[test]
fn alerts_that_are_over_are_shown_for_a_quarter_of_an_hour() {
    let bench = Bench::new();
    let mut evaluator = bench.evaluator(rule(high()), Evaluation::new());
    bench.level().set(9.0);
    bench.step(&mut evaluator);
    bench.level().set(1.0);
    let shown = (0..100).take_while(|_| {
        bench.step(&mut evaluator);
        evaluator.alerts().any(|alert| alert.name() == NAME)
    });
    assert_eq!(shown.count(), 61, "at its end, and for the sixty evaluations of 900 s after it");
}

#[test]
fn first_moments_are_in_the_history_but_fire_nothing() {
    let bench = Bench::new();
    let condition = Value::events(metric("failed_total"), Duration::from_secs(300)).at_least(Quantity::count(1.0));
    let grace = EVERY * 3;
    let mut evaluator =
        Evaluator::new(&bench.rules(rule(condition)), Evaluation::new().grace(grace), bench.held.clock());
    bench.failed.increment();
    let changes: Vec<_> = (0..3).map(|_| bench.step(&mut evaluator).len()).collect();
    assert_eq!(changes, [0, 0, 1], "a failure before the first evaluation is not forgotten");
}

#[test]
fn what_one_process_cannot_know_is_refused_with_a_reason() {
    let bench = Bench::new();
    let info = || metric("service_info");
    let count = Quantity::count(1.0);
    let long = Duration::from_secs(24 * 3600);
    let refusal = |condition, options: Evaluation| {
        let evaluator = Evaluator::new(&bench.rules(rule(condition)), options, bench.held.clock());
        evaluator.refused().iter().find(|refused| refused.rule == NAME).map(|refused| refused.reason.clone())
    };
    let one = Evaluation::new;
    let several = || Evaluation::new().replicas(3);
    let gone = |of| Condition::Gone { of, within: EVERY * 8, since: EVERY };
    let longest = DEFAULT_LONGEST_WINDOW;
    for (condition, options, reason) in [
        (high(), one(), None),
        (gone(metric("level")), one(), None),
        (gone(info()), one(), Some(Refusal::OwnAbsence)),
        (Value::latest(up(), Across::Sum).above(count), one(), Some(Refusal::Up)),
        (
            Value::Distinct { of: info(), label: "catalog".to_owned() }.above(count),
            one(),
            Some(Refusal::ComparesReplicas),
        ),
        (
            high().and(Value::increase(metric("failed_total"), long).above(count)),
            one(),
            Some(Refusal::LongHistory { needed: long, longest }),
        ),
        (high(), several(), None),
        (low(Across::Max), several(), Some(Refusal::SeveralReplicas { replicas: 3 })),
        (low(Across::Max), one(), None),
        (Condition::Always, several(), None),
    ] {
        assert_eq!(refusal(condition.clone(), options), reason, "{condition:?}");
    }
    let by_instance = rule(low(Across::Max)).by(["service", "environment", "instance"]);
    let evaluator = Evaluator::new(&bench.rules(by_instance), several(), bench.held.clock());
    assert!(!evaluator.refused().iter().any(|refused| refused.rule == NAME), "it is about one replica");
}

#[test]
fn of_several_replicas_each_evaluates_what_its_share_says_of_all() {
    let level = |across| Value::latest(metric("level"), across);
    let high = |across| level(across).above(Quantity::count(1.0));
    let failed = || Value::increase(metric("failed_total"), Duration::from_secs(300));
    let last = || metric("level");
    let gone = Condition::Gone { of: last(), within: EVERY * 8, since: EVERY };
    let late = Condition::Overdue { timestamp: last(), interval: last(), intervals: 2.0 };
    let seconds = Quantity::seconds(1.0);
    for (condition, is_evaluated) in [
        (high(Across::Sum), true),
        (low(Across::Sum), false),
        (high(Across::Max), true),
        (low(Across::Max), false),
        (high(Across::Min), false),
        (low(Across::Min), true),
        (high(Across::Mean), true),
        (low(Across::Mean), true),
        (failed().above(Quantity::count(3.0)), true),
        (failed().below(Quantity::count(3.0)), false),
        // A verdict on its own share, whichever way.
        (failed().over(failed()).below(Quantity::ratio(0.9)), true),
        (Value::quantile(metric("level"), 0.95, EVERY * 8).below(seconds), true),
        (Value::Age { of: last() }.above(seconds), false),
        (Value::Until { of: last() }.below(seconds), true),
        (gone.clone(), false),
        (late, false),
        (Condition::Always, true),
        // As much as its parts.
        (high(Across::Sum).and(failed().above(Quantity::count(3.0))), true),
        (high(Across::Sum).and(low(Across::Sum)), false),
        (high(Across::Sum).or(gone.clone()), false),
        (high(Across::Sum).unless(high(Across::Max)), true),
        (high(Across::Sum).unless(gone), false),
    ] {
        assert_eq!(share::answers(&condition), is_evaluated, "{condition:?}");
    }
}

#[test]
fn thread_evaluates_when_it_is_due_tells_of_changes_and_ends_with_its_last_handle() {
    let bench = Bench::new();
    let (tell, told) = mpsc::channel();
    let options = Evaluation::new().grace(Duration::ZERO).on_change(move |change| {
        if change.alert.name() == NAME {
            // The test may be over.
            let _ = tell.send(change.clone());
            panic!("as the test wants");
        }
    });
    bench.level().set(9.0);
    let rules = bench.rules(rule(high()).lasting(EVERY));
    let evaluating = Evaluating::start(&rules, options, &bench.registry, &bench.held.clock()).unwrap();
    let next = || told.recv_timeout(Duration::from_secs(20)).unwrap().alert;
    assert_eq!(next().state(), AlertState::Pending);
    // It may not wait yet, so that time moves on more than once.
    let fires = loop {
        bench.held.advance(EVERY);
        if let Ok(change) = told.recv_timeout(Duration::from_millis(20)) {
            break change.alert;
        }
    };
    assert_eq!((fires.state(), fires.value().to_string()), (AlertState::Firing, "9".to_owned()));
    let report = evaluating.report();
    assert!(report.alerts.contains(&fires), "whoever is told can look it up");
    let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    let shown = json["alerts"].as_array().unwrap().iter().find(|alert| alert["alertname"] == NAME).unwrap();
    assert_eq!((&shown["state"], &shown["description"]), (&"firing".into(), &"It is 9.".into()));
    drop(evaluating);
    // The thread holds the sender.
    assert!(matches!(told.recv_timeout(Duration::from_secs(20)), Err(mpsc::RecvTimeoutError::Disconnected)));
    let counted = |labels: &[_]| bench.registry.snapshot().value("alert_active", labels);
    let of_rule = |state| [("alertname", NAME), ("severity", "warning"), ("state", state)];
    assert_eq!((counted(&of_rule("firing")), counted(&of_rule("pending"))), (Some(1.0), Some(0.0)));
}

#[cfg(feature = "notify")]
#[test]
fn delivery_hears_of_what_fires_and_of_its_end_and_not_of_what_is_pending() {
    use crate::alert::HeldBack;
    use crate::alert::notify::{
        AlertStatus, Delivery, Notice, Notifier, NotifyError, Receipt, Replicas, Route, Silence, Told,
    };

    struct Pager(mpsc::Sender<Vec<(String, AlertStatus, String)>>);

    impl Notifier for Pager {
        async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
            let told = notice.alerts().iter().map(|Told { alert, .. }| {
                let labels: Vec<_> = alert.labels().map(|(_, value)| value).collect();
                (alert.rule().to_owned(), alert.status(), labels.join("/"))
            });
            // The test may be over.
            let _ = self.0.send(told.collect());
            Ok(None)
        }
    }

    let bench = Bench::new();
    let (tell, told) = mpsc::channel();
    let clock = bench.held.clock();
    let delivery = Delivery::builder(Replicas::One)
        .destination("pager", Pager(tell))
        .route(Route::to(["pager"]))
        .windows(Duration::ZERO, Duration::ZERO)
        .clock(clock.clone())
        .build(&Meter::new(&bench.registry))
        .unwrap();
    let options = Evaluation::new().grace(Duration::ZERO).label("service", "orders").deliver_to(&delivery);
    let rules = bench.rules(rule(high()).lasting(EVERY * 3).by(["service", "environment", "lane"]));
    bench.level().set(9.0);
    let evaluating = Evaluating::start(&rules, options, &bench.registry, &clock).unwrap();
    let next = || loop {
        bench.held.advance(EVERY);
        let ours = |told: Vec<(String, AlertStatus, String)>| told.into_iter().find(|(rule, ..)| rule == NAME);
        if let Some((_, status, labels)) = told.recv_timeout(Duration::from_millis(20)).ok().and_then(ours) {
            break (status, labels);
        }
    };
    assert_eq!(next(), (AlertStatus::Firing, "fast/orders".to_owned()));
    let held_back = || {
        let report = evaluating.report();
        let ours = report.alerts.iter().find(|alert| alert.name() == NAME).unwrap();
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        let shown = json["alerts"].as_array().unwrap().iter().find(|alert| alert["alertname"] == NAME).unwrap();
        (ours.held_back().cloned(), shown["held_back"]["reason"].as_str().map(str::to_owned))
    };
    assert_eq!(held_back(), (None, None));
    let silence = Silence::new(std::time::UNIX_EPOCH, clock.wall() + EVERY).rule(NAME);
    delivery.silence(silence.clone());
    assert_eq!(held_back(), (Some(HeldBack::Silenced), Some("silenced".to_owned())));
    delivery.lift(&silence);
    bench.level().set(1.0);
    assert_eq!(next(), (AlertStatus::Resolved, "fast/orders".to_owned()));
    drop(evaluating);
}
