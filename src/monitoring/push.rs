//! What a `Monitoring` gives for jobs that end before a scrape.

use std::time::Duration;

use super::{Identity, Monitoring};
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Registry};
use crate::push::{Destination, JobError, Jobs, ShortLived};

/// The short-lived jobs of one monitoring.
pub(super) fn register(registry: &Registry, clock: &Clock, identity: &Identity) -> Result<Jobs, DefinitionError> {
    Jobs::register(registry, clock.clone(), &identity.service, &identity.environment)
}

impl Monitoring {
    /// A job whose metrics are pushed when it starts and when it ends, because nobody will scrape them; see
    /// [`ShortLived`].
    ///
    /// ```no_run
    /// # #[cfg(feature = "pushgateway")]
    /// # async fn night(monitoring: aistm7_monitoring::Monitoring) -> Result<(), Box<dyn std::error::Error>> {
    /// use aistm7_monitoring::push::Pushgateway;
    ///
    /// # async fn value_at_risk() -> Result<(), std::io::Error> { Ok(()) }
    /// let gateway = Pushgateway::new("http://gateway:9091")?;
    /// let report = monitoring.short_lived("nightly-var", gateway)?.run(value_at_risk()).await;
    /// report.result?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When `name` breaks the rule of names; see [`check_name`](crate::error::check_name). When the numbers go to a
    /// recorder of the host's, so that there are none here to push.
    pub fn short_lived(&self, name: &str, destination: impl Destination) -> Result<ShortLived, JobError> {
        self.0.jobs.short_lived(name, destination)
    }

    /// Waits until no run that has ended is still being pushed, at most for `deadline`: how many are, and what is left of
    /// the deadline.
    pub(super) async fn wait_for_pushes(&self, deadline: Duration) -> (u64, Duration) {
        if self.0.jobs.is_idle() {
            return (0, deadline);
        }
        let jobs = self.0.jobs.clone();
        // It waits on a condition variable, which must not hold up a worker.
        tokio::task::spawn_blocking(move || jobs.wait(deadline)).await.unwrap_or((0, deadline))
    }
}
