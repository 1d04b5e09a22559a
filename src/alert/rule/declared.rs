//! A rule as it is written down, before anybody has looked whether it makes sense.

use std::time::Duration;

use super::selector::Matcher;
use super::template::Template;
use super::value::Condition;
use crate::severity::Severity;

/// Which fleet-wide view a rule belongs to, and so by what it must tell its alerts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pack {
    /// About one service: its alerts tell services and environments apart.
    Service,
    /// About what services share, generated once: its alerts tell environments apart.
    Fleet,
}

impl Pack {
    /// The word in file names.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Fleet => "fleet",
        }
    }
}

/// What becomes of an alert whose series are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// It ends: nothing is known of a fault any more.
    Resolves,
    /// The last values of gauges count for so long, so that a process that is replaced in the middle of a fault does not
    /// end it.
    Holds(Duration),
}

/// Where one reads what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Runbook {
    /// The one of this crate that has the rule's name.
    Own,
    /// One of the service's.
    Url(String),
}

/// A line of the guide's "Critical Alerts".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is its line of the guide, which `as_str` has")]
pub enum GuideLine {
    ApiEndpointDowntime,
    DatabaseConnectionFailures,
    IbkrConnectionLoss,
    SolanaRpcIssues,
    ResponseTime,
    ErrorRate,
    CpuUsage,
    MemoryUsage,
    RiskCalculationFailures,
    PortfolioSyncIssues,
    TokenRequirementUpdateFailures,
    GracePeriodExpirationWarnings,
}

impl GuideLine {
    /// All twelve, in the guide's order.
    pub const ALL: [Self; 12] = [
        Self::ApiEndpointDowntime,
        Self::DatabaseConnectionFailures,
        Self::IbkrConnectionLoss,
        Self::SolanaRpcIssues,
        Self::ResponseTime,
        Self::ErrorRate,
        Self::CpuUsage,
        Self::MemoryUsage,
        Self::RiskCalculationFailures,
        Self::PortfolioSyncIssues,
        Self::TokenRequirementUpdateFailures,
        Self::GracePeriodExpirationWarnings,
    ];

    /// The guide's words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiEndpointDowntime => "API endpoint downtime > 1 minute",
            Self::DatabaseConnectionFailures => "Database connection failures",
            Self::IbkrConnectionLoss => "IBKR connection loss",
            Self::SolanaRpcIssues => "Solana RPC issues",
            Self::ResponseTime => "Response time > 500ms (95th percentile)",
            Self::ErrorRate => "Error rate > 1%",
            Self::CpuUsage => "CPU usage > 80%",
            Self::MemoryUsage => "Memory usage > 85%",
            Self::RiskCalculationFailures => "Risk calculation failures",
            Self::PortfolioSyncIssues => "Portfolio sync issues",
            Self::TokenRequirementUpdateFailures => "Token requirement update failures",
            Self::GracePeriodExpirationWarnings => "Grace period expiration warnings",
        }
    }
}

/// A rule: what must be true of which group of series for how long, and what a person is told then.
///
/// ```
/// use std::time::Duration;
///
/// use aistm7_monitoring::alert::{Pack, Quantity, Rule, Severity, Value, metric};
///
/// let rejected = Value::events(metric("orders_total").is("outcome", "rejected"), Duration::from_secs(600));
/// let rule = Rule::new("OrdersRejected", Pack::Service, rejected.at_least(Quantity::count(3.0)))
///     .by(["service", "environment", "side"])
///     .severity(Severity::Critical)
///     .summary("The broker rejects orders.")
///     .description("{service} had {value} {side} orders rejected within ten minutes.")
///     .runbook_url("https://wiki.example.com/runbooks/orders-rejected");
/// # let _ = rule;
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a rule does nothing until it is added to alerts"]
pub struct Rule {
    pub(crate) name: String,
    pub(crate) pack: Pack,
    pub(crate) topic: String,
    pub(crate) condition: Condition,
    pub(crate) by: Vec<String>,
    pub(crate) severity: Severity,
    pub(crate) lasting: Duration,
    pub(crate) keep_firing: Duration,
    pub(crate) clear: Option<f64>,
    pub(crate) missing: Missing,
    pub(crate) summary: String,
    pub(crate) description: Template,
    pub(crate) runbook: Runbook,
    pub(crate) guide: Vec<GuideLine>,
    pub(crate) seen_after: Duration,
    pub(crate) takes_time: Option<String>,
    /// What a service adds to every selector whose metric has the label.
    pub(crate) matchers: Vec<Matcher>,
}

impl Rule {
    /// A rule: a warning by service and environment, or in the fleet pack by environment, at once, unless told otherwise.
    /// It needs a summary, a description and, if it is not one of this crate's, a runbook.
    pub fn new(name: impl Into<String>, pack: Pack, condition: Condition) -> Self {
        let by: &[&str] = match pack {
            Pack::Service => &["service", "environment"],
            Pack::Fleet => &["environment"],
        };
        Self {
            name: name.into(),
            pack,
            topic: "own".to_owned(),
            condition,
            by: by.iter().map(|label| (*label).to_owned()).collect(),
            severity: Severity::Warning,
            lasting: Duration::ZERO,
            keep_firing: Duration::ZERO,
            clear: None,
            missing: Missing::Resolves,
            summary: String::new(),
            description: Template::default(),
            runbook: Runbook::Own,
            guide: Vec::new(),
            seen_after: Duration::ZERO,
            takes_time: None,
            matchers: Vec::new(),
        }
    }

    /// The labels that tell its alerts apart. All others are gone.
    pub fn by(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.by = labels.into_iter().map(Into::into).collect();
        self
    }

    /// How urgent it is.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// How long it must be true before it fires.
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasting = time;
        self
    }

    /// How long it goes on to fire after it was last true.
    pub fn keep_firing(mut self, time: Duration) -> Self {
        self.keep_firing = time;
        self
    }

    /// While it fires, the first threshold is this one: on the harmless side of that, so that a value that swings around the
    /// threshold is one alert.
    pub fn clear_at(mut self, amount: f64) -> Self {
        self.clear = Some(amount);
        self
    }

    /// What becomes of it when its series are gone. Default: [`Missing::Resolves`].
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// What is wrong: one sentence that is the same for all its alerts.
    pub fn summary(mut self, sentence: impl Into<String>) -> Self {
        self.summary = sentence.into();
        self
    }

    /// What is wrong with which of them: `{label}` is a label of [`Rule::by`], `{value}` the number that is compared, with
    /// its unit.
    pub fn description(mut self, template: &str) -> Self {
        self.description = Template::read(template);
        self
    }

    /// Where one reads what to do.
    pub fn runbook_url(mut self, url: impl Into<String>) -> Self {
        self.runbook = Runbook::Url(url.into());
        self
    }

    /// How long after a fault the metrics can show it, such as the intervals of a health check. Default: at once.
    pub fn seen_after(mut self, time: Duration) -> Self {
        self.seen_after = time;
        self
    }

    /// The group of the rule file that it is in. Default: `own`.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Why it cannot page within two minutes.
    pub(crate) fn takes_time(mut self, why: &str) -> Self {
        self.takes_time = Some(why.to_owned());
        self
    }

    /// Which lines of the guide it is.
    pub(crate) fn guide(mut self, lines: impl IntoIterator<Item = GuideLine>) -> Self {
        self.guide = lines.into_iter().collect();
        self
    }
}
