//! From alerts of the evaluator to those who tell people of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::alert::ActiveAlert;
use crate::alert::notify::{Alert, Delivery, Origin};
use crate::alert::rule::Runbook;
use crate::alert::runbook;

/// Tells a delivery how alerts stand.
#[derive(Debug)]
pub(super) struct Telling {
    delivery: Delivery,
    origin: Origin,
}

impl Telling {
    /// For the process that these labels identify.
    pub(super) fn new(delivery: Delivery, identity: &BTreeMap<String, String>) -> Self {
        let part = |name| identity.get(name).map_or("", String::as_str);
        Self { delivery, origin: Origin::new(part("service"), part("environment")) }
    }

    /// After each evaluation: what fires, again and again, since a delivery confirms by that what it told before a restart,
    /// and what ended with this evaluation.
    pub(super) fn tell(&self, alerts: &[ActiveAlert], evaluated_at: SystemTime) {
        let told = alerts.iter().filter_map(|alert| {
            let ends_now = alert.ended_at() == Some(evaluated_at);
            let fired_at = alert.fired_at().filter(|_| alert.state().is_firing() || ends_now)?;
            let told = self.told(alert, fired_at);
            Some(if ends_now { told.resolved(evaluated_at) } else { told })
        });
        self.delivery.offer_all(told);
    }

    /// Notes in alerts why they are held back at the moment.
    pub(super) fn note_held_back(&self, alerts: &mut [ActiveAlert]) {
        for alert in alerts.iter_mut().filter(|alert| alert.state().is_firing()) {
            let told = alert.fired_at().map(|fired_at| self.told(alert, fired_at));
            alert.is_held_back(told.and_then(|told| self.delivery.held_back(&told)));
        }
    }

    fn told(&self, alert: &ActiveAlert, fired_at: SystemTime) -> Alert {
        let (rule, name) = (alert.rule(), alert.name());
        let told = Alert::firing(self.origin.clone(), name, alert.severity(), fired_at)
            .summary(rule.summary())
            .value(alert.value());
        let told = alert.labels().fold(told, |told, (name, value)| told.label(name, value));
        match rule.runbook() {
            Runbook::Url(url) => told.description(&alert.description()).runbook(url),
            Runbook::Own => {
                let query = runbook::first_query(name).map(|query| format!("First query: {query}"));
                let lines = [Some(alert.description()), runbook::impact(name), query];
                told.description(&lines.into_iter().flatten().collect::<Vec<_>>().join("\n"))
            }
        }
    }
}
