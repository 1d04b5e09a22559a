//! What a metric is: name, kind, unit, labels, buckets. Written once as a `static`, checked when registered.

/// The kinds of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Only goes up, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts samples by size, in fixed buckets.
    Histogram,
}

impl Kind {
    /// The word of Prometheus' `# TYPE` line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Base units. Each has a suffix that the metric's name must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A number of things, or no unit.
    Count,
    /// `_seconds`. Kept as integer nanoseconds in counters and histograms.
    Seconds,
    /// `_bytes`.
    Bytes,
    /// `_ratio`: a fraction, 1 is the whole.
    Ratio,
}

impl Unit {
    const SUFFIXED: [(Self, &'static str); 3] =
        [(Self::Seconds, "_seconds"), (Self::Bytes, "_bytes"), (Self::Ratio, "_ratio")];

    /// What ends the name of a metric of this unit, before any `_total`.
    pub(super) fn suffix(self) -> Option<&'static str> {
        Self::SUFFIXED.into_iter().find(|(unit, _)| *unit == self).map(|(_, suffix)| suffix)
    }

    /// The unit that a name carries in its suffix, before any `_total`.
    pub(super) const fn of_name(name: &str) -> Self {
        let name = name.as_bytes();
        let stem = if ends_with(name, b"_total") { name.split_at(name.len() - b"_total".len()).0 } else { name };
        let mut at = 0;
        while at < Self::SUFFIXED.len() {
            let (unit, suffix) = Self::SUFFIXED[at];
            if ends_with(stem, suffix.as_bytes()) {
                return unit;
            }
            at += 1;
        }
        Self::Count
    }
}

/// Whether a rename or a dropped label is a breaking change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stability {
    /// Rules and dashboards may rely on it.
    Stable,
    /// May still change in a minor version.
    Experimental,
}

/// One metric, as code and wire know it.
///
/// The name in code is the name on the wire: nothing is appended. Equality is that of every part, and registering equal
/// definitions twice gives the same family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) edges: &'static [f64],
    pub(super) absent_until_set: bool,
    #[cfg(feature = "protobuf")]
    pub(super) native: bool,
    pub(super) stability: Stability,
    pub(super) since: &'static str,
}

/// Upper bounds in seconds for request-like durations: those of OpenTelemetry's HTTP semantic conventions, which hold
/// the guide's edges at 0.25, 0.5, 0.75 and 1 s.
pub const LATENCY_EDGES: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

