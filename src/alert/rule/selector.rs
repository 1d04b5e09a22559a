//! Which series a rule is about.

/// Labels that a scrape adds to every series, whatever its metric.
pub const IDENTITY: [&str; 5] = ["service", "environment", "instance", "tenant", "job"];

/// What a metric is for, where the naming of requests decides what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Requests that were finished, without those that clients gave up: what a success ratio is of.
    Requests,
    /// Those of them that are the service's fault.
    Errors,
    /// The time until the response head.
    Latency,
}

/// Where the series are found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A metric of the catalog.
    Metric(String),
    /// The metric that has a role.
    Role(Role),
    /// What Prometheus says of a target: 1 if it could be scraped, else 0.
    Up,
    /// What a prober says of a URL: 1 if it answered as it should, else 0.
    Probe,
}

impl Source {
    /// What the metric is called, before roles are names.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Metric(name) => name,
            Self::Role(_) => "",
            Self::Up => "up",
            Self::Probe => "probe_success",
        }
    }
}

/// What a label's value must be. No expression over text, so that everybody who evaluates it means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Match {
    /// One of these; an empty one is an absent label.
    OneOf(Vec<String>),
    /// None of these.
    NoneOf(Vec<String>),
}

/// A label and what its value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// The values.
    pub values: Match,
}

impl Matcher {
    /// Whether a value will do; an absent label has the empty one.
    pub fn accepts(&self, value: &str) -> bool {
        match &self.values {
            Match::OneOf(values) => values.iter().any(|one| one == value),
            Match::NoneOf(values) => !values.iter().any(|one| one == value),
        }
    }
}

/// The series of a metric that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// Where they are found.
    pub source: Source,
    /// What each of them has.
    pub matchers: Vec<Matcher>,
}

/// The series of the metric of this name.
pub fn metric(name: impl Into<String>) -> Selector {
    Selector { source: Source::Metric(name.into()), matchers: Vec::new() }
}

/// The series of the metric with this role.
pub fn role(role: Role) -> Selector {
    Selector { source: Source::Role(role), matchers: Vec::new() }
}

/// One series a target, 1 while it can be scraped, else 0. Only Prometheus knows it.
pub fn up() -> Selector {
    Selector { source: Source::Up, matchers: Vec::new() }
}

/// One series a URL that blackbox_exporter asks, `instance`: 1 while it answers as it should, else 0. Only Prometheus knows it.
pub fn probe() -> Selector {
    Selector { source: Source::Probe, matchers: Vec::new() }
}

impl Selector {
    /// Those whose label has this value.
    #[must_use]
    pub fn is(self, label: &str, value: &str) -> Self {
        self.one_of(label, [value])
    }

    /// Those whose label has one of these values.
    #[must_use]
    pub fn one_of(self, label: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = Match::OneOf(values.into_iter().map(Into::into).collect());
        self.matching(Matcher { label: label.to_owned(), values })
    }

    /// Those whose label has none of these values.
    #[must_use]
    pub fn none_of(self, label: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let values = Match::NoneOf(values.into_iter().map(Into::into).collect());
        self.matching(Matcher { label: label.to_owned(), values })
    }

    /// Those that match this as well.
    #[must_use]
    pub fn matching(mut self, matcher: Matcher) -> Self {
        self.matchers.push(matcher);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::metric;

    #[test]
    fn absent_labels_are_empty_values() {
        let selector = metric("x").none_of("kind", ["", "a"]);
        let accepts = |value| selector.matchers[0].accepts(value);
        assert_eq!((accepts(""), accepts("a"), accepts("b")), (false, false, true));
    }
}
