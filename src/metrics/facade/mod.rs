//! The `metrics` facade's way in: what third-party libraries report lands in the same store.

mod index;
mod names;

use std::borrow::Cow;
use std::sync::Arc;

use ::metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};

pub(super) use self::index::Index;
use self::names::{label_name, metric_name};
use super::cell::{Cell, CounterCell, GaugeCell, HistogramCell, Shape};
use super::definition::{self, Kind, LATENCY_EDGES};
use super::family_core::{FamilyCore, Found};
use super::label::{LabelValue, identity};
use super::registry::{Refused, Registry};
use crate::diagnostics::Problem;
use crate::trace;

impl Recorder for Registry {
    fn describe_counter(&self, key: KeyName, _unit: Option<Unit>, description: SharedString) {
        self.describe(key.as_str(), Kind::Counter, &description);
    }

    fn describe_gauge(&self, key: KeyName, _unit: Option<Unit>, description: SharedString) {
        self.describe(key.as_str(), Kind::Gauge, &description);
    }

    fn describe_histogram(&self, key: KeyName, _unit: Option<Unit>, description: SharedString) {
        self.describe(key.as_str(), Kind::Histogram, &description);
    }

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let handle = |cell| match cell {
            Cell::Counter(cell) => Some(Counter::from_arc(cell)),
            _ => None,
        };
        self.handle(key, Kind::Counter, handle).unwrap_or_else(Counter::noop)
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        let handle = |cell| match cell {
            Cell::Gauge(cell) => Some(Gauge::from_arc(cell)),
            _ => None,
        };
        self.handle(key, Kind::Gauge, handle).unwrap_or_else(Gauge::noop)
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        let handle = |cell| match cell {
            Cell::Histogram(cell) => Some(Histogram::from_arc(cell)),
            _ => None,
        };
        self.handle(key, Kind::Histogram, handle).unwrap_or_else(Histogram::noop)
    }
}

impl Registry {
    fn describe(&self, name: &str, kind: Kind, description: &str) {
        let Some(family) = self.foreign_family(name, kind) else {
            return;
        };
        if !description.is_empty() {
            // A definition's own help, or an earlier description, stands.
            let _ = family.help.set(description.into());
        }
    }

    /// The handle of a key's series: at once if the key was seen before, else by building its labels.
    #[inline]
    fn handle<T>(&self, key: &Key, kind: Kind, handle: impl Fn(Cell) -> Option<T>) -> Option<T> {
        self.0.index.get(key).and_then(&handle).or_else(|| handle(self.foreign_cell(key, kind)?))
    }

    /// The long way. Problems of a key are told here, so once for a key that is indexed then.
    #[cold]
    fn foreign_cell(&self, key: &Key, kind: Kind) -> Option<Cell> {
        let family = self.foreign_family(key.name(), kind)?;
        if *family.name != *key.name() {
            self.diagnostics().report(Problem::LabelSanitised, key.name());
        }
        if *family.raw_name != *key.name() {
            // Two names of the facade are one here: their numbers are added up, not lost.
            self.diagnostics().report(Problem::NameConflict, key.name());
        }
        match family.cell(self.foreign_identity(key)) {
            Found::Own(cell) => {
                self.0.index.add(key, &family, &cell);
                Some(cell)
            }
            Found::Overflow(cell) => Some(cell),
        }
    }

    fn foreign_family(&self, raw_name: &str, kind: Kind) -> Option<Arc<FamilyCore>> {
        let name = metric_name(raw_name);
        match self.foreign(raw_name, &name, kind, || self.foreign_shape(&name, kind)) {
            Ok(family) => Some(family),
            Err(refused) => {
                let problem = match refused {
                    Refused::Taken => Problem::NameConflict,
                    Refused::Full => Problem::SeriesOverflow,
                };
                self.diagnostics().report(problem, raw_name);
                None
            }
        }
    }

    fn foreign_shape(&self, name: &str, kind: Kind) -> Shape {
        let edges = if kind == Kind::Histogram { LATENCY_EDGES } else { &[] };
        // The facade counts whole numbers, so its counters of seconds hold seconds.
        let unit = if kind == Kind::Counter { definition::Unit::Count } else { definition::Unit::of_name(name) };
        Shape::new(kind, unit, edges, false, self.diagnostics().clone()).exemplars(self.exemplars())
    }

