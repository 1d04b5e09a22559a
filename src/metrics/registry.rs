//! The registry: every family of one `Monitoring`, found by name.

#[cfg(feature = "protobuf")]
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, Weak};

use super::cell::Shape;
use super::collect::{Collectors, Sharing};
use super::definition::{Definition, DefinitionError, Kind};
use super::expiry::Expiry;
use super::exposition::{self, Format};
use super::facade::Index;
use super::families::Families;
use super::family_core::{Budget, FamilyCore, Source};
use super::host::HostRecorder;
use super::options::{Limits, RegistryOptions};
use super::snapshot::Snapshot;
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;
use crate::sync::{AtomicUsize, RwLock, RwLockWriteGuard};

/// Every metric of one `Monitoring`. Cloning shares it; several live in one process and do not see each other.
///
/// It is also a recorder of the `metrics` facade: once installed as such (or used as a local recorder in tests), what
/// third-party libraries report appears in [`Registry::render`].
///
/// ```
/// use aistm7_monitoring::metrics::Registry;
///
/// let registry = Registry::new();
/// metrics::with_local_recorder(&registry, || metrics::counter!("cache_hits_total", "cache" => "prices").increment(2));
/// assert!(registry.render().contains("cache_hits_total{cache=\"prices\"} 2\n"));
/// ```
#[derive(Clone)]
pub struct Registry(pub(super) Arc<Inner>);

pub(super) struct Inner {
    families: RwLock<Families>,
    /// The way from the facade's keys to cells.
    pub(super) index: Index,
    pub(super) collectors: Collectors,
    budget: Arc<Budget>,
    expiry: Option<Expiry>,
    #[cfg(feature = "protobuf")]
    pub(super) native_histograms: BTreeSet<String>,
    host: Option<HostRecorder>,
    /// What tells the time of exemplars, if there are any.
    exemplars: Option<Clock>,
}

impl Registry {
    /// An empty registry with the default [`RegistryOptions`].
    pub fn new() -> Self {
        Self::with(RegistryOptions::new())
    }

    /// An empty registry.
    pub fn with(options: RegistryOptions) -> Self {
        let RegistryOptions {
            limits: Limits { per_family, in_all },
            diagnostics,
            clock,
            expire_idle_after,
            collect_within,
            #[cfg(feature = "protobuf")]
            native_histograms,
            host,
            exemplars,
        } = options;
        let budget = Arc::new(Budget { per_family, in_all, used: AtomicUsize::new(0), diagnostics });
        let families = RwLock::new(Families::with_own(&budget));
        let collectors = Collectors::new(clock.clone(), collect_within, &budget);
        let expiry = expire_idle_after.map(|after| Expiry::new(after, clock.clone()));
        let exemplars = exemplars.then_some(clock);
        Self(Arc::new(Inner {
            families,
            index: Index::new(in_all),
            collectors,
            budget,
            expiry,
            host,
            #[cfg(feature = "protobuf")]
            native_histograms,
            exemplars,
        }))
    }

    /// Runs the [`Collector`](super::Collector)s that are due and shows what they measure: to be called before the
    /// registry is read by somebody who wants present values. A scrape of `/metrics` does it by itself.
    ///
    /// It ends when they have ended, or, if some have not, when
    /// [`RegistryOptions::collect_within`] is over. Who calls while others do shares their gather. A collector that was
    /// late is not waited for the next time; when it is in time again, it is. Without a collector this costs a lock,
    /// else a thread for each that is due.
    ///
    /// It blocks: an async task calls it through `spawn_blocking`.
    pub fn collect(&self) {
        self.0.collectors.gather();
    }

    /// The values of all series, sorted by family and labels; of collectors those that [`Registry::collect`] left.
    ///
    /// Recording goes on meanwhile: locks are held to copy lists of references only.
    pub fn snapshot(&self) -> Snapshot {
        self.0.collectors.let_go_of_stale();
        Snapshot::of(&self.families())
    }

    /// The Prometheus text format 0.0.4; equal state gives equal bytes.
    pub fn render(&self) -> String {
        let mut out = Vec::new();
        self.encode(Format::Text, &mut out);
        String::from_utf8(out).expect("OK because names, labels and numbers are UTF-8")
    }

