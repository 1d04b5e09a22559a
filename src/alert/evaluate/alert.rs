//! Alerts as they are shown and told.

use std::sync::Arc;
use std::time::SystemTime;

use super::state::{AlertState, Tracked};
use crate::alert::held_back::HeldBack;
use crate::alert::rule::{BoundRule, Quantity};
use crate::severity::Severity;

/// An alert of a rule: one for each group that the rule tells apart.
#[derive(Clone, Debug, PartialEq)]
pub struct ActiveAlert {
    rule: Arc<BoundRule>,
    tracked: Tracked,
    held_back: Option<HeldBack>,
}

/// What has become of an alert.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertChange {
    /// The state that it was in.
    pub from: AlertState,
    /// The alert as it is now.
    pub alert: ActiveAlert,
}

impl ActiveAlert {
    pub(super) fn new(rule: &Arc<BoundRule>, tracked: &Tracked) -> Self {
        Self { rule: Arc::clone(rule), tracked: tracked.clone(), held_back: None }
    }

    /// Its rule.
    pub fn rule(&self) -> &BoundRule {
        &self.rule
    }

    /// The name of its rule.
    pub fn name(&self) -> &str {
        self.rule.name()
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// Where it is in its life.
    pub fn state(&self) -> AlertState {
        self.tracked.state
    }

    /// The labels that tell it from others of its rule, in the rule's order. One that is absent is left out.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.rule.by().iter().zip(self.tracked.group.iter());
        pairs.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What was compared when its rule was last true.
    pub fn value(&self) -> Quantity {
        Quantity { amount: self.tracked.value, measure: self.rule.measure() }
    }

    /// What is wrong with which of them.
    pub fn description(&self) -> String {
        let label = |name: &str| self.labels().find(|(own, _)| *own == name).map_or("", |(_, value)| value).to_owned();
        self.rule.description().filled(label, self.value())
    }

    /// Since when its rule has been true.
    pub fn active_since(&self) -> SystemTime {
        self.tracked.active.wall
    }

    /// Since when it fires, or fired.
    pub fn fired_at(&self) -> Option<SystemTime> {
        self.tracked.fired.map(|moment| moment.wall)
    }

    /// Why people are not told of it although it fires, if the delivery that it is handed to holds it back.
    pub fn held_back(&self) -> Option<&HeldBack> {
        self.held_back.as_ref()
    }

    #[cfg(feature = "notify")]
    pub(super) fn is_held_back(&mut self, why: Option<HeldBack>) {
        self.held_back = why;
    }

    /// Since when it is over.
    pub fn ended_at(&self) -> Option<SystemTime> {
        self.tracked.ended.map(|moment| moment.wall)
    }
}
