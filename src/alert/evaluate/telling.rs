//! From alerts of the evaluator to those who tell people of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::alert::{ActiveAlert, AlertChange};
use crate::alert::notify::{Alert, Delivery, Drill, DrillError, Origin};
use crate::alert::set::RuleSet;

/// Tells a delivery how alerts stand.
#[derive(Debug)]
pub(super) struct Telling {
    delivery: Delivery,
    origin: Origin,
    rules: RuleSet,
}

impl Telling {
    /// For the process that these labels identify.
    pub(super) fn new(delivery: Delivery, identity: &BTreeMap<String, String>, rules: &RuleSet) -> Self {
        let part = |name| identity.get(name).map_or("", String::as_str);
        Self { delivery, origin: Origin::new(part("service"), part("environment")), rules: rules.clone() }
    }

    /// After each evaluation: what fires, again and again, since a delivery confirms by that what it told before a restart,
    /// and what ended with this evaluation.
    pub(super) fn tell(&self, alerts: &[ActiveAlert], changes: &[AlertChange]) {
        let firing = alerts.iter().filter(|alert| alert.state().is_firing());
        let firing = firing.filter_map(|alert| Some(self.told(alert, alert.fired_at()?)));
        let ended = changes.iter().filter(|change| change.from.is_firing()).map(|change| &change.alert);
        let ended = ended.filter_map(|alert| Some(self.told(alert, alert.fired_at()?).resolved(alert.ended_at()?)));
        self.delivery.offer_all(firing.chain(ended));
    }

    /// Notes in alerts why they are held back at the moment.
    pub(super) fn note_held_back(&self, alerts: &mut [ActiveAlert]) {
        for alert in alerts.iter_mut().filter(|alert| alert.state().is_firing()) {
            let told = alert.fired_at().map(|fired_at| self.told(alert, fired_at));
            alert.is_held_back(told.and_then(|told| self.delivery.held_back(&told)));
        }
    }

    /// Tells of a rule as if it fired.
    ///
    /// # Errors
    /// As [`Delivery::drill`].
    pub(super) fn drill(&self, rule: &str) -> Result<Drill, DrillError> {
        self.delivery.drill(&self.rules, rule, self.origin.clone())
    }

    fn told(&self, alert: &ActiveAlert, fired_at: SystemTime) -> Alert {
        let told =
            Alert::of_rule(self.origin.clone(), alert.rule(), &alert.description(), fired_at).value(alert.value());
        alert.labels().fold(told, |told, (name, value)| told.label(name, value))
    }
}
