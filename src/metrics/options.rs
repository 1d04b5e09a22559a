//! How a registry is set up.

#[cfg(feature = "protobuf")]
use std::collections::BTreeSet;
use std::time::Duration;

use super::host::HostRecorder;
use crate::clock::Clock;
use crate::diagnostics::Diagnostics;

/// What a [`Registry`](super::Registry) keeps, for how long, and where it tells of its problems.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::metrics::{Limits, Registry, RegistryOptions};
///
/// let limits = Limits { per_family: 100, in_all: 1_000 };
/// let options = RegistryOptions::new().limits(limits).expire_idle_after(Duration::from_secs(3600));
/// let registry = Registry::with(options);
/// # let _ = registry;
/// ```
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    pub(super) limits: Limits,
    pub(super) diagnostics: Diagnostics,
    pub(super) clock: Clock,
    pub(super) expire_idle_after: Option<Duration>,
    pub(super) collect_within: Duration,
    #[cfg(feature = "protobuf")]
    pub(super) native_histograms: BTreeSet<String>,
    pub(super) host: Option<HostRecorder>,
    pub(super) exemplars: bool,
}

/// How long a gather waits for collectors unless [`RegistryOptions::collect_within`] says otherwise. Chosen: reading
/// what is in the process or in `/proc` takes milliseconds, and a tenth of Prometheus' default timeout leaves the rest
/// of a scrape all the time it may need.
pub const DEFAULT_COLLECT_WITHIN: Duration = Duration::from_secs(1);

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            diagnostics: Diagnostics::default(),
            clock: Clock::default(),
            expire_idle_after: None,
            collect_within: DEFAULT_COLLECT_WITHIN,
            #[cfg(feature = "protobuf")]
            native_histograms: BTreeSet::new(),
            host: None,
            exemplars: false,
        }
    }
}

/// How many series a registry keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series of one family. A histogram counts as one whatever its buckets. Default: 10,000.
    pub per_family: usize,
    /// Series of all families together. Default: 100,000.
    pub in_all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { per_family: 10_000, in_all: 100_000 }
    }
}

impl RegistryOptions {
    /// The default [`Limits`], diagnostics of its own, the machine's clocks; series stay for good, no exemplars.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many series are kept.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Where problems are counted.
    #[must_use]
    pub fn diagnostics(self, diagnostics: Diagnostics) -> Self {
        Self { diagnostics, ..self }
    }

    /// The source of time.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Lets go of counters and histograms that are idle: nobody holds a handle of them, and they have stayed for
    /// `after` at a value that a scrape has shown.
    ///
    /// A handle that somebody holds is never silenced, and no count goes unseen. A series that is used again starts
    /// at 0, as after a restart, which `rate()` and `increase()` take for what it is. Gauges stay. Series are looked at
    /// when every family is encoded or rendered, at most every quarter of `after`.
    #[must_use]
    pub fn expire_idle_after(self, after: Duration) -> Self {
        Self { expire_idle_after: Some(after), ..self }
    }

    /// How long [`Registry::collect`](super::Registry::collect), and so a scrape, waits for
    /// [`Collector`](super::Collector)s. It must be well below the timeout of whoever scrapes. Default:
    /// [`DEFAULT_COLLECT_WITHIN`].
    #[must_use]
    pub fn collect_within(self, limit: Duration) -> Self {
        Self { collect_within: limit, ..self }
    }

    /// Gives the histograms of these names native buckets as well, whoever registers them, a library through the
    /// `metrics` facade included. A name that no histogram has does nothing here;
    /// [`Monitoring`](crate::Monitoring) refuses it when it is built.
    ///
    /// Prometheus reads native buckets from the protobuf format only, for which it asks when it is told to take native
    /// histograms; then it takes them in place of the buckets of the edges, unless it is told to take both. The text
    /// formats have the edges' buckets as before. See [`Definition::native`](super::Definition::native).
    #[cfg(feature = "protobuf")]
    #[must_use]
    pub fn native_histograms(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.native_histograms.extend(names.into_iter().map(Into::into));
        self
    }

    /// Sends the numbers of all registered definitions to a recorder of the host's, instead of keeping them.
    ///
    /// The registry stays the directory of the families and series, with its checks and limits. It shows no number of
    /// theirs, and none expires; observed series are left out and counted as `observation_unread`.
    #[cfg(feature = "metrics-exporter-prometheus")]
    #[must_use]
    pub fn report_to(self, recorder: HostRecorder) -> Self {
        Self { host: Some(recorder), ..self }
    }

    /// The recorder that is reported to.
    #[cfg(feature = "metrics-exporter-prometheus")]
    pub(crate) fn host(&self) -> Option<&HostRecorder> {
        self.host.as_ref()
    }

    /// A setting that works on numbers which are kept here, by its name in the builder.
    #[cfg(feature = "metrics-exporter-prometheus")]
    pub(crate) fn needs_numbers(&self) -> Option<&'static str> {
        let settings = [
            (self.expire_idle_after.is_some(), "expire_idle_series_after"),
            (self.collect_within != DEFAULT_COLLECT_WITHIN, "collect_within"),
            #[cfg(feature = "protobuf")]
            (!self.native_histograms.is_empty(), "native_histograms"),
            (self.exemplars, "exemplars"),
        ];
        settings.into_iter().find(|(is_set, _)| *is_set).map(|(_, name)| name)
    }

    /// Shows traces beside the buckets of histograms, in OpenMetrics and protobuf: of each series the latest sample, and the
    /// largest of the last minute, at most one a bucket.
    ///
    /// An exemplar names the trace and the span of the [`TraceContext`](crate::trace::TraceContext) that was present
    /// when the sample was recorded, if that is sampled, the sample and its time (else Prometheus would take that of
    /// the scrape). Counters have none: a trace beside a count tells nothing that one beside its duration does not.
    ///
    /// Cost: 120 bytes a histogram series, and for a sample in a sampled trace a look at the clock and some twenty
    /// atomic loads and stores; no lock and no allocation. Samples that meet at a place keep one exemplar.
    ///
    /// ```
    /// use aistm7_monitoring::metrics::exposition::Format;
    /// use aistm7_monitoring::metrics::{Definition, Meter, Registry, RegistryOptions, Unit};
    /// use aistm7_monitoring::trace::TraceContext;
    ///
    /// static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds);
    ///
    /// let registry = Registry::with(RegistryOptions::new().exemplars());
    /// let wait = Meter::new(&registry).histogram(&WAIT)?.series([]);
    /// let context = TraceContext::new_root();
    /// {
    ///     let _entered = context.enter();
    ///     wait.record(0.3);
    /// }
    /// let mut out = Vec::new();
    /// registry.encode(Format::OpenMetrics, &mut out);
    /// let shown = format!("wait_seconds_bucket{{le=\"0.5\"}} 1 # {{trace_id=\"{}\",", context.trace_id());
    /// assert!(String::from_utf8_lossy(&out).contains(&shown));
    /// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
    /// ```
    #[must_use]
    pub fn exemplars(self) -> Self {
        Self { exemplars: true, ..self }
    }
}
