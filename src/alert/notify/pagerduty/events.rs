//! The Events API v2, which PagerDuty has monitoring tools use.

use std::fmt;
use std::time::Duration;

use http::{StatusCode, Uri};
use serde_json::Value;

use super::super::change::Change;
use super::super::error::NotifyError;
use super::super::notifier::{Grouping, Notice, Notifier, Profile, Receipt};
use super::body;
use crate::error::InvalidValue;
use crate::redact::Secret;
use crate::transport::{Endpoint, EndpointError};

/// PagerDuty, by its Events API v2: an incident for each alert, triggered, acknowledged and resolved under the alert's
/// fingerprint, so that telling twice does nothing.
///
/// `severity` goes along as `critical`, `warning` or `info`; which urgency an incident has is a setting of the service in
/// PagerDuty. Changes become change events.
///
/// ```
/// use aistm7_monitoring::alert::notify::PagerDuty;
/// use aistm7_monitoring::redact::Secret;
///
/// let pagerduty = PagerDuty::events(Secret::new("0123456789abcdef0123456789abcdef".to_owned()))?;
/// assert!(!format!("{pagerduty:?}").contains("0123"));
/// # Ok::<(), aistm7_monitoring::alert::notify::EndpointError>(())
/// ```
pub struct PagerDuty {
    routing_key: Secret<String>,
    endpoint: Endpoint,
}

/// Where a PagerDuty account lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Region {
    /// `events.pagerduty.com`.
    Us,
    /// `events.eu.pagerduty.com`.
    Eu,
}

impl Region {
    const fn events_url(self) -> &'static str {
        match self {
            Self::Us => "https://events.pagerduty.com",
            Self::Eu => "https://events.eu.pagerduty.com",
        }
    }
}

/// PagerDuty's limit is about 120 in a minute for each key; this leaves some to others who use the key.
const CALLS: u32 = 100;
const PER: Duration = Duration::from_secs(60);

/// The length of PagerDuty's integration keys.
const KEY_LENGTH: usize = 32;

impl PagerDuty {
    /// The integration with this routing key, in the US.
    ///
    /// # Errors
    /// When the key is not 32 letters and digits, or TLS cannot be set up.
    pub fn events(routing_key: Secret<String>) -> Result<Self, EndpointError> {
        let key = routing_key.expose();
        if key.len() != KEY_LENGTH || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let rule = "an integration key of 32 letters and digits";
            return Err(InvalidValue::new("PagerDuty routing key", &routing_key, rule).into());
        }
        let endpoint = Endpoint::new(Region::Us.events_url())?;
        Ok(Self { routing_key, endpoint })
    }

    /// Says where the account lives.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn region(self, region: Region) -> Result<Self, EndpointError> {
        self.url(region.events_url())
    }

    /// Sends events to a URL below which `/v2/enqueue` is: a proxy, or a test.
    ///
    /// # Errors
    /// When it is no http or https URL.
    pub fn url(mut self, url: &str) -> Result<Self, EndpointError> {
        self.endpoint = Endpoint::new(url)?;
        Ok(self)
    }

    async fn post(&self, uri: &Uri, body: Value) -> Result<(), NotifyError> {
        let answer = self.endpoint.post_json_to(uri, body.to_string()).await?;
        if answer.status == StatusCode::ACCEPTED { Ok(()) } else { Err(NotifyError::of_answer(&answer)) }
    }
}

impl Notifier for PagerDuty {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        let event = body::event(notice, self.routing_key.expose());
        self.post(&self.endpoint.below("/v2/enqueue"), event).await?;
        Ok(None)
    }

    async fn announce(&self, change: &Change) -> Result<(), NotifyError> {
        let event = body::change(change, self.routing_key.expose());
        self.post(&self.endpoint.below("/v2/change/enqueue"), event).await
    }

    fn profile(&self) -> Profile {
        Profile::new(Grouping::PerAlert).rate(CALLS, PER)
    }
}

impl fmt::Debug for PagerDuty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PagerDuty").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_none_are_refused_and_not_shown() {
        for key in ["", "secret", "secret-6789abcdef0123456789abcdef", &"secret".repeat(6)] {
            let refused = PagerDuty::events(Secret::new(key.to_owned())).unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
        }
    }
}
