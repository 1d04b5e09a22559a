//! What another service says of the gateway that it asks.

use std::time::SystemTime;

use crate::health::checks::following::{Word, read};
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use crate::transport::{Endpoint, EndpointError};

/// Follows another service's check of Interactive Brokers: made by [`IbkrCheck::follow`](super::IbkrCheck::follow).
///
/// That service has watched long enough before it says `unhealthy`, so this check is unhealthy at once. Where it tells
/// its reason, as it does on its admin port, the reason is this check's too.
///
/// Defaults: those of [`IbkrCheck`](super::IbkrCheck).
///
/// | reason | meaning |
/// |---|---|
/// | those of [`IbkrCheck`](super::IbkrCheck) and [`TwsCheck`](crate::health::TwsCheck), `maintenance`, `stale` | what the service says, where it tells |
/// | `service_unhealthy` | it says that the check is unhealthy, and not why |
/// | `service_degraded` | degraded: it says that the check is, or does not know yet, and not why |
/// | `service_unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the service's certificate is not trusted, or its port speaks no TLS |
/// | `invalid_response` | the answer is no health body |
#[derive(Debug)]
pub struct IbkrFollower {
    endpoint: Endpoint,
}

/// The reasons that are taken over: a closed list, as other texts of another service may hold anything.
const REASONS: &[&str] = &[
    "account_mode_unknown",
    "backend_disconnected",
    "client_id_in_use",
    "competing_session",
    "farm_down",
    "forbidden",
    "gateway_unreachable",
    "hung_up",
    "ibkr_restarting",
    "login_required",
    "maintenance",
    "no_answer",
    "no_session",
    "not_authenticated",
    "not_connected",
    "not_ready",
    "port_changed",
    "rate_limited",
    "resubscribe_needed",
    "session_expiring",
    "stale",
    "upstream_down",
    "wrong_account_mode",
];

impl IbkrFollower {
    pub(super) fn new(url: &str) -> Result<Self, EndpointError> {
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

impl HealthCheck for IbkrFollower {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let body = read(&self.endpoint, "service_unreachable").await?;
        let told = REASONS.iter().find(|reason| body["reason"].as_str() == Some(**reason)).copied();
        match Word::of(&body)? {
            Word::Healthy => Ok(CheckReport::healthy()),
            Word::Degraded => {
                let reason = told.unwrap_or("service_degraded");
                Ok(CheckReport::degraded(reason, "the service that is followed says that it is degraded"))
            }
            Word::Unhealthy => {
                let reason = told.unwrap_or("service_unhealthy");
                let message = "the service that is followed says that it is unhealthy";
                Err(CheckFailure::new(reason, message).conclusive())
            }
        }
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.endpoint.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        crate::health::checks::ibkr::defaults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_that_a_check_documents_is_taken_over() {
        let documents = [include_str!("mod.rs"), include_str!("../tws/mod.rs")];
        let rows =
            documents.iter().flat_map(|document| document.lines()).filter_map(|line| line.strip_prefix("/// | `"));
        let documented: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(documented.len() > 20, "{documented:?}");
        for reason in documented {
            // These two are said of the service itself.
            let is_own = matches!(reason, "tls" | "invalid_response");
            assert_eq!(REASONS.contains(&reason), !is_own, "{reason}");
        }
    }
}
