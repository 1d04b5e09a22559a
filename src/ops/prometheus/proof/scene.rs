//! Phases, and what is to be seen when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::STEP;
use super::series::{group_value, over_time};
use super::solve::{Wish, solve};
use super::stage::Stage;
use crate::alert::{BoundRule, Condition, Missing, Value};

/// A test: series, and what a rule says to them at some times.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) series: Vec<(String, String)>,
    pub(super) checks: Vec<Check>,
    /// The labels of its alerts.
    pub(super) labels: BTreeMap<String, String>,
}

/// Whether there is an alert at a time, and what its value is.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) at: Duration,
    pub(super) value: Option<f64>,
}

/// How long things were as they should be, where a rule compares with that.
const LEAD: Duration = Duration::from_secs(900);

/// Windows are filled up to this much, unless their value must be exact: shares are right before that.
const FILLED: Duration = Duration::from_secs(600);

/// What a rule whose windows are longer is not watched to recover from: promtool would take minutes for it.
const SOON: Duration = Duration::from_secs(3600);

impl Scene {
    /// Those of a rule; `None` if no numbers were found that make it true.
    pub(super) fn of(rule: &BoundRule) -> Option<Vec<Self>> {
        let met = solve(rule, Wish::Met)?;
        let (filled, longest) = windows(rule.condition());
        let has_before = met.atoms.iter().any(|atom| atom.before.is_some());
        let lead = if has_before { LEAD } else { Duration::ZERO };
        let phase = filled + rule.lasting() + STEP * 4;

        let mut fires = vec![(met.clone(), phase)];
        let mut checks = Vec::new();
        // The last evaluation at which it cannot have been true for long enough. At the first there is no rate yet.
        if rule.lasting() > STEP {
            checks.push(Check { at: lead + rule.lasting() - STEP, value: None });
        }
        checks.push(Check { at: lead + phase, value: Some(met.value) });
        let mut end = lead + phase;
        if longest <= SOON {
            let settled = longest + STEP * 4;
            if let Some(held) = solve(rule, Wish::Held) {
                end += settled;
                checks.push(Check { at: end, value: Some(held.value) });
                fires.push((held, settled));
            }
            if let Some(unmet) = solve(rule, Wish::Unmet) {
                let cleared = settled + rule.keep_firing();
                end += cleared;
                checks.push(Check { at: end, value: None });
                fires.push((unmet, cleared));
            }
        }
        let mut scenes = vec![Self::new(rule, "fires after its time and ends", lead, fires, checks)?];

        let at_end = |value| vec![Check { at: lead + phase, value }];
        let mut silent = |title, wish| {
            let stage = solve(rule, wish)?;
            scenes.push(Self::new(rule, title, lead, vec![(stage, phase)], at_end(None))?);
            Some(())
        };
        silent("is silent on the harmless side of its threshold", Wish::Unmet);
        // More parts than any rule has.
        for part in 1..8 {
            silent("is silent if only a part of it is true", Wish::Without(part));
        }
        silent("is silent if it is excused", Wish::Excused);
        silent("is silent while nothing is expected", Wish::Closed);
        if let Some(never) = solve(rule, Wish::Never) {
            let checks = at_end(Some(never.value));
            scenes.push(Self::new(rule, "fires if what is expected never was", lead, vec![(never, phase)], checks)?);
        }
        if let Missing::Holds(time) = rule.missing() {
            scenes.push(Self::held(rule, &met, lead, phase, time)?);
        }
        if matches!(rule.condition(), Condition::Gone { .. }) && rule.lasting() > STEP {
            scenes.push(Self::back_in_time(rule, met, lead)?);
        }
        Some(scenes)
    }

    /// Every series goes while the alert fires, as with the last process that showed it.
    fn held(rule: &BoundRule, met: &Stage, lead: Duration, phase: Duration, time: Duration) -> Option<Self> {
        let mut gone = met.clone();
        gone.atoms.iter_mut().for_each(|atom| atom.gone = true);
        let since = lead + phase;
        // The last sample counts for so long, whether or not its age may be just that.
        let ended = time + STEP + rule.keep_firing();
        let checks =
            vec![Check { at: since + time - STEP, value: Some(met.value) }, Check { at: since + ended, value: None }];
        let phases = vec![(met.clone(), phase), (gone, ended)];
        Self::new(rule, "holds for its time if its series are gone", lead, phases, checks)
    }

    /// What is gone is back before the alert fires, and stays.
    fn back_in_time(rule: &BoundRule, met: Stage, lead: Duration) -> Option<Self> {
        let (gone, after) = (rule.lasting() - STEP, rule.lasting() + STEP);
        let checks = [gone, gone + STEP, gone + after].map(|at| Check { at: lead + at, value: None }).into();
        let phases = vec![(met, gone), (solve(rule, Wish::Unmet)?, after)];
        Self::new(rule, "is silent if what is gone is back in time", lead, phases, checks)
    }

    fn new(
        rule: &BoundRule,
        title: &'static str,
        lead: Duration,
        phases: Vec<(Stage, Duration)>,
        checks: Vec<Check>,
    ) -> Option<Self> {
        let (first, _) = phases.first()?;
        let labels = rule.by().iter().map(|label| Some((label.clone(), group_value(first, label)?)));
        let labels: BTreeMap<_, _> = labels.collect::<Option<_>>()?;
        let mut series = Vec::new();
        for atom in &first.atoms {
            series.extend(over_time(rule, atom, &labels, lead, &phases)?);
        }
        // An absent label is no label.
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Some(Self { title, series, checks, labels })
    }
}

/// How long windows are to be filled for values to be exact, and the longest of them.
fn windows(condition: &Condition) -> (Duration, Duration) {
    let (mut filled, mut longest) = (Duration::ZERO, Duration::ZERO);
    for value in condition.values() {
        let (exact, share) = window(value);
        filled = filled.max(exact.min(SOON)).max(share.min(FILLED));
        longest = longest.max(exact).max(share);
    }
    (filled, longest)
}

/// Of a value: the window that must be full, and the one that need not.
fn window(value: &Value) -> (Duration, Duration) {
    match value {
        Value::Increase { within, .. } | Value::Events { within, .. } => (*within, Duration::ZERO),
        Value::Rate { within, .. } | Value::Quantile { within, .. } | Value::Forecast { within, .. } => {
            (Duration::ZERO, *within)
        }
        Value::Ratio { of, to } => {
            let ((a, b), (c, d)) = (window(of), window(to));
            (Duration::ZERO, a.max(b).max(c).max(d))
        }
        _ => (Duration::ZERO, Duration::ZERO),
    }
}
