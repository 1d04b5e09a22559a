//! What a `Monitoring` gives for those who run it.

use super::Monitoring;
use crate::ops::{Bundle, BundleError, BundleOptions};

/// Which routes have an objective.
const OBJECTIVES: &str = "api_objective_seconds";

impl Monitoring {
    /// Rules, their tests, runbooks and configurations for what this service has: its catalog, its name, its objectives.
    ///
    /// To be called when everything is registered, such as in a test or an example that writes the files.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::Monitoring;
    /// use aistm7_monitoring::ops::BundleOptions;
    ///
    /// let monitoring = Monitoring::builder("orders").build()?;
    /// let bundle = monitoring.operations_bundle(BundleOptions::new())?;
    /// assert!(bundle.files().any(|(path, text)| path == "prometheus/rules/service-api.yml" && text.contains("orders")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BundleError::Rule`] at the first rule that does not fit the catalog.
    pub fn operations_bundle(&self, options: BundleOptions) -> Result<Bundle, BundleError> {
        let routes = self.routes_with_objective();
        Bundle::new(&self.catalog(), &options.of_service(&self.0.identity.service, routes))
    }

    pub(super) fn routes_with_objective(&self) -> Vec<String> {
        let snapshot = self.0.registry.snapshot();
        let objectives = snapshot.family(OBJECTIVES).map(|family| family.series.as_slice()).unwrap_or_default();
        let labels = objectives.iter().flat_map(|series| series.pairs());
        labels.filter(|(name, _)| *name == "route").map(|(_, route)| route).collect()
    }
}