    /// Appends all series in a format, straight from where they are counted; equal state gives equal bytes.
    ///
    /// Recording goes on meanwhile, and nothing is allocated once `out` is large enough and no series was born since
    /// the last time.
    ///
    /// ```
    /// use aistm7_monitoring::metrics::Registry;
    /// use aistm7_monitoring::metrics::exposition::Format;
    ///
    /// let registry = Registry::new();
    /// metrics::with_local_recorder(&registry, || metrics::counter!("jobs_total").increment(1));
    /// let mut out = Vec::new();
    /// registry.encode(Format::OpenMetrics, &mut out);
    /// assert!(out.starts_with(b"# TYPE jobs counter\n") && out.ends_with(b"# EOF\n"));
    /// ```
    pub fn encode(&self, format: Format, out: &mut Vec<u8>) {
        self.encode_where(|_| true, format, out);
    }

    /// As [`Registry::encode`], but only the families whose names are wanted.
    pub fn encode_where(&self, wanted: impl Fn(&str) -> bool, format: Format, out: &mut Vec<u8>) {
        self.0.collectors.let_go_of_stale();
        let families = self.families();
        if let Some(expiry) = &self.0.expiry
            && families.iter().all(|family| wanted(&family.name))
        {
            expiry.sweep(&families);
        }
        exposition::encode(&families, wanted, format, out);
    }

    /// Says how the [`Collector`](super::Collector)s with [`Scope::Shared`](super::Scope::Shared) that are registered from
    /// now on are shared.
    pub(crate) fn share_collectors(&self, replicas: u32, sharing: Option<Arc<dyn Sharing>>) {
        self.0.collectors.share(replicas, sharing);
    }

    /// The definitions that are registered, sorted by name, each with the bucket edges that its family has.
    pub(crate) fn definitions(&self) -> Vec<(Definition, Arc<[f64]>)> {
        let families = self.families();
        let defined = families.iter().filter_map(|family| Some((family.definition?, Arc::clone(&family.shape.edges))));
        defined.collect()
    }

    /// Where to find its families by name, for those who must not keep it.
    pub(super) fn directory(&self) -> Directory {
        Directory(Arc::downgrade(&self.0))
    }

    /// Whether the numbers of its families are here, and not with a recorder of the host's.
    pub(crate) fn keeps_numbers(&self) -> bool {
        self.0.host.is_none()
    }

    /// Makes what the `metrics` facade gets go where the numbers of the families go, unless it goes somewhere already;
    /// whether it did.
    pub(crate) fn install(&self) -> bool {
        match &self.0.host {
            Some(host) => host.install(),
            None => ::metrics::set_global_recorder(self.clone()).is_ok(),
        }
    }

    pub(super) fn diagnostics(&self) -> &Diagnostics {
        &self.0.budget.diagnostics
    }

    pub(super) fn exemplars(&self) -> Option<Clock> {
        self.0.exemplars.clone()
    }

    /// Registers a checked definition, or finds the family that an equal one registered.
    pub(super) fn register(
        &self,
        definition: &Definition,
        edges: &[f64],
        source: Source,
    ) -> Result<Arc<FamilyCore>, DefinitionError> {
        let name = definition.name;
        let clash = |other: &str| DefinitionError::Clash { metric: name.to_owned(), other: other.to_owned() };
        let mut families = self.write();
        if let Some(present) = families.get(name) {
            let equal = present.definition.as_ref() == Some(definition)
                && *present.shape.edges == *edges
                && present.source() == source;
            return if equal { Ok(Arc::clone(present)) } else { Err(clash(name)) };
        }
        if let Some(other) = families.shown_under(name, definition.kind) {
            return Err(clash(&other));
        }
        let shape = Shape::new(
            definition.kind,
            definition.unit,
            edges,
            // A collected gauge has a value from the start, unless that is refused: then there is none to show.
            definition.absent_until_set || source.has_collectors(),
            self.diagnostics().clone(),
        )
        .exemplars(self.exemplars());
        #[cfg(feature = "protobuf")]
        let shape = if definition.native { shape.with_native_buckets() } else { self.with_asked_buckets(name, shape) };
        let host = self.0.host.as_ref().filter(|_| source.has_handles());
        let shape = shape.kept_by(host.map(|host| host.family(definition)));
        let family =
            families.add(FamilyCore::new(name, name, shape, Some(*definition), source, Arc::clone(&self.0.budget)));
        drop(families);
        if let Some(host) = host {
            host.describe(definition);
        }
        Ok(family)
    }