    fn foreign_identity(&self, key: &Key) -> String {
        let mut labels: Vec<(Cow<'_, str>, &str)> = Vec::with_capacity(key.labels().len());
        for label in key.labels() {
            let name = label_name(label.key());
            if name != label.key() || labels.iter().any(|(present, _)| *present == name) {
                self.diagnostics().report(Problem::LabelSanitised, label.key());
            }
            // Of two labels with one name the last stands, as in a map.
            labels.retain(|(present, _)| *present != name);
            labels.push((name, LabelValue::cut(label.value())));
        }
        identity(labels.iter().map(|(name, value)| (name.as_ref(), *value)))
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, value: u64) {
        self.raise(value);
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        GaugeCell::set(self, value);
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        HistogramCell::record(self, value, 1, trace::current_sampled_span);
    }

    fn record_many(&self, value: f64, count: usize) {
        if count == 0 {
            // No sample, so no exemplar either.
            return;
        }
        let times = u64::try_from(count).unwrap_or(u64::MAX);
        HistogramCell::record(self, value, times, trace::current_sampled_span);
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::metrics::{Limits, RegistryOptions};

    #[test]
    fn every_kind_of_the_facade_appears() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            describe_counter!("jobs_total", "Jobs.");
            counter!("jobs_total", "kind" => "a").increment(2);
            counter!("jobs_total", "kind" => "a").absolute(1);
            gauge!("depth").increment(3.0);
            gauge!("depth").decrement(1.0);
            histogram!("wait_seconds").record_many(0.2, 3);
        });
        let text = registry.render();
        for line in [
            "# HELP jobs_total Jobs.\n",
            "jobs_total{kind=\"a\"} 2\n",
            "depth 2\n",
            "wait_seconds_bucket{le=\"0.25\"} 3\n",
            "wait_seconds_count 3\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn conflicts_are_counted_and_reported_and_never_invalid_output() {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        with_local_recorder(&registry, || {
            counter!("one").increment(1);
            gauge!("one").set(5.0);
            histogram!("h").record(1.0);
            counter!("h_count").increment(1);
            counter!("we.ird-näme", "__reserved" => "x", "le" => "y", "0" => "z", "a b" => "w").increment(1);
        });
        assert_eq!(diagnostics.total(Problem::NameConflict), 2);
        let text = registry.render();
        assert!(text.contains("one 1\n") && !text.contains("one 5"), "{text}");
        let weird = "we_ird_n_me{_0=\"z\",a_b=\"w\",exported_le=\"y\",exported_reserved=\"x\"} 1\n";
        assert!(text.contains(weird), "{text}");
    }

    #[test]
    fn names_that_become_one_are_added_up_and_told_once_a_key() {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        with_local_recorder(&registry, || {
            for _ in 0..10 {
                counter!("a.b").increment(5);
                counter!("a_b").increment(7);
                counter!("a.b", "x.y" => "1").increment(1);
                counter!("a_b", "x_y" => "1").increment(1);
            }
        });
        let text = registry.render();
        assert!(text.contains("a_b 120\n") && text.contains("a_b{x_y=\"1\"} 20\n"), "{text}");
        assert_eq!(diagnostics.total(Problem::NameConflict), 2, "of a_b, which is not the family's first name");
        assert_eq!(diagnostics.total(Problem::LabelSanitised), 3, "of a.b twice, and of x.y");
    }

    #[test]
    fn metrics_without_a_name_of_their_own_are_counted_each_time_and_told_once() {
        let diagnostics = Diagnostics::new();
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        diagnostics.set_hook(move |problem, cause| sink.lock().unwrap().push((problem, cause.to_owned())));
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        with_local_recorder(&registry, || {
            gauge!("depth").set(1.0);
            describe_counter!("depth", "Of another kind.");
            (0..3).for_each(|_| counter!("depth").increment(1));
        });
        assert_eq!(diagnostics.total(Problem::NameConflict), 4);
        assert_eq!(*told.lock().unwrap(), [(Problem::NameConflict, "depth".to_owned())]);
    }

    #[test]
    fn caps_hold_for_free_label_sets_and_names() {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(
            RegistryOptions::new().limits(Limits { per_family: 3, in_all: 4 }).diagnostics(diagnostics.clone()),
        );
        with_local_recorder(&registry, || {
            for at in 0..100 {
                counter!("jobs_total", "at" => at.to_string()).increment(1);
            }
            gauge!("last").set(1.0);
            for at in 0..100 {
                gauge!(format!("free_{at}")).set(1.0);
            }
        });
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.sum("jobs_total", &[]), Some(100.0), "no count is lost");
        assert_eq!(snapshot.value("jobs_total", &[("otel_metric_overflow", "true")]), Some(97.0));
        assert_eq!(snapshot.families().iter().filter(|family| family.name.starts_with("free_")).count(), 0);
        assert_eq!(diagnostics.total(Problem::SeriesOverflow), 197);
    }

    #[test]
    fn help_is_that_of_the_first_description_before_or_after_use() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            counter!("late_total").increment(1);
            describe_counter!("late_total", "Late.");
            describe_counter!("late_total", "Later.");
            describe_counter!("unused_total", "Never used.");
        });
        let text = registry.render();
        assert!(text.contains("# HELP late_total Late.\n") && !text.contains("# HELP unused_total"), "{text}");
    }
}
