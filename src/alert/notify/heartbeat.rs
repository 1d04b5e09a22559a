//! A sign of life for those who miss it.

use std::time::Duration;

use http::Request;

use super::alert::AlertStatus;
use super::error::NotifyError;
use super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// A URL that is asked for regularly while the watchdog fires: a dead man's switch, such as of healthchecks.io, which calls
/// somebody when it is not.
///
/// A process that is dead, or whose rules nobody evaluates, cannot alert. So route the alert that always fires here, and
/// offer it with each evaluation: when it was last offered two intervals ago, the URL is not asked for.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::alert::notify::{Heartbeat, Route};
/// use aistm7_monitoring::redact::Secret;
///
/// let heartbeat = Heartbeat::new(Secret::new("https://hc-ping.com/0a1b".to_owned()))?.every(Duration::from_secs(60));
/// let route = Route::to(["heartbeat"]).rule("Watchdog");
/// assert!(!format!("{heartbeat:?}").contains("0a1b"));
/// # let _ = route;
/// # Ok::<(), aistm7_monitoring::alert::notify::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct Heartbeat {
    endpoint: Endpoint,
    every: Duration,
}

/// How often the URL is asked for unless [`Heartbeat::every`] says otherwise.
const DEFAULT_EVERY: Duration = Duration::from_secs(60);

impl Heartbeat {
    /// The URL, which is never shown.
    ///
    /// # Errors
    /// When it is no http or https URL, or TLS cannot be set up.
    pub fn new(url: Secret<String>) -> Result<Self, EndpointError> {
        Ok(Self { endpoint: Endpoint::new(url.expose())?, every: DEFAULT_EVERY })
    }

    /// How often it is asked for. Default: every minute.
    #[must_use]
    pub fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }
}

impl Notifier for Heartbeat {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        // A silence is what says that something is wrong.
        if notice.status() == AlertStatus::Resolved {
            return Ok(None);
        }
        let is_fresh = notice.alerts().iter().any(|told| told.age <= self.every * 2);
        if !is_fresh {
            return Err(NotifyError::unavailable("nobody has offered the watchdog for two intervals"));
        }
        let mut request = Request::new(bytes::Bytes::new());
        *request.uri_mut() = self.endpoint.uri().clone();
        let answer = self.endpoint.send(request).await?;
        if answer.status.is_success() { Ok(None) } else { Err(NotifyError::of_answer(&answer)) }
    }

    fn profile(&self) -> Profile {
        Profile::new(Grouping::Everything).expiring(self.every)
    }
}