    /// Finds or creates a family of the facade.
    pub(super) fn foreign(
        &self,
        raw_name: &str,
        name: &str,
        kind: Kind,
        shape: impl FnOnce() -> Shape,
    ) -> Result<Arc<FamilyCore>, Refused> {
        let of_kind = |present: &Arc<FamilyCore>| {
            let is_free = present.shape.kind == kind && present.source() == Source::Handles;
            if is_free { Ok(Arc::clone(present)) } else { Err(Refused::Taken) }
        };
        if let Some(present) = self.0.families.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return of_kind(present);
        }
        let mut families = self.write();
        if let Some(present) = families.get(name) {
            return of_kind(present);
        }
        if families.shown_under(name, kind).is_some() {
            return Err(Refused::Taken);
        }
        if families.len() >= MOST_FAMILIES || self.0.budget.is_used_up() {
            return Err(Refused::Full);
        }
        let shape = shape();
        #[cfg(feature = "protobuf")]
        let shape = self.with_asked_buckets(name, shape);
        Ok(families.add(FamilyCore::new(name, raw_name, shape, None, Source::Handles, Arc::clone(&self.0.budget))))
    }

    pub(super) fn families(&self) -> Arc<[Arc<FamilyCore>]> {
        let listed = self.0.families.read().unwrap_or_else(PoisonError::into_inner).listed();
        listed.unwrap_or_else(|| self.write().list())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Families> {
        self.0.families.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The families of a registry, for as long as somebody else keeps it.
pub(super) struct Directory(Weak<Inner>);

impl Directory {
    pub(super) fn family(&self, name: &str) -> Option<Arc<FamilyCore>> {
        let inner = self.0.upgrade()?;
        let families = inner.families.read().unwrap_or_else(PoisonError::into_inner);
        families.get(name).cloned()
    }
}

/// Chosen: ten times what a large service has. Definitions of the program itself are not held to it.
const MOST_FAMILIES: usize = 10_000;

/// Why a metric of the facade has no family.
pub(super) enum Refused {
    /// Its name is that of a metric of another kind, of one that collectors give, or of a part of a histogram.
    Taken,
    /// There are too many families or series.
    Full,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.families().len();
        f.debug_struct("Registry").field("families", &families).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Problem;
    use crate::metrics::{Counter, Family, Gauge, Histogram, LabelValue, Meter, Unit};

    static REQUESTS: Definition = Definition::counter("requests_total", "Requests.").labels(&["route"]);
    static LATENCY: Definition =
        Definition::histogram("latency_seconds", "Latency.").unit(Unit::Seconds).edges(&[0.1, 1.0]);

    #[test]
    fn equal_definitions_share_a_family_and_others_clash() {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let first: Family<Counter, 1> = meter.counter(&REQUESTS).unwrap();
        let second: Family<Counter, 1> = meter.counter(&REQUESTS).unwrap();
        first.series(["/".into()]).increment();
        assert_eq!(second.series(["/".into()]).get(), 1);

        static OTHER: Definition = Definition::counter("requests_total", "Other.").labels(&["route"]);
        let refused = meter.counter::<1>(&OTHER).unwrap_err();
        assert!(matches!(refused, DefinitionError::Clash { .. }), "{refused}");
    }

    #[test]
    fn histogram_and_its_parts_cannot_meet_another_name() {
        static PART: Definition = Definition::gauge("latency_seconds_count", "x");
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let _histogram: Family<Histogram, 0> = meter.histogram(&LATENCY).unwrap();
        assert!(meter.gauge::<0>(&PART).is_err());

        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let _gauge: Family<Gauge, 0> = meter.gauge(&PART).unwrap();
        assert!(meter.histogram::<0>(&LATENCY).is_err());
    }

    #[test]
    fn handle_of_another_kind_is_a_typed_error() {
        let refused = Meter::new(&Registry::new()).gauge::<1>(&REQUESTS).unwrap_err();
        assert_eq!(refused.to_string(), "metric \"requests_total\" is a counter, not a gauge");
    }

    #[test]
    fn series_past_a_cap_share_one_overflow_series() {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(
            RegistryOptions::new().limits(Limits { per_family: 2, in_all: 100 }).diagnostics(diagnostics.clone()),
        );
        let family: Family<Counter, 1> = Meter::new(&registry).counter(&REQUESTS).unwrap();
        for route in 0..100 {
            family.series([LabelValue::capped(format!("/{route}"))]).increment();
        }
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.value("requests_total", &[("otel_metric_overflow", "true")]), Some(98.0));
        assert_eq!(snapshot.sum("requests_total", &[]), Some(100.0), "no count is lost");
        assert_eq!(snapshot.value("monitoring_series", &[("family", "requests_total")]), Some(3.0));
        assert_eq!(snapshot.value("monitoring_series_overflow_total", &[("family", "requests_total")]), Some(98.0));
        assert_eq!(diagnostics.total(Problem::SeriesOverflow), 98);
    }

    #[test]
    fn cap_in_all_counts_every_family() {
        static OTHER: Definition = Definition::gauge("other", "x").labels(&["a"]);
        let registry = Registry::with(RegistryOptions::new().limits(Limits { per_family: 10, in_all: 3 }));
        let meter = Meter::new(&registry);
        let (counters, gauges): (Family<Counter, 1>, Family<Gauge, 1>) =
            (meter.counter(&REQUESTS).unwrap(), meter.gauge(&OTHER).unwrap());
        for value in ["a", "b"] {
            counters.series([value.into()]).increment();
            gauges.series([value.into()]).set(1.0);
        }
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.value("other", &[("a", "b")]), None);
        assert_eq!(snapshot.value("other", &[("otel_metric_overflow", "true")]), Some(1.0));
    }

    #[test]
    fn rejected_samples_are_counted_and_poison_nothing() {
        static SIZE: Definition = Definition::histogram("size_bytes", "x").unit(Unit::Bytes).edges(&[10.0]);
        static AGE: Definition = Definition::gauge_absent_until_set("age", "x");
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        let meter = Meter::new(&registry);
        let latency = meter.histogram(&LATENCY).unwrap().series([]);
        let size = meter.histogram(&SIZE).unwrap().series([]);
        let age = meter.gauge(&AGE).unwrap().series([]);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            latency.record(bad);
            size.record(bad);
            age.add(bad);
        }
        latency.record(-1.0);
        age.set(f64::NAN);
        assert_eq!(diagnostics.total(Problem::SampleRejected), 11);
        latency.record(1e300);
        latency.record_duration(std::time::Duration::MAX);
        assert_eq!(diagnostics.total(Problem::SampleRejected), 13);
        assert_eq!(age.get(), None);
        size.record(10.0);
        latency.record_duration(std::time::Duration::from_millis(100));
        let text = registry.render();
        assert!(text.contains("size_bytes_bucket{le=\"10.0\"} 1\n"), "edges are inclusive: {text}");
        assert!(text.contains("latency_seconds_bucket{le=\"0.1\"} 1\n"), "{text}");
        assert!(text.contains("latency_seconds_sum 0.1\n"), "{text}");
        assert!(!text.contains("# TYPE age"), "{text}");
    }

    #[test]
    fn observation_that_panics_costs_its_own_series_only() {
        static DEPTH: Definition = Definition::gauge("depth", "x").labels(&["queue"]);
        static SEEN: Definition = Definition::counter("seen_total", "x");
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        let meter = Meter::new(&registry);
        let depth: Family<Gauge, 1> = meter.gauge(&DEPTH).unwrap();
        let seen: Family<Counter, 0> = meter.counter(&SEEN).unwrap();
        depth.observe(["good".into()], || Some(1.0));
        depth.observe(["bad".into()], || panic!("an observation that panics"));
        seen.observe([], || panic!("another"));
        let text = registry.render();
        assert!(text.contains("depth{queue=\"good\"} 1\n") && !text.contains("bad"), "{text}");
        assert!(!text.contains("\nseen_total"), "{text}");
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.sum("depth", &[]), Some(1.0));
        assert_eq!(diagnostics.total(Problem::ObservationPanicked), 4);
    }

    #[test]
    fn seconds_are_summed_exactly() {
        let registry = Registry::new();
        let latency = Meter::new(&registry).histogram(&LATENCY).unwrap().series([]);
        for _ in 0..10 {
            latency.record(0.1);
        }
        assert!(registry.render().contains("latency_seconds_sum 1\n"), "ten times 0.1 is 1");
    }
}
