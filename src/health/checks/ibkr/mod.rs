//! Whether Interactive Brokers can be traded through: the Client Portal gateway and its brokerage session.

mod answer;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use super::asking::{Pause, failure_of};
use crate::clock::Clock;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::transport::{Endpoint, EndpointError};

/// Asks a Client Portal gateway whether its brokerage session can trade: authenticated, connected and not competing.
///
/// Each run is one `POST {base}/tickle`, which also keeps the session alive. A single-sign-on login alone is not enough
/// to trade, so it is not enough here. Nothing of the answer but the time left is ever shown: session, account and
/// machine identifiers stay inside.
///
/// Defaults: every 30 s, 5 s timeout, unhealthy after 2 failures, healthy after 2 reports, critical, dependency `ibkr`.
///
/// | reason | meaning |
/// |---|---|
/// | `gateway_unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `no_session` | nobody is logged in to the gateway |
/// | `not_authenticated` | logged in, but there is no brokerage session |
/// | `backend_disconnected` | the gateway has lost Interactive Brokers |
/// | `competing_session` | another login has taken the session |
/// | `ibkr_restarting` | a 5xx answer, as during the servers' restart |
/// | `forbidden` | refused at the edge |
/// | `invalid_response` | an answer that makes no sense, such as a redirect or a wrong path's |
/// | `rate_limited` | degraded: too many requests; not asked again for as long as the answer says, or 15 minutes |
/// | `session_expiring` | degraded: the login ends within a minute |
///
/// ```
/// use aistm7_monitoring::health::IbkrCheck;
///
/// let gateway = IbkrCheck::client_portal("https://localhost:5000/v1/api")?.any_certificate_on_loopback()?;
/// # let _ = gateway;
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct IbkrCheck {
    tickle: Endpoint,
    penalty: Pause,
    clock: Clock,
}

/// The time for which Interactive Brokers refuses an address that asked too often.
const PENALTY: Duration = Duration::from_secs(15 * 60);

impl IbkrCheck {
    /// A check of the gateway at `base`, which ends in `/v1/api`.
    ///
    /// The gateway's certificate must be trusted by the system unless [`IbkrCheck::pinned_certificate`] or
    /// [`IbkrCheck::any_certificate_on_loopback`] says otherwise. The gateway that runs beside a service makes its own
    /// certificate, so one of the two is usually needed.
    ///
    /// # Errors
    /// When `base` is no http or https URL or holds a password.
    pub fn client_portal(base: &str) -> Result<Self, EndpointError> {
        let tickle = Endpoint::new(&format!("{}/tickle", base.trim_end_matches('/')))?;
        Ok(Self { tickle, penalty: Pause::default(), clock: Clock::system() })
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other. A server that shows a pinned
    /// certificate itself is trusted whatever name and dates are in it.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.tickle.pin(pem)?;
        Ok(self)
    }

    /// Trusts any certificate, as nothing on this machine can stand between.
    ///
    /// # Errors
    /// When the host is not `localhost` or a loopback address.
    pub fn any_certificate_on_loopback(mut self) -> Result<Self, EndpointError> {
        self.tickle.accept_any()?;
        Ok(self)
    }
}

impl HealthCheck for IbkrCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        if let Some(waiting) = self.penalty.pending(&self.clock) {
            return Ok(waiting);
        }
        let answer =
            self.tickle.post_json(String::new()).await.map_err(|error| failure_of(error, "gateway_unreachable"))?;
        if answer.status == http::StatusCode::TOO_MANY_REQUESTS {
            let wait = answer.retry_after_seconds.map_or(PENALTY, Duration::from_secs);
            return Ok(self.penalty.begin(&self.clock, wait));
        }
        answer::verdict(answer.status, &answer.body)
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.tickle.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(30))
            .timeout(Duration::from_secs(5))
            .failure_threshold(2)
            .recovery_threshold(2)
            .severity(Severity::Critical)
            .dependency("ibkr")
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}
