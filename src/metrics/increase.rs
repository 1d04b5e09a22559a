//! What happened between two snapshots.

use std::sync::Arc;

use super::snapshot::{CounterValue, FamilySnapshot, SeriesSnapshot, Snapshot, Value};

impl Snapshot {
    /// What happened since an `earlier` snapshot of the same registry.
    ///
    /// Counters and histograms show by how much they rose, 0 if they did not; gauges, which have no increase, show what
    /// they are. A series that was not there before, or began anew in between, rose from 0.
    ///
    /// ```
    /// use aistm7_monitoring::metrics::{Counter, Definition, Family, Meter, Registry};
    ///
    /// static ORDERS: Definition = Definition::counter("orders_total", "Orders sent.").labels(&["side"]);
    ///
    /// let registry = Registry::new();
    /// let orders: Family<Counter, 1> = Meter::new(&registry).counter(&ORDERS)?;
    /// orders.series(["buy".into()]).add(40);
    ///
    /// let before = registry.snapshot();
    /// orders.series(["buy".into()]).add(2);
    /// let change = registry.snapshot().since(&before);
    /// assert_eq!(change.value("orders_total", &[("side", "buy")]), Some(2.0));
    /// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let families = self.families().iter().map(|family| family.since(earlier.family(&family.name)));
        Self::of_families(families.collect())
    }
}

impl FamilySnapshot {
    fn since(&self, earlier: Option<&Self>) -> Self {
        let before = |labels: &str| {
            // Series are sorted by labels.
            let series = &earlier?.series;
            let at = series.binary_search_by(|other| (*other.labels).cmp(labels)).ok()?;
            Some(&series[at].value)
        };
        let series = self.series.iter().map(|series| SeriesSnapshot {
            labels: Arc::clone(&series.labels),
            value: before(&series.labels).and_then(|before| series.value.since(before)).unwrap_or(series.value.clone()),
        });
        Self { series: series.collect(), ..self.clone() }
    }
}

impl Value {
    /// The increase; `None` for what has none: gauges, and what began anew.
    fn since(&self, earlier: &Self) -> Option<Self> {
        match (self, earlier) {
            (Self::Counter(now), Self::Counter(before)) => now.since(*before).map(Self::Counter),
            (Self::Histogram(now), Self::Histogram(before)) => now.since(before).map(Self::Histogram),
            _ => None,
        }
    }
}

impl CounterValue {
    fn since(self, earlier: Self) -> Option<Self> {
        match (self, earlier) {
            (Self::Whole(now), Self::Whole(before)) => now.checked_sub(before).map(Self::Whole),
            (Self::Seconds(now), Self::Seconds(before)) => now.checked_sub(before).map(Self::Seconds),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Counter, Definition, Family, Gauge, Histogram, Meter, Registry, Unit};

    static JOBS: Definition = Definition::counter("jobs_total", "Jobs.").labels(&["kind"]);
    static CPU: Definition = Definition::counter("cpu_seconds_total", "Processor time.").unit(Unit::Seconds);
    static DEPTH: Definition = Definition::gauge("depth", "Depth.");
    static WAIT: Definition = Definition::histogram("wait_seconds", "Waits.").unit(Unit::Seconds).edges(&[0.5, 1.0]);

    #[test]
    fn increase_is_exact_and_of_what_can_rise() {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let jobs: Family<Counter, 1> = meter.counter(&JOBS).unwrap();
        let cpu: Counter = meter.counter(&CPU).unwrap().series([]);
        let depth: Gauge = meter.gauge(&DEPTH).unwrap().series([]);
        let wait: Histogram = meter.histogram(&WAIT).unwrap().series([]);
        let old = jobs.series(["old".into()]);
        old.add(5);
        jobs.series(["idle".into()]).add(7);
        cpu.add_duration(Duration::from_millis(100));
        depth.set(3.0);
        wait.record(0.25);

        let before = registry.snapshot();
        old.add(2);
        jobs.series(["new".into()]).add(3);
        cpu.add_duration(Duration::from_millis(200));
        depth.set(4.0);
        wait.record(0.75);
        wait.record(0.25);
        let change = registry.snapshot().since(&before);

        let jobs = ["old", "idle", "new"].map(|kind| change.value("jobs_total", &[("kind", kind)]));
        assert_eq!(jobs, [Some(2.0), Some(0.0), Some(3.0)]);
        assert_eq!(change.value("cpu_seconds_total", &[]), Some(0.2), "not 0.3 - 0.1");
        assert_eq!(change.value("depth", &[]), Some(4.0));
        let wait = change.histogram("wait_seconds", &[]).unwrap();
        assert_eq!((wait.buckets, wait.sum), (vec![1, 1, 0], 1.0));
    }

    #[test]
    fn what_began_anew_rose_from_zero() {
        let counter = |count| Value::Counter(CounterValue::Whole(count));
        assert_eq!(counter(3).since(&counter(5)), None);
        assert_eq!(counter(3).since(&Value::Gauge(1.0)), None);
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, || metrics::counter!("jobs_total").increment(3));
        let change = registry.snapshot().since(&Registry::new().snapshot());
        assert_eq!(change.value("jobs_total", &[]), Some(3.0));
    }
}
