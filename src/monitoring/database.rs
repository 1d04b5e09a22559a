//! What a `Monitoring` gives for databases.

use super::Monitoring;
use crate::database::Database;

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
