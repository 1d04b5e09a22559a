//! Assertions on metrics for unit tests: what fails says what is there instead.

use std::fmt::Write as _;

use super::label::identity;
use super::snapshot::{FamilySnapshot, SeriesSnapshot, Snapshot, Value};

/// # Assertions
///
/// For unit tests of code that records. Take a snapshot before, call the code, and assert on the change; what a failed
/// assertion says ends with the series that are there.
///
/// ```
/// use aistm7_monitoring::metrics::{Counter, Definition, Family, Histogram, Meter, Registry, Unit};
///
/// static ORDERS: Definition = Definition::counter("orders_total", "Orders sent.").labels(&["side", "outcome"]);
/// static SENDING: Definition = Definition::histogram("order_seconds", "Time to send one.").unit(Unit::Seconds);
///
/// # fn main() -> Result<(), aistm7_monitoring::metrics::DefinitionError> {
/// let registry = Registry::new();
/// let orders: Family<Counter, 2> = Meter::new(&registry).counter(&ORDERS)?;
/// let sending: Histogram = Meter::new(&registry).histogram(&SENDING)?.series([]);
/// let buy = |seconds| {
///     orders.series(["buy".into(), "ok".into()]).increment();
///     sending.record(seconds);
/// };
///
/// let before = registry.snapshot();
/// buy(0.2);
/// buy(0.3);
/// let change = registry.snapshot().since(&before);
/// change.assert_value("orders_total", &[("side", "buy"), ("outcome", "ok")], 2);
/// change.assert_sum("orders_total", &[("side", "buy")], 2);
/// change.assert_absent("orders_total", &[("side", "sell")]);
/// change.assert_samples("order_seconds", &[], 2);
/// # Ok(())
/// # }
/// ```
impl Snapshot {
    /// Asserts the value of the series with exactly these labels.
    ///
    /// Counts are exact, and so are seconds, which are kept in nanoseconds.
    ///
    /// # Panics
    /// When there is no such series or its value is another.
    #[track_caller]
    pub fn assert_value(&self, name: &str, labels: &[(&str, &str)], expected: impl Into<f64>) {
        self.assert_found(self.value(name, labels), expected.into(), name, labels);
    }

    /// Asserts the sum over the series that have these labels among theirs.
    ///
    /// # Panics
    /// When there is no such series or the sum is another.
    #[track_caller]
    pub fn assert_sum(&self, name: &str, labels: &[(&str, &str)], expected: impl Into<f64>) {
        self.assert_found(self.sum(name, labels), expected.into(), name, labels);
    }

    /// Asserts how many samples the histograms took that have these labels among theirs.
    ///
    /// # Panics
    /// When there is no such histogram or the number is another.
    #[track_caller]
    pub fn assert_samples(&self, name: &str, labels: &[(&str, &str)], expected: u64) {
        let found = self.histogram(name, labels).map(|histogram| histogram.count());
        self.assert_found(found, expected, name, labels);
    }

    /// Asserts that no series has these labels among its own.
    ///
    /// # Panics
    /// When there is one.
    #[track_caller]
    pub fn assert_absent(&self, name: &str, labels: &[(&str, &str)]) {
        let found = self.family(name).is_some_and(|family| family.series.iter().any(|series| series.has(labels)));
        assert!(!found, "{} is there\n{}", shown(name, labels), self.instead(name, labels));
    }

    #[track_caller]
    fn assert_found<T>(&self, found: Option<T>, expected: T, name: &str, labels: &[(&str, &str)])
    where
        T: PartialEq + std::fmt::Display,
    {
        let series = shown(name, labels);
        match found {
            Some(found) if found == expected => {}
            Some(found) => panic!("{series} is {found}, not {expected}\n{}", self.instead(name, labels)),
            None => panic!("{series} is not there, {expected} expected\n{}", self.instead(name, labels)),
        }
    }

    /// The series that are there, nearest first; if the metric is not there, names like its own.
    fn instead(&self, name: &str, labels: &[(&str, &str)]) -> String {
        match self.family(name) {
            Some(family) => family.nearest(labels),
            None => self.names_like(name),
        }
    }

    fn names_like(&self, name: &str) -> String {
        let mut names: Vec<&str> = self.families().iter().map(|family| &*family.name).collect();
        names.sort_by_key(|other| std::cmp::Reverse(likeness(name, other)));
        names.truncate(SHOWN_NAMES);
        format!("no metric is called {name}; nearest: {}", names.join(", "))
    }
}

/// Chosen: what fits a terminal.
const SHOWN_SERIES: usize = 20;
const SHOWN_NAMES: usize = 5;

/// How much of their beginnings and ends two names share; a letter missing or added costs little.
fn likeness(a: &str, b: &str) -> usize {
    let same = |pairs: &mut dyn Iterator<Item = (u8, u8)>| pairs.take_while(|(a, b)| a == b).count();
    same(&mut a.bytes().zip(b.bytes())) + same(&mut a.bytes().rev().zip(b.bytes().rev()))
}

