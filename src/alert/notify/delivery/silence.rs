//! Times in which nobody is told of some alerts.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::alert::Alert;

/// Holds back alerts for some time: maintenance, or something that is known and worked on.
///
/// What was told before is still resolved, and what still fires when the silence ends is told then.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use aistm7_monitoring::alert::notify::Silence;
///
/// let from = SystemTime::UNIX_EPOCH;
/// let maintenance = Silence::new(from, from + Duration::from_secs(7_200)).environment("prod").label("dependency", "ibkr");
/// # let _ = maintenance;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    from: SystemTime,
    until: SystemTime,
    rule: Option<String>,
    service: Option<String>,
    environment: Option<String>,
    labels: Vec<(String, String)>,
}

impl Silence {
    /// Holds back every alert from one moment until another. What follows narrows it down.
    pub fn new(from: SystemTime, until: SystemTime) -> Self {
        Self { from, until, rule: None, service: None, environment: None, labels: Vec::new() }
    }

    /// Only alerts of this rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Only alerts of this service.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// Only alerts of this environment.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Only alerts with this label; once more, for another label that they must have too.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    fn holds_back(&self, alert: &Alert, wall: SystemTime) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        let is_labelled = |(name, value): &(String, String)| alert.labels.get(name) == Some(value);
        (self.from..self.until).contains(&wall)
            && is(&self.rule, alert.rule())
            && is(&self.service, alert.origin.service())
            && is(&self.environment, alert.origin.environment())
            && self.labels.iter().all(is_labelled)
    }
}

/// The silences that hold. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Silences(Arc<[Silence]>);

/// Chosen: more than people set, less than a loop that sets them by mistake.
pub(super) const MOST_SILENCES: usize = 1_000;

impl Silences {
    /// With one more, and without those that are over; the ones that end first make room.
    pub(super) fn with(&self, silence: Silence, wall: SystemTime) -> Self {
        let mut kept: Vec<Silence> =
            self.0.iter().filter(|one| one.until > wall && **one != silence).cloned().collect();
        kept.push(silence);
        kept.sort_by_key(|one| std::cmp::Reverse(one.until));
        kept.truncate(MOST_SILENCES);
        Self(kept.into())
    }

    pub(super) fn without(&self, silence: &Silence) -> Self {
        Self(self.0.iter().filter(|one| *one != silence).cloned().collect())
    }

    /// Until when an alert is held back at least; `None` if it is not.
    pub(super) fn until(&self, alert: &Alert, wall: SystemTime) -> Option<SystemTime> {
        self.0.iter().filter(|silence| silence.holds_back(alert, wall)).map(|silence| silence.until).max()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::alert::Origin;
    use super::*;
    use crate::alert::Severity;

    #[test]
    fn silence_holds_back_what_it_names_while_it_lasts() {
        let start = SystemTime::UNIX_EPOCH;
        let at = |seconds| start + Duration::from_secs(seconds);
        let alert = Alert::firing(Origin::new("risk", "prod"), "A", Severity::Info, start).label("dependency", "ibkr");
        let silence = Silence::new(at(10), at(20));
        for (silence, is_held) in [
            (silence.clone(), true),
            (silence.clone().rule("A").service("risk").environment("prod").label("dependency", "ibkr"), true),
            (silence.clone().rule("B"), false),
            (silence.clone().service("orders"), false),
            (silence.clone().environment("dev"), false),
            (silence.clone().label("dependency", "solana"), false),
            (silence.clone().label("other", ""), false),
        ] {
            let silences = Silences::default().with(silence, start);
            let until = [9, 10, 19, 20].map(|seconds| silences.until(&alert, at(seconds)));
            let held = is_held.then(|| at(20));
            assert_eq!(until, [None, held, held, None]);
        }
        let two = Silences::default().with(silence.clone(), start).with(Silence::new(at(0), at(30)), start);
        assert_eq!(two.until(&alert, at(15)), Some(at(30)));
        assert_eq!(two.without(&silence).with(silence, at(40)).0.len(), 1, "those that are over go");
    }
}
