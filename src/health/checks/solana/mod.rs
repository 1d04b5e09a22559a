//! Whether a Solana RPC node knows the present.

mod answer;
mod slot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::asking::{Pause, failure_of};
use crate::clock::Clock;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::transport::{Endpoint, EndpointError};
use answer::Verdict;
use slot::SlotWatch;

/// Asks a Solana RPC node whether it is healthy, and watches whether its slot advances: a node that is cut off from the
/// cluster calls itself healthy, because it knows nothing newer to compare with.
///
/// Each run is one JSON-RPC batch of `getHealth` and `getSlot` (`processed`). Keys in the URL's path and query are sent
/// and never shown.
///
/// Defaults: every 15 s, 3 s timeout, unhealthy after 3 failures, healthy after 2 reports, critical, dependency
/// `solana`.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `behind` | the node knows that it is behind the cluster, or not healthy |
/// | `slot_stalled` | no new highest slot for 30 s and 3 runs; unhealthy at once, as that already is a threshold |
/// | `rpc_error` | the node answers with another error |
/// | `forbidden` | the node or its provider refuses us (HTTP 401, 403) |
/// | `invalid_response` | an answer that makes no sense |
/// | `rate_limited` | degraded: too many requests; not asked again for as long as the answer says, or a minute |
///
/// ```
/// use aistm7_monitoring::health::SolanaCheck;
///
/// let node = SolanaCheck::new("http://127.0.0.1:8899/?api-key=k1")?;
/// assert!(!format!("{node:?}").contains("k1"));
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
pub struct SolanaCheck {
    node: Endpoint,
    slots: Mutex<SlotWatch>,
    limit: Pause,
    clock: Clock,
}

/// Chosen: several of the ten-second windows that public nodes count requests in.
const USUAL_WAIT: Duration = Duration::from_secs(60);

impl SolanaCheck {
    /// A check of the node at `url`.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a password.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let node = Endpoint::new(url)?;
        Ok(Self { node, slots: Mutex::default(), limit: Pause::default(), clock: Clock::system() })
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other. A server that shows a pinned
    /// certificate itself is trusted whatever name and dates are in it.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.node.pin(pem)?;
        Ok(self)
    }

    /// Trusts any certificate, as nothing on this machine can stand between.
    ///
    /// # Errors
    /// When the host is not `localhost` or a loopback address.
    pub fn any_certificate_on_loopback(mut self) -> Result<Self, EndpointError> {
        self.node.accept_any()?;
        Ok(self)
    }
}

impl HealthCheck for SolanaCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        if let Some(waiting) = self.limit.pending(&self.clock) {
            return Ok(waiting);
        }
        let answer = self.node.post_json(answer::request()).await.map_err(|error| failure_of(error, "unreachable"))?;
        match answer::verdict(answer.status, &answer.body)? {
            Verdict::RateLimited => {
                let wait = answer.retry_after_seconds.map_or(USUAL_WAIT, Duration::from_secs);
                Ok(self.limit.begin(&self.clock, wait))
            }
            Verdict::AtSlot(slot) => {
                let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
                slots.see(slot, self.clock.now())?;
                Ok(CheckReport::healthy().with_data("slot", slot))
            }
        }
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.node.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(15))
            .timeout(Duration::from_secs(3))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Critical)
            .dependency("solana")
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

impl fmt::Debug for SolanaCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SolanaCheck").finish_non_exhaustive()
    }
}
