//! What a `Monitoring` gives for alerts without a Prometheus.

use super::Monitoring;
use crate::alert::Alerts;
use crate::alert::evaluate::{EvaluateError, Evaluating, Evaluation};

impl Monitoring {
    /// Evaluates alert rules in this process, on a thread of their own, for as long as there is a clone of this or of what is
    /// returned. The admin route `/alerts` shows how they stand.
    ///
    /// To be called once, when everything is registered that rules look at. Rules that one process cannot know are left out;
    /// [`AlertReport::refused`](crate::alert::evaluate::AlertReport::refused) says why.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::alert::Alerts;
    /// use aistm7_monitoring::alert::evaluate::{AlertChange, Evaluation};
    ///
    /// let monitoring = Monitoring::builder("orders").build()?;
    /// let tell = |change: &AlertChange| println!("{} is {}", change.alert.name(), change.alert.state().as_str());
    /// let rules = monitoring.evaluate(&Alerts::new(), Evaluation::new().on_change(tell))?;
    /// assert!(rules.report().refused.iter().any(|refused| refused.rule == "ServiceAbsent"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a rule does not fit the catalog, when the numbers are with a recorder of the host's, when several replicas are
    /// declared and each would tell people through a delivery for one, when it was called before, and when there is no thread
    /// to be had.
    pub fn evaluate(&self, alerts: &Alerts, options: Evaluation) -> Result<Evaluating, EvaluateError> {
        if self.0.evaluating.get().is_some() {
            return Err(EvaluateError::Twice);
        }
        let identity = &self.0.identity;
        let options = options
            .at_least_replicas(identity.replicas)
            .label("service", &identity.service)
            .label("environment", &identity.environment)
            .instance_unless_set(identity.instance.as_deref());
        let rules = alerts.clone().routes_with_objective(self.routes_with_objective()).bind(&self.catalog())?;
        let evaluating = Evaluating::start(&rules, options, &self.0.registry, &self.0.clock)?;
        self.0.evaluating.set(evaluating.clone()).map_err(|_| EvaluateError::Twice)?;
        Ok(evaluating)
    }
}

#[cfg(feature = "notify")]
impl Monitoring {
    /// Tells of an alert of a rule as if it fired, down the real way: routes, windows, destinations. Its texts and its label
    /// `drill="true"` say that it is a drill. It is over when what is returned is resolved or dropped.
    ///
    /// ```no_run
    /// # use aistm7_monitoring::Monitoring;
    /// # use aistm7_monitoring::alert::notify::Delivery;
    /// # use std::time::Duration;
    /// # async fn run(monitoring: Monitoring, delivery: Delivery) -> Result<(), Box<dyn std::error::Error>> {
    /// let drill = monitoring.drill("DependencyDown")?;
    /// delivery.flush(Duration::from_secs(10)).await; // or wait for the window
    /// // Somebody's phone rings, and they say so.
    /// drill.resolve();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no rules are evaluated, this one is not or does not exist, or nobody is told of it.
    pub fn drill(&self, rule: &str) -> Result<crate::alert::notify::Drill, crate::alert::notify::DrillError> {
        self.0.evaluating.get().ok_or(crate::alert::notify::DrillError::NotEvaluated)?.drill(rule)
    }
}
