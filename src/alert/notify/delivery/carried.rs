//! What every alert carries that the operator knows and the rule does not.

use std::time::{Duration, SystemTime};

use super::super::alert::Alert;
use crate::alert::Contacts;
use crate::percent;

/// What is added to alerts before they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    pub(super) dashboard: Option<String>,
    pub(super) contacts: Contacts,
}

/// How long before and after an alert's start the dashboard shows. Chosen: the way into most faults, and what they did.
const AROUND: Duration = Duration::from_secs(3600);

impl Carried {
    /// The alert with it. What an alert has already stays.
    pub(super) fn on(&self, alert: Alert) -> Alert {
        let alert = match &self.dashboard {
            Some(url) if alert.dashboard.is_none() => {
                let link = link(url, &alert);
                alert.dashboard(&link)
            }
            _ => alert,
        };
        match self.contacts.of(alert.rule(), alert.severity()) {
            Some(contact) => {
                let whose = format!("Owner: {}, then {}", contact.owner(), contact.escalation());
                let lines = [alert.description.as_str(), &whose];
                let told = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
                alert.description(&told)
            }
            None => alert,
        }
    }
}

/// With variables and times as Grafana reads them.
fn link(url: &str, alert: &Alert) -> String {
    let milliseconds = |at: Option<SystemTime>| {
        at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default().as_millis()
    };
    let separator = if url.contains('?') { '&' } else { '?' };
    let (start, origin) = (alert.starts_at(), alert.origin());
    format!(
        "{url}{separator}var-service={}&var-environment={}&from={}&to={}",
        percent::encoded(origin.service()),
        percent::encoded(origin.environment()),
        milliseconds(start.checked_sub(AROUND)),
        milliseconds(start.checked_add(AROUND)),
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::alert::Origin;
    use super::*;
    use crate::alert::{Contact, Severity};

    fn alert() -> Alert {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_737_541_800);
        Alert::firing(Origin::new("risk & co", "prod"), "SyncFailed", Severity::Critical, start)
    }

    #[test]
    fn alert_links_to_the_dashboard_around_its_start_and_says_whose_it_is() {
        let contact = Contact::new("platform", "head of platform").unwrap();
        let contacts = Contacts::new().severity(Severity::Critical, contact);
        let carried = Carried { dashboard: Some("https://grafana.example.com/d/x?orgId=1".to_owned()), contacts };
        let told = carried.on(alert().description("No prices."));
        let link = "https://grafana.example.com/d/x?orgId=1&var-service=risk%20%26%20co&var-environment=prod\
                    &from=1737538200000&to=1737545400000";
        assert_eq!(told.dashboard.as_deref(), Some(link));
        assert_eq!(told.description, "No prices.\nOwner: platform, then head of platform");
        assert_eq!(carried.on(alert()).description, "Owner: platform, then head of platform");
        assert_eq!(carried.on(alert().dashboard("https://own")).dashboard.as_deref(), Some("https://own"));
    }

    #[test]
    fn alert_stays_as_it_is_where_nothing_is_known() {
        assert_eq!(Carried::default().on(alert()), alert());
    }
}