impl FamilySnapshot {
    fn nearest(&self, labels: &[(&str, &str)]) -> String {
        let mut series: Vec<_> = self.series.iter().collect();
        let shared = |series: &SeriesSnapshot| labels.iter().filter(|label| series.has(&[**label])).count();
        series.sort_by_key(|series| std::cmp::Reverse(shared(series)));
        let mut text = format!("{} series of {}:", series.len(), self.name);
        for series in series.iter().take(SHOWN_SERIES) {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {{{}}} {}", series.labels, in_words(&series.value));
        }
        if series.len() > SHOWN_SERIES {
            text.push_str("\n  …");
        }
        text
    }
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Histogram(histogram) => format!("{} samples, sum {}", histogram.count(), histogram.sum),
        other => other.as_f64().to_string(),
    }
}

fn shown(name: &str, labels: &[(&str, &str)]) -> String {
    format!("{name}{{{}}}", identity(labels.iter().copied()))
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::metrics::Registry;

    fn snapshot() -> Snapshot {
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, || {
            metrics::counter!("jobs_total", "kind" => "a", "outcome" => "ok").increment(2);
            metrics::counter!("jobs_total", "kind" => "b", "outcome" => "failed").increment(1);
            metrics::gauge!("depth").set(0.5);
            metrics::histogram!("wait_seconds", "queue" => "a").record_many(0.25, 3);
            metrics::histogram!("wait_seconds", "queue" => "b").record(1.0);
        });
        registry.snapshot()
    }

    /// What a failing assertion says.
    fn said(assertion: impl FnOnce(&Snapshot) + std::panic::UnwindSafe) -> String {
        let snapshot = snapshot();
        let panic = catch_unwind(std::panic::AssertUnwindSafe(|| assertion(&snapshot))).expect_err("it must fail");
        *panic.downcast::<String>().unwrap()
    }

    #[test]
    fn assertions_pass_on_what_is_there() {
        let snapshot = snapshot();
        snapshot.assert_value("jobs_total", &[("outcome", "ok"), ("kind", "a")], 2);
        snapshot.assert_value("depth", &[], 0.5);
        snapshot.assert_sum("jobs_total", &[], 3);
        snapshot.assert_sum("jobs_total", &[("outcome", "failed")], 1);
        snapshot.assert_samples("wait_seconds", &[("queue", "a")], 3);
        snapshot.assert_samples("wait_seconds", &[], 4);
        snapshot.assert_absent("jobs_total", &[("kind", "c")]);
        snapshot.assert_absent("no_such_metric", &[]);
    }

    #[test]
    fn failure_shows_the_series_that_are_there_nearest_first() {
        let wrong = said(|snapshot| snapshot.assert_value("jobs_total", &[("kind", "b"), ("outcome", "failed")], 7));
        assert_eq!(
            wrong,
            "jobs_total{kind=\"b\",outcome=\"failed\"} is 1, not 7\n2 series of jobs_total:\n  \
             {kind=\"b\",outcome=\"failed\"} 1\n  {kind=\"a\",outcome=\"ok\"} 2"
        );
        let missing = said(|snapshot| snapshot.assert_value("jobs_total", &[("kind", "b")], 1));
        assert!(missing.starts_with("jobs_total{kind=\"b\"} is not there, 1 expected\n"), "{missing}");
        let present = said(|snapshot| snapshot.assert_absent("jobs_total", &[("kind", "b")]));
        assert!(present.starts_with("jobs_total{kind=\"b\"} is there\n"), "{present}");
        let samples = said(|snapshot| snapshot.assert_samples("wait_seconds", &[("queue", "a")], 2));
        assert!(samples.contains("\n  {queue=\"a\"} 3 samples, sum 0.75\n"), "{samples}");
    }

    #[test]
    fn counter_has_no_samples() {
        let said = said(|snapshot| snapshot.assert_samples("jobs_total", &[("kind", "a")], 2));
        assert!(said.starts_with("jobs_total{kind=\"a\"} is not there"), "{said}");
    }

    #[test]
    fn misspelt_name_is_met_with_names_like_it() {
        let said = said(|snapshot| snapshot.assert_sum("job_total", &[], 3));
        assert!(said.contains("\nno metric is called job_total; nearest: jobs_total, "), "{said}");
    }

    #[test]
    fn many_series_are_cut() {
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, || {
            for at in 0..100 {
                metrics::counter!("jobs_total", "at" => at.to_string()).increment(1);
            }
        });
        let text = registry.snapshot().family("jobs_total").unwrap().nearest(&[("at", "77")]);
        assert!(text.starts_with("100 series of jobs_total:\n  {at=\"77\"} 1\n") && text.ends_with("\n  …"), "{text}");
        assert_eq!(text.lines().count(), SHOWN_SERIES + 2);
    }
}