impl Definition {
    /// A counter. Its name ends in `_total`.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, help)
    }

    /// A gauge, 0 when its series is created.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, help)
    }

    /// A gauge that is absent from every output until it is first set, as timestamps are.
    pub const fn gauge_absent_until_set(name: &'static str, help: &'static str) -> Self {
        let mut definition = Self::new(name, Kind::Gauge, help);
        definition.absent_until_set = true;
        definition
    }

    /// A histogram with [`LATENCY_EDGES`] unless [`Definition::edges`] says otherwise.
    pub const fn histogram(name: &'static str, help: &'static str) -> Self {
        let mut definition = Self::new(name, Kind::Histogram, help);
        definition.edges = LATENCY_EDGES;
        definition
    }

    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            unit: Unit::Count,
            help,
            labels: &[],
            edges: &[],
            absent_until_set: false,
            #[cfg(feature = "protobuf")]
            native: false,
            stability: Stability::Stable,
            since: "0.1.0",
        }
    }

    /// The unit; the name carries its suffix.
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// The label names, in the order in which values are given to [`Family::series`](super::Family::series).
    pub const fn labels(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// The upper bounds of a histogram's buckets, inclusive, rising; `+Inf` is always there.
    pub const fn edges(mut self, edges: &'static [f64]) -> Self {
        self.edges = edges;
        self
    }

    /// Gives the histogram native (exponential) buckets as well, which only [`Format::Protobuf`] shows.
    ///
    /// They are those of Prometheus' schema 3: each power of two in eight, upper bounds inclusive, so that a quantile
    /// is at most 9 % off, whatever the size of the samples. Every sample that the histogram takes is in one of them:
    /// seconds in whole nanoseconds, up to 584 years; numbers of either sign up to the largest there is. Samples of at
    /// most 2^-128 are in the zero bucket. The buckets add up to the count in every output.
    ///
    /// Cost: one atomic add more a sample, and in its first use a doubling allocates: 64 bytes for each power of two
    /// between the smallest and the largest sample, and half a KiB for each 32 of those, so 3 KiB for seconds from a
    /// microsecond to a minute, at most 6 KiB for any seconds. A scrape shows at most 160 buckets of a series
    /// and lowers the schema if there are more, so a `native_histogram_bucket_limit` from 160 on cuts nothing.
    ///
    /// ```
    /// use aistm7_monitoring::metrics::{Definition, Unit};
    ///
    /// static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).native();
    /// ```
    ///
    /// [`Format::Protobuf`]: super::exposition::Format::Protobuf
    #[cfg(feature = "protobuf")]
    pub const fn native(mut self) -> Self {
        self.native = true;
        self
    }

    /// Marks a metric that may still change.
    pub const fn experimental(mut self) -> Self {
        self.stability = Stability::Experimental;
        self
    }

    /// The version of this crate that first had the metric.
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    /// The metric's name, on the wire too.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The metric's kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The help text.
    pub const fn help(&self) -> &'static str {
        self.help
    }

    /// The label names.
    pub const fn label_names(&self) -> &'static [&'static str] {
        self.labels
    }

    /// The unit that its values are in.
    pub const fn measured_in(&self) -> Unit {
        self.unit
    }

    /// How far rules may rely on it.
    pub const fn stability(&self) -> Stability {
        self.stability
    }

    /// The version of this crate that first had it.
    pub const fn introduced_in(&self) -> &'static str {
        self.since
    }

    /// The same definition, looked at by the compiler where it is the value of a `static` or a `const`: one that breaks a
    /// rule does not compile, rather than not register.
    ///
    /// ```compile_fail,E0080
    /// use aistm7_monitoring::metrics::Definition;
    ///
    /// static ORDERS: Definition = Definition::counter("orders", "Orders.").checked();
    /// ```
    ///
    /// # Panics
    /// When it breaks a rule.
    #[must_use]
    pub const fn checked(self) -> Self {
        if let Some(rule) = self.broken_rule() {
            panic!("{}", rule);
        }
        self
    }

    /// Checks everything that can be known of a definition alone.
    pub(super) fn check(&self, label_count: usize) -> Result<(), DefinitionError> {
        let broken = if self.labels.len() == label_count {
            self.broken_rule()
        } else {
            Some("the family has as many labels as its definition")
        };
        match broken {
            None => Ok(()),
            Some(rule) => Err(DefinitionError::Invalid { metric: self.name.to_owned(), rule }),
        }
    }

    /// The first rule that it breaks. Loops and no iterators, so that the compiler can look at it.
    const fn broken_rule(&self) -> Option<&'static str> {
        if !is_metric_name(self.name) {
            return Some("a metric name matches [a-zA-Z_:][a-zA-Z0-9_:]*");
        }
        if self.help.is_empty() {
            return Some("a metric has a help text");
        }
        if matches!(self.kind, Kind::Counter) != ends_with(self.name.as_bytes(), b"_total") {
            return Some("a counter's name ends in _total, and no other's does");
        }
        if Unit::of_name(self.name) as u8 != self.unit as u8 {
            return Some("the name carries the suffix of its unit: _seconds, _bytes or _ratio, or none");
        }
        let mut at = 0;
        while at < self.labels.len() {
            if !is_label_name(self.labels[at]) {
                return Some(
                    "a label name matches [a-zA-Z_][a-zA-Z0-9_]*, without a leading __, and is not le or quantile",
                );
            }
            let mut earlier = 0;
            while earlier < at {
                if is_same(self.labels[earlier].as_bytes(), self.labels[at].as_bytes()) {
                    return Some("a label name occurs once");
                }
                earlier += 1;
            }
            at += 1;
        }
        if matches!(self.kind, Kind::Histogram) == self.edges.is_empty() {
            return Some("a histogram has bucket edges, and no other kind has");
        }
        #[cfg(feature = "protobuf")]
        if self.native && !matches!(self.kind, Kind::Histogram) {
            return Some("a histogram has native buckets, and no other kind has");
        }
        match check_edges(self.edges) {
            Ok(()) => None,
            Err(rule) => Some(rule),
        }
    }
}

