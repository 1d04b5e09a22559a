//! Which destinations are told of which alerts.

use super::super::alert::Alert;
use crate::alert::Severity;

/// Sends some alerts to some destinations. Of several routes, the first that takes an alert decides.
///
/// ```
/// use aistm7_monitoring::alert::Severity;
/// use aistm7_monitoring::alert::notify::Route;
///
/// let routes = [
///     Route::to(["pager", "incidents"]).environment("prod").severity(Severity::Critical),
///     Route::to(["monitoring"]),
/// ];
/// # let _ = routes;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub(super) destinations: Vec<String>,
    severities: Vec<Severity>,
    environment: Environment,
    rule: Option<String>,
}

/// Which environments a route takes alerts of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Environment {
    Any,
    Only(String),
    AllBut(String),
}

/// The environment that pages.
const PRODUCTION: &str = "prod";

impl Route {
    /// Every alert to the destinations of these names. What follows narrows it down.
    pub fn to<N: Into<String>>(destinations: impl IntoIterator<Item = N>) -> Self {
        let destinations = destinations.into_iter().map(Into::into).collect();
        Self { destinations, severities: Vec::new(), environment: Environment::Any, rule: None }
    }

    /// Only alerts of this severity; once more, for another one too.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severities.push(severity);
        self
    }

    /// Only alerts of this environment.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Environment::Only(environment.into());
        self
    }

    /// Only alerts of other environments than this.
    #[must_use]
    pub fn outside_of(mut self, environment: impl Into<String>) -> Self {
        self.environment = Environment::AllBut(environment.into());
        self
    }

    /// Only alerts of this rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// The routes of the guide, by the names of three destinations: what is critical in production to the pager and the
    /// incidents, warnings to the pager (as low urgency, where PagerDuty is set so) and the monitoring, the rest and all
    /// that is not production to the monitoring.
    pub fn of_the_guide(pager: &str, incidents: &str, monitoring: &str) -> [Self; 4] {
        [
            Self::to([monitoring]).outside_of(PRODUCTION),
            Self::to([pager, incidents]).severity(Severity::Critical),
            Self::to([pager, monitoring]).severity(Severity::Warning),
            Self::to([monitoring]),
        ]
    }

    /// Whether the route takes the alert.
    pub(super) fn takes(&self, alert: &Alert) -> bool {
        let environment = alert.origin().environment();
        let is_place = match &self.environment {
            Environment::Any => true,
            Environment::Only(only) => only == environment,
            Environment::AllBut(other) => other != environment,
        };
        let is_severity = self.severities.is_empty() || self.severities.contains(&alert.severity());
        is_place && is_severity && self.rule.as_deref().is_none_or(|rule| rule == alert.rule())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::super::alert::Origin;
    use super::*;

    #[test]
    fn guides_routes_send_alerts_where_the_guide_has_them() {
        let routes = Route::of_the_guide("pager", "incidents", "monitoring");
        for (environment, severity, expected) in [
            ("prod", Severity::Critical, &["pager", "incidents"][..]),
            ("prod", Severity::Warning, &["pager", "monitoring"]),
            ("prod", Severity::Info, &["monitoring"]),
            ("staging", Severity::Critical, &["monitoring"]),
            ("dev", Severity::Info, &["monitoring"]),
        ] {
            let alert = Alert::firing(Origin::new("risk", environment), "A", severity, SystemTime::UNIX_EPOCH);
            let taken = routes.iter().find(|route| route.takes(&alert)).unwrap();
            assert_eq!(taken.destinations, expected, "{environment} {severity:?}");
        }
    }

    #[test]
    fn route_takes_what_it_names() {
        let alert = Alert::firing(Origin::new("risk", "prod"), "A", Severity::Warning, SystemTime::UNIX_EPOCH);
        let all = || Route::to(["x"]);
        assert!(all().rule("A").environment("prod").severity(Severity::Info).severity(Severity::Warning).takes(&alert));
        for other in
            [all().rule("B"), all().environment("dev"), all().outside_of("prod"), all().severity(Severity::Info)]
        {
            assert!(!other.takes(&alert), "{other:?}");
        }
    }
}
