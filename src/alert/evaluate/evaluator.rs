//! Evaluates rules over snapshots, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::alert::{ActiveAlert, AlertChange};
use super::history::{History, Kept, LOOKBACK, milliseconds};
use super::look::{Look, Verdict};
use super::options::Evaluation;
use super::refusal::{Refusal, Refused};
use super::state::{AlertState, Finding, Lasting, Moment, Tracked};
use super::vector::Group;
use crate::alert::rule::BoundRule;
use crate::alert::set::RuleSet;
use crate::clock::Clock;
use crate::metrics::Snapshot;

/// Rules, what they look at, and the alerts that they have.
///
/// It does nothing by itself: each [`step`](Self::step) is an evaluation at the present moment of its clock, for a host with
/// a schedule of its own and for tests. `Monitoring::evaluate` does it on a thread.
///
/// ```
/// use std::time::Duration;
///
/// use aistm7_monitoring::alert::evaluate::{AlertState, Evaluation, Evaluator};
/// use aistm7_monitoring::alert::{Across, Alerts, Pack, Quantity, Rule, Value, metric};
/// use aistm7_monitoring::catalog::Catalog;
/// use aistm7_monitoring::clock::ManualClock;
/// use aistm7_monitoring::metrics::{Definition, Gauge, Meter, Registry};
///
/// static LAG: Definition = Definition::gauge("lag_blocks", "Blocks that we are behind.");
///
/// let registry = Registry::new();
/// let lag: Gauge = Meter::new(&registry).gauge::<0>(&LAG)?.series([]);
/// let behind = Value::latest(metric("lag_blocks"), Across::Max).above(Quantity::count(10.0));
/// let rule = Rule::new("LagHigh", Pack::Service, behind)
///     .lasting(Duration::from_secs(15))
///     .summary("We are behind.")
///     .description("{service} is {value} blocks behind.")
///     .runbook_url("https://wiki.example.com/runbooks/lag");
/// let rules = Alerts::new().rule(rule).bind(&Catalog::of(&registry))?;
///
/// let held = ManualClock::new();
/// let options = Evaluation::new().grace(Duration::ZERO).label("service", "orders");
/// let mut evaluator = Evaluator::new(&rules, options, held.clock());
/// lag.set(12.0);
/// let mut step = || {
///     let changes = evaluator.step(&registry.snapshot());
///     held.advance(Duration::from_secs(15));
///     changes.into_iter().find(|change| change.alert.name() == "LagHigh")
/// };
/// assert_eq!(step().unwrap().alert.state(), AlertState::Pending);
/// let fires = step().unwrap().alert;
/// assert_eq!((fires.state(), fires.description()), (AlertState::Firing, "orders is 12 blocks behind.".to_owned()));
/// lag.set(1.0);
/// assert_eq!(step().unwrap().alert.state(), AlertState::Resolved);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Evaluator {
    watched: Vec<Watched>,
    refused: Vec<Refused>,
    history: History,
    clock: Clock,
    began: Instant,
    grace: Duration,
    last: Option<i64>,
}

/// A rule and its alerts.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) rule: Arc<BoundRule>,
    alerts: BTreeMap<Group, Tracked>,
    pub(super) has_data: bool,
}

/// How long an alert that is over is still shown. As long as Prometheus tells of it.
const SHOWN_WHEN_OVER: Duration = Duration::from_secs(900);

impl Evaluator {
    /// For those of the rules that a process can evaluate.
    pub fn new(rules: &RuleSet, options: Evaluation, clock: Clock) -> Self {
        let (mut watched, mut refused, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        for rule in rules.rules() {
            match Refusal::of(rule, &options) {
                Ok(needed) => {
                    needs.extend(needed);
                    watched.push(Watched { rule: Arc::new(rule.clone()), alerts: BTreeMap::new(), has_data: false });
                }
                Err(reason) => refused.push(Refused { rule: rule.name().to_owned(), reason }),
            }
        }
        let Evaluation { every, grace, memory, identity, .. } = options;
        let history = History::new(needs, &identity, every, memory);
        Self { watched, refused, history, began: clock.now(), clock, grace, last: None }
    }

    /// The rules that are not evaluated, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Takes the samples of a snapshot, evaluates all rules, and says what has changed.
    ///
    /// Nothing before the clock has moved by a millisecond since the last time. Within the grace after the start only samples
    /// are taken.
    pub fn step(&mut self, snapshot: &Snapshot) -> Vec<AlertChange> {
        let since_start = self.clock.now().saturating_duration_since(self.began);
        let at = Moment { now: milliseconds(since_start), wall: self.clock.wall() };
        if self.last.is_some_and(|last| at.now <= last) {
            return Vec::new();
        }
        self.history.take(snapshot, at.now);
        if since_start < self.grace {
            return Vec::new();
        }
        let was_lately = self.last.is_some_and(|last| at.now - last <= milliseconds(LOOKBACK));
        self.last = Some(at.now);
        let mut changes = Vec::new();
        for watched in &mut self.watched {
            let look = Look { history: &self.history, rule: &watched.rule, now: at.now, unix: at.unix() };
            let fires =
                |group: &Group| was_lately && watched.alerts.get(group).is_some_and(|alert| alert.state.is_firing());
            let verdict = look.verdict(fires);
            watched.found(&verdict, at, &mut changes);
        }
        changes
    }

    /// The alerts that are not inactive, by rule and labels, those included that were over within the last quarter of an hour.
    pub fn alerts(&self) -> impl Iterator<Item = ActiveAlert> {
        self.watched
            .iter()
            .flat_map(|watched| watched.alerts.values().map(|alert| ActiveAlert::new(&watched.rule, alert)))
    }

    pub(super) fn watched(&self) -> &[Watched] {
        &self.watched
    }

    pub(super) fn kept(&self) -> Kept {
        self.history.kept()
    }
}

impl Watched {
    pub(super) fn alerts(&self) -> impl Iterator<Item = &Tracked> {
        self.alerts.values()
    }

    fn found(&mut self, verdict: &Verdict, at: Moment, changes: &mut Vec<AlertChange>) {
        self.has_data = !verdict.seen.is_empty();
        let lasting = Lasting {
            before_firing: milliseconds(self.rule.lasting()),
            keep_firing: milliseconds(self.rule.keep_firing()),
        };
        for (group, value) in verdict.holds.iter() {
            self.alerts.entry(Group::clone(group)).or_insert_with(|| Tracked::new(Group::clone(group), value, at));
        }
        for (group, alert) in &mut self.alerts {
            let finding = match (verdict.holds.get(group), verdict.seen.get(group)) {
                (Some(value), _) => Finding::True(value),
                (None, Some(_)) => Finding::False,
                (None, None) => Finding::Missing,
            };
            // One that has just been made was not there before.
            let from = if alert.active == at { AlertState::Inactive } else { alert.state };
            alert.step(finding, at, lasting);
            if alert.state != from {
                changes.push(AlertChange { from, alert: ActiveAlert::new(&self.rule, alert) });
            }
        }
        self.alerts.retain(|_, alert| {
            let is_old = alert.ended.is_some_and(|ended| at.now - ended.now > milliseconds(SHOWN_WHEN_OVER));
            alert.state != AlertState::Inactive && !is_old
        });
    }
}
