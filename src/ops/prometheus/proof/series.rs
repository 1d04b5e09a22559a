//! The series that a rule finds, through all phases of a test.

use std::collections::BTreeMap;
use std::time::Duration;

use super::STEP;
use super::stage::{Atom, Stage, steps};
use crate::alert::{BoundRule, IDENTITY, Matcher, Selector};
use crate::metrics::Kind;
use crate::ops::prometheus::promql::{decimal, job};

/// The value of a label that alerts are told apart by: one that all matchers of it accept.
pub(super) fn group_value(stage: &Stage, label: &str) -> Option<String> {
    let matchers: Vec<&Matcher> =
        stage.atoms.iter().flat_map(|atom| &atom.of.matchers).filter(|matcher| matcher.label == label).collect();
    candidates(&matchers, label).into_iter().find(|value| matchers.iter().all(|matcher| matcher.accepts(value)))
}

/// Values that may do for a label: a plain one, those that matchers name, and none at all.
fn candidates(matchers: &[&Matcher], label: &str) -> Vec<String> {
    use crate::alert::Match;

    let named = matchers.iter().flat_map(|matcher| match &matcher.values {
        Match::OneOf(values) | Match::NoneOf(values) => values.clone(),
    });
    let plain = if label == "environment" { "prod".to_owned() } else { format!("some-{}", label.replace('_', "-")) };
    [plain].into_iter().chain(named).chain([String::new()]).collect()
}

/// The labels of an atom's series beside those of the group: accepted by its own matchers, and by none of a narrower
/// selector of the same metric, so that the two are counted apart.
fn own_labels(atom: &Atom, stage: &Stage, group: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    let narrower: Vec<&Atom> = stage.atoms.iter().filter(|other| is_narrower(other, atom)).collect();
    let all = narrower.iter().flat_map(|other| &other.of.matchers).chain(&atom.of.matchers);
    let all: Vec<&Matcher> = all.filter(|matcher| !group.contains_key(&matcher.label)).collect();
    for label in all.iter().map(|matcher| &matcher.label) {
        let of_label: Vec<&Matcher> = all.iter().copied().filter(|matcher| matcher.label == *label).collect();
        let own = |value: &str| {
            atom.of.matchers.iter().filter(|matcher| matcher.label == *label).all(|matcher| matcher.accepts(value))
        };
        let apart = |value: &str| {
            let mut theirs = narrower.iter().flat_map(|other| &other.of.matchers).filter(|m| m.label == *label);
            theirs.all(|matcher| atom.of.matchers.contains(matcher) || !matcher.accepts(value))
        };
        let values = candidates(&of_label, label);
        let value = values.into_iter().find(|value| own(value) && apart(value))?;
        labels.insert(label.clone(), value);
    }
    Some(labels)
}

/// Whether one selector finds only series that another finds too.
fn is_narrower(one: &Atom, than: &Atom) -> bool {
    one.of != than.of && one.of.source.name() == than.of.source.name() && accepts_all(&than.of, &one.of)
}

/// Whether everything that `inner` accepts is accepted by `outer`, as far as one can see.
fn accepts_all(outer: &Selector, inner: &Selector) -> bool {
    use crate::alert::Match;

    outer.matchers.iter().all(|wide| {
        inner.matchers.iter().any(|narrow| match (&narrow.values, &wide.values) {
            _ if narrow.label != wide.label => false,
            (Match::OneOf(values), _) => values.iter().all(|value| wide.accepts(value)),
            (Match::NoneOf(narrow), Match::NoneOf(wide)) => wide.iter().all(|value| narrow.contains(value)),
            (Match::NoneOf(_), Match::OneOf(_)) => false,
        })
    })
}

/// The series of an atom through the lead and all phases.
pub(super) fn over_time(
    rule: &BoundRule,
    atom: &Atom,
    group: &BTreeMap<String, String>,
    lead: Duration,
    phases: &[(Stage, Duration)],
) -> Option<Vec<(String, String)>> {
    let (first, _) = phases.first()?;
    let mut labels = own_labels(atom, first, group)?;
    labels.extend(group.clone());
    labels.extend(job(&atom.of).map(|job| ("job".to_owned(), job.to_owned())));
    let metric_labels = rule.metric(atom.of.source.name());
    labels.retain(|label, value| {
        let known = IDENTITY.contains(&label.as_str()) || metric_labels.is_none_or(|metric| metric.has_label(label));
        known && !value.is_empty()
    });
    let stages = || phases.iter().map(|(stage, time)| (stage, *time));
    match atom.kind {
        Kind::Gauge => {
            let (label, count) = atom.distinct.clone().unwrap_or_default();
            let values = gauge(atom, lead, stages())?;
            let several = (0..count.max(1)).map(|at| {
                let mut labels = labels.clone();
                if !label.is_empty() {
                    labels.insert(label.clone(), format!("some-{at}"));
                }
                // Those after the first are there only while there are to be so many.
                let values = if at == 0 { values.clone() } else { only_then(&label, at, &atom.of, lead, stages()) };
                (notation(atom.of.source.name(), &labels), values)
            });
            Some(several.collect())
        }
        Kind::Counter => {
            Some(vec![(notation(atom.of.source.name(), &labels), counter(&atom.of, lead, stages(), Part::Whole)?)])
        }
        Kind::Histogram => {
            let mut series = vec![(
                notation(&format!("{}_count", atom.of.source.name()), &labels),
                counter(&atom.of, lead, stages(), Part::Whole)?,
            )];
            if atom.bucket.is_some() {
                let edges = &metric_labels?.edges;
                for (at, edge) in edges.iter().map(|edge| decimal(*edge)).chain(["+Inf".to_owned()]).enumerate() {
                    let mut labels = labels.clone();
                    labels.insert("le".to_owned(), edge);
                    let bucket = notation(&format!("{}_bucket", atom.of.source.name()), &labels);
                    series.push((bucket, counter(&atom.of, lead, stages(), Part::UpTo(at))?));
                }
            }
            Some(series)
        }
    }
}

