//! What another service says of its own health.

use std::time::{Duration, SystemTime};

use crate::health::checks::following::{Word, read};
use crate::health::{CheckFailure, CheckOptions, CheckReport, EndpointError, HealthCheck, Severity};
use crate::transport::Endpoint;

/// Follows another service's `/health`, or one check of it, such as `https://orders/health/ibkr`: so that one service
/// asks what must not be asked by all.
///
/// It understands this crate's bodies and those of the IETF draft (`pass`, `warn`, `fail`), whatever the HTTP status.
/// Services that follow each other in a circle ask each other's memory, so that nothing loops.
///
/// Defaults: every 15 s, 3 s timeout, unhealthy after 3 failures, healthy after 2 reports, warning.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `service_unhealthy` | it says that it is unhealthy |
/// | `service_degraded` | degraded: it says that it is, or does not know yet |
/// | `invalid_response` | the answer is no health body |
///
/// ```
/// use aistm7_monitoring::health::ServiceCheck;
///
/// let gateway = ServiceCheck::follow("http://broker.internal:9464/health/ibkr")?;
/// # let _ = gateway;
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct ServiceCheck {
    endpoint: Endpoint,
}

impl ServiceCheck {
    /// A check that follows what is said at `url`.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a password.
    pub fn follow(url: &str) -> Result<Self, EndpointError> {
        Ok(Self { endpoint: Endpoint::new(url)? })
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.endpoint.pin(pem)?;
        Ok(self)
    }
}

impl HealthCheck for ServiceCheck {
    /// Only the status is taken over: texts of another service may hold anything.
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        match Word::of(&read(&self.endpoint, "unreachable").await?)? {
            Word::Healthy => Ok(CheckReport::healthy()),
            Word::Degraded => Ok(CheckReport::degraded("service_degraded", "the service says that it is degraded")),
            Word::Unhealthy => Err(CheckFailure::new("service_unhealthy", "the service says that it is unhealthy")),
        }
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.endpoint.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(15))
            .timeout(Duration::from_secs(3))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Warning)
    }
}
