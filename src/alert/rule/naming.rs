//! What roles are called: requests have the crate's names or OpenTelemetry's.

use super::declared::Rule;
use super::selector::{Match, Matcher, Role, Selector, Source};
use crate::catalog::Catalog;

/// Which names requests have in a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    Api,
    OpenTelemetry,
}

const OTEL_DURATION: &str = "http_server_request_duration_seconds";

/// The labels whose names differ.
const RENAMED: [(&str, &str); 3] =
    [("route", "http_route"), ("method", "http_request_method"), ("status", "http_response_status_code")];

/// What stands in the first queries of runbooks about requests, and what it is under OpenTelemetry's names.
const IN_QUERIES: [(&str, &str); 4] = [
    ("api_errors_total", "http_server_request_duration_seconds_count{error_type!~\"|cancelled|aborted\"}"),
    ("api_response_time_seconds", OTEL_DURATION),
    ("by (route", "by (http_route"),
    ("status, outcome", "http_response_status_code, error_type"),
];

/// What clients did, for which no service is to blame.
const GIVEN_UP: [&str; 2] = ["aborted", "cancelled"];

impl Naming {
    pub(super) fn of(catalog: &Catalog) -> Self {
        if catalog.metric(OTEL_DURATION).is_some() { Self::OpenTelemetry } else { Self::Api }
    }

    /// Gives roles the names of metrics, and the labels of a rule that has one the names that go with them.
    pub(super) fn apply(self, rule: &mut Rule) {
        let mut has_role = false;
        for selector in rule.condition.selectors_mut() {
            if let Source::Role(role) = selector.source {
                has_role = true;
                if self == Self::OpenTelemetry {
                    selector.matchers.iter_mut().for_each(|matcher| matcher.label = renamed(&matcher.label));
                }
                self.name(selector, role);
            }
        }
        if has_role && self == Self::OpenTelemetry {
            rule.by.iter_mut().for_each(|label| *label = renamed(label));
            for (from, to) in RENAMED {
                rule.description.rename(from, to);
            }
        }
    }

    /// A query of a runbook about requests.
    pub(super) fn query(self, query: &str) -> String {
        match self {
            Self::Api => query.to_owned(),
            Self::OpenTelemetry => {
                IN_QUERIES.iter().fold(query.to_owned(), |query, (from, to)| query.replace(from, to))
            }
        }
    }

    fn name(self, selector: &mut Selector, role: Role) {
        let (metric, matcher) = match (self, role) {
            (Self::Api, Role::Requests) => ("api_requests_total", Some(none_of("outcome", &GIVEN_UP))),
            (Self::Api, Role::Errors) => ("api_errors_total", None),
            (Self::Api, Role::Latency) => ("api_response_time_seconds", None),
            (Self::OpenTelemetry, Role::Requests) => (OTEL_DURATION, Some(none_of("error_type", &GIVEN_UP))),
            (Self::OpenTelemetry, Role::Errors) => {
                (OTEL_DURATION, Some(none_of("error_type", &["", GIVEN_UP[0], GIVEN_UP[1]])))
            }
            (Self::OpenTelemetry, Role::Latency) => (OTEL_DURATION, None),
        };
        selector.source = Source::Metric(metric.to_owned());
        selector.matchers.extend(matcher);
    }
}

/// What a label of requests is called under OpenTelemetry's names.
pub(super) fn renamed(label: &str) -> String {
    let found = RENAMED.iter().find(|(from, _)| *from == label);
    found.map_or(label, |(_, to)| to).to_owned()
}

fn none_of(label: &str, values: &[&str]) -> Matcher {
    let values = Match::NoneOf(values.iter().map(|value| (*value).to_owned()).collect());
    Matcher { label: label.to_owned(), values }
}
