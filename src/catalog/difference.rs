//! What changed between two catalogs, and whether a release says so.

use std::fmt;

use super::{Catalog, Metric};
use crate::metrics::Stability;

/// The changes from `old` to `new`, sorted by metric.
pub fn diff(old: &Catalog, new: &Catalog) -> Difference {
    let mut changes = Vec::new();
    for metric in old.metrics() {
        let push = |what| changes.push(Change { metric: metric.name.clone(), what, stability: metric.stability });
        match new.metric(&metric.name) {
            None => [What::Removed].into_iter().for_each(push),
            Some(now) => changes_of(metric, now).into_iter().for_each(push),
        }
    }
    let added = new.metrics().filter(|metric| old.metric(&metric.name).is_none());
    changes.extend(added.map(|metric| Change {
        metric: metric.name.clone(),
        what: What::Added,
        stability: metric.stability,
    }));
    changes.sort_by(|a, b| a.metric.cmp(&b.metric));
    Difference { changes }
}

fn changes_of(old: &Metric, new: &Metric) -> Vec<What> {
    let mut changes = Vec::new();
    if old.kind != new.kind {
        changes.push(What::Kind);
    }
    if old.unit != new.unit {
        changes.push(What::Unit);
    }
    let gone = |from: &Metric, to: &Metric| from.labels.iter().filter(|label| !to.has_label(label)).cloned().collect();
    let (dropped, added): (Vec<String>, Vec<String>) = (gone(old, new), gone(new, old));
    changes.extend(dropped.into_iter().map(What::LabelDropped));
    changes.extend(added.into_iter().map(What::LabelAdded));
    let missing = |from: &Metric, to: &Metric| from.edges.iter().any(|edge| !to.edges.contains(edge));
    if missing(old, new) {
        changes.push(What::BucketsDropped);
    }
    if missing(new, old) {
        changes.push(What::BucketsAdded);
    }
    if (old.stability, new.stability) == (Stability::Stable, Stability::Experimental) {
        changes.push(What::NoLongerStable);
    }
    if old.help != new.help {
        changes.push(What::Help);
    }
    changes
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a difference is looked at or checked"]
pub struct Difference {
    changes: Vec<Change>,
}

impl Difference {
    /// Each change.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Compares the breaking changes with a changelog: each has an entry there, a list item with `**breaking:**` that names
    /// the metric between backticks.
    ///
    /// # Errors
    /// The breaking changes that have none.
    pub fn check(&self, changelog: &str) -> Result<(), Unannounced> {
        let announced = announcements(changelog);
        let is_announced = |change: &&Change| {
            let name = format!("`{}`", change.metric);
            announced.iter().any(|entry| entry.contains(&name))
        };
        let changes: Vec<_> =
            self.changes.iter().filter(|change| change.is_breaking() && !is_announced(change)).cloned().collect();
        if changes.is_empty() { Ok(()) } else { Err(Unannounced { changes }) }
    }
}

/// The entries of a changelog that announce something, each as one text.
fn announcements(changelog: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in changelog.lines() {
        let starts = line.starts_with("- ") || line.starts_with('#');
        match entries.last_mut() {
            Some(entry) if !starts => entry.push_str(line),
            _ => entries.push(line.to_owned()),
        }
    }
    entries.retain(|entry| entry.contains("**breaking:**"));
    entries
}

/// One change of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    metric: String,
    what: What,
    stability: Stability,
}

impl Change {
    /// Which metric.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Whether rules and dashboards that relied on the metric may be wrong now: something of a stable metric is gone, or
    /// means another thing.
    pub fn is_breaking(&self) -> bool {
        let harmless = matches!(self.what, What::Added | What::LabelAdded(_) | What::BucketsAdded | What::Help);
        !harmless && self.stability == Stability::Stable
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_breaking() { "BREAKING " } else { "" };
        write!(f, "{mark}{}: {}", self.metric, self.what)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Added,
    Removed,
    Kind,
    Unit,
    LabelDropped(String),
    LabelAdded(String),
    BucketsDropped,
    BucketsAdded,
    NoLongerStable,
    Help,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added => f.write_str("is new"),
            Self::Removed => f.write_str("is gone"),
            Self::Kind => f.write_str("is of another kind"),
            Self::Unit => f.write_str("has another unit"),
            Self::LabelDropped(label) => write!(f, "has lost its label {label}"),
            Self::LabelAdded(label) => write!(f, "has a new label {label}"),
            Self::BucketsDropped => f.write_str("has lost buckets"),
            Self::BucketsAdded => f.write_str("has further buckets"),
            Self::NoLongerStable => f.write_str("is no longer stable"),
            Self::Help => f.write_str("has another help text"),
        }
    }
}

/// Breaking changes that a changelog does not announce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not announced, so write an entry with **breaking:** and the metric's name for each:{}", lines(changes))]
pub struct Unannounced {
    changes: Vec<Change>,
}

impl Unannounced {
    /// Which.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

fn lines(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Definition, Unit};

    fn catalog(definition: &Definition, edges: &[f64]) -> Catalog {
        [Metric::new(definition, edges)].into_iter().collect()
    }

    const OLD: Definition =
        Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["queue", "kind"]);

    fn changes(new: &Definition, edges: &[f64]) -> Vec<String> {
        let difference = diff(&catalog(&OLD, &[1.0, 2.0]), &catalog(new, edges));
        difference.changes().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_is_gone_or_means_another_thing_breaks() {
        assert_eq!(changes(&OLD, &[1.0, 2.0]), [] as [&str; 0]);
        assert_eq!(changes(&OLD, &[1.0, 3.0])[0], "BREAKING wait_seconds: has lost buckets");
        assert_eq!(changes(&OLD, &[1.0, 2.0, 3.0]), ["wait_seconds: has further buckets"]);
        let relabelled = OLD.labels(&["queue", "type"]);
        assert_eq!(
            changes(&relabelled, &[1.0, 2.0]),
            ["BREAKING wait_seconds: has lost its label kind", "wait_seconds: has a new label type"]
        );
        assert_eq!(changes(&OLD.experimental(), &[1.0, 2.0]), ["BREAKING wait_seconds: is no longer stable"]);
        let counter = Definition::counter("wait_seconds", "Wait.").labels(&["queue", "kind"]);
        assert_eq!(
            changes(&counter, &[1.0, 2.0]),
            ["BREAKING wait_seconds: is of another kind", "BREAKING wait_seconds: has another unit"]
        );
        let difference = diff(&catalog(&OLD.experimental(), &[]), &Catalog::default());
        assert_eq!(difference.changes()[0].to_string(), "wait_seconds: is gone", "nobody may rely on it");
    }

    #[test]
    fn breaking_changes_must_be_announced_by_name() {
        let difference = diff(&catalog(&OLD, &[]), &Catalog::default());
        let refused =
            difference.check("- **breaking:** metrics: `wait` is gone\n- `wait_seconds` is nice").unwrap_err();
        assert_eq!(refused.changes()[0].metric(), "wait_seconds");
        assert!(refused.to_string().contains("\n  BREAKING wait_seconds: is gone"), "{refused}");
        assert_eq!(
            difference.check("### Removed\n- **breaking:** metrics: the wait,\n  `wait_seconds`, is gone\n"),
            Ok(())
        );
    }
}