pub(super) const fn check_edges(edges: &[f64]) -> Result<(), &'static str> {
    let mut at = 0;
    while at < edges.len() {
        if !edges[at].is_finite() || (at > 0 && edges[at - 1] >= edges[at]) {
            return Err("bucket edges are finite and rise");
        }
        at += 1;
    }
    Ok(())
}

pub(super) const fn is_metric_name(name: &str) -> bool {
    is_word(name.as_bytes(), b":")
}

pub(super) const fn is_label_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_reserved = is_same(bytes, b"le") || is_same(bytes, b"quantile") || matches!(bytes, [b'_', b'_', ..]);
    is_word(bytes, b"") && !is_reserved
}

/// Letters, digits, `_` and `other`, and no digit first.
const fn is_word(bytes: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let is_other = !other.is_empty() && byte == other[0];
        let starts = byte.is_ascii_alphabetic() || byte == b'_' || is_other;
        if !starts && (at == 0 || !byte.is_ascii_digit()) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

/// Texts cannot be compared with `==` in constants.
pub(super) const fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && ends_with(left, right)
}

const fn ends_with(bytes: &[u8], end: &[u8]) -> bool {
    if bytes.len() < end.len() {
        return false;
    }
    let (rest, mut at) = (bytes.len() - end.len(), 0);
    while at < end.len() {
        if bytes[rest + at] != end[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A definition that cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// The definition breaks a rule.
    #[error("metric {metric:?} is invalid: {rule}")]
    Invalid {
        /// The metric's name.
        metric: String,
        /// What holds for every metric.
        rule: &'static str,
    },
    /// Another metric of the registry has the name, or one of the names that a histogram is shown under.
    #[error("metric {metric:?} clashes with the registered {other:?}: give one of them another name")]
    Clash {
        /// The metric's name.
        metric: String,
        /// The name of the metric that was there.
        other: String,
    },
    /// Further bucket edges are asked for, and a recorder of the host's has its buckets already.
    #[error(
        "metric {metric:?} cannot get further bucket edges, because the host's recorder was built with those that it has: put them into the definition"
    )]
    HostBuckets {
        /// The metric's name.
        metric: String,
    },
    /// The handle does not fit the definition.
    #[error("metric {metric:?} is a {}, not a {}", defined.as_str(), asked.as_str())]
    WrongKind {
        /// The metric's name.
        metric: String,
        /// The kind that the definition has.
        defined: Kind,
        /// The kind that was asked for.
        asked: Kind,
    },
    /// Something was asked of a metric that there is none of.
    #[error("there is no metric {metric:?}: correct its name, or register it first")]
    Unknown {
        /// The name that was asked for.
        metric: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_that_break_a_rule_are_refused() {
        for bad in [
            Definition::counter("a-b_total", "x"),
            Definition::counter("a_total", ""),
            Definition::counter("a", "x"),
            Definition::gauge("a_total", "x"),
            Definition::gauge("a_seconds", "x"),
            Definition::gauge("a", "x").unit(Unit::Bytes),
            Definition::gauge("a", "x").labels(&["le"]),
            Definition::gauge("a", "x").labels(&["__a"]),
            Definition::gauge("a", "x").labels(&["a", "a"]),
            Definition::gauge("a", "x").edges(&[1.0]),
            Definition::histogram("a", "x").edges(&[]),
            Definition::histogram("a", "x").edges(&[1.0, 1.0]),
            Definition::histogram("a", "x").edges(&[f64::INFINITY]),
        ] {
            assert!(bad.check(bad.labels.len()).is_err(), "{bad:?}");
        }
        assert!(Definition::gauge("a", "x").labels(&["b"]).check(2).is_err());
        #[cfg(feature = "protobuf")]
        assert!(Definition::gauge("a", "x").native().check(0).is_err());
    }

    #[test]
    fn unit_is_read_off_the_suffix() {
        assert_eq!(Unit::of_name("cpu_seconds_total"), Unit::Seconds);
        assert_eq!(Unit::of_name("hit_ratio"), Unit::Ratio);
        assert_eq!(Unit::of_name("secondseconds"), Unit::Count);
    }
}