fn notation(name: &str, labels: &BTreeMap<String, String>) -> String {
    let labels = labels.iter().map(|(label, value)| format!("{label}={}", crate::ops::yaml::quoted(value)));
    format!("{name}{{{}}}", labels.collect::<Vec<_>>().join(","))
}

/// What is counted of a histogram's samples.
#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// Those up to the edge of this number.
    UpTo(usize),
}

fn counter<'a>(
    of: &Selector,
    lead: Duration,
    stages: impl Iterator<Item = (&'a Stage, Duration)>,
    part: Part,
) -> Option<String> {
    let mut values = Values::default();
    values.line(0.0, 0.0, steps(lead));
    let mut count = 0.0;
    for (stage, time) in stages {
        let atom = stage.atoms.iter().find(|atom| atom.of == *of)?;
        let narrower: f64 = stage.atoms.iter().filter(|other| is_narrower(other, atom)).filter_map(|a| a.level).sum();
        let mut rate = atom.level? - narrower;
        if rate < 0.0 {
            return None;
        }
        if let (Part::UpTo(at), Some(bucket)) = (part, atom.bucket)
            && at < bucket
        {
            rate = 0.0;
        }
        let step = rate * STEP.as_secs_f64();
        values.line(count, step, steps(time));
        // The cast is exact for any number of steps that a test has.
        count += step * steps(time) as f64;
    }
    Some(values.0)
}

fn gauge<'a>(atom: &Atom, lead: Duration, stages: impl Iterator<Item = (&'a Stage, Duration)>) -> Option<String> {
    let mut values = Values::default();
    let before = atom.before.or(atom.level).unwrap_or(0.0);
    values.line(before, 0.0, steps(lead));
    let mut end = lead;
    for (stage, time) in stages {
        let atom = stage.atoms.iter().find(|other| other.of == atom.of)?;
        end += time;
        let level = match (atom.level, atom.distance) {
            (_, Some(distance)) => end.as_secs_f64() + distance,
            (Some(level), None) => level,
            // Only what it was is wished: it stays so.
            (None, None) => atom.before?,
        };
        if atom.gone {
            values.gone(steps(time));
        } else {
            values.line(level - atom.slope * time.as_secs_f64(), atom.slope * STEP.as_secs_f64(), steps(time));
        }
    }
    Some(values.0)
}

/// One of several values of a label, in the phases that have so many.
fn only_then<'a>(
    label: &str,
    at: usize,
    of: &Selector,
    lead: Duration,
    stages: impl Iterator<Item = (&'a Stage, Duration)>,
) -> String {
    let mut values = Values::default();
    values.line(1.0, 0.0, steps(lead));
    for (stage, time) in stages {
        let several = stage.atoms.iter().find(|atom| atom.of == *of).and_then(|atom| atom.distinct.as_ref());
        if several.is_some_and(|(own, count)| own == label && at < *count) {
            values.line(1.0, 0.0, steps(time));
        } else {
            values.gone(steps(time));
        }
    }
    values.0
}

/// Values in promtool's notation. The first phase has one more: that of the beginning.
#[derive(Default)]
struct Values(String);

impl Values {
    /// So many steps from a value on, by `step` each; the value itself is that of the step before.
    fn line(&mut self, from: f64, step: f64, steps: u64) {
        if steps == 0 {
            return;
        }
        let (from, more) = if self.0.is_empty() { (from, steps) } else { (from + step, steps - 1) };
        let sign = if step < 0.0 { '-' } else { '+' };
        self.push(&format!("{}{sign}{}x{more}", decimal(from), decimal(step.abs())));
    }

    /// No series any more, for so many steps.
    fn gone(&mut self, steps: u64) {
        self.push("stale");
        if steps > 1 {
            self.push(&format!("_x{}", steps - 1));
        }
    }

    fn push(&mut self, values: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(values);
    }
}
