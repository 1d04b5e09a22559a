//! What a `Monitoring` gives for databases, and what its builder is told of them.

use super::{Monitoring, MonitoringBuilder};
use crate::database::{Database, DatabaseOptions};

impl MonitoringBuilder {
    /// Sets what the defaults of the database metrics do not fit: what a slow query is.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use std::time::Duration;
    ///
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let slow_after = Duration::from_millis(100);
    /// let monitoring = Monitoring::builder("orders").database(|database| database.slow_after(slow_after)).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn database(mut self, configure: impl FnOnce(DatabaseOptions) -> DatabaseOptions) -> Self {
        self.database = configure(self.database);
        self
    }
}

impl Monitoring {
    /// Database numbers: queries by operation and outcome, pools.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), aistm7_monitoring::monitoring::BuildError> {
    /// use aistm7_monitoring::Monitoring;
    ///
    /// let monitoring = Monitoring::builder("orders").build()?;
    /// let load = monitoring.database().query("load_portfolio"); // once, then `load.run(query)` each time
    /// # let _ = load;
    /// # Ok(())
    /// # }
    /// ```
    pub fn database(&self) -> Database {
        self.0.database.clone()
    }
}
