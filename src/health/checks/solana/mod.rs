//! Whether Solana RPC nodes know the present.

mod answer;
mod cluster;
mod judge;
mod pace;
mod pool;
mod rpc;
mod slot;
#[cfg(test)]
mod tests;
mod websocket;

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::health::state::Moment;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};
use crate::transport::{Endpoint, EndpointError};
pub use cluster::SolanaCluster;
use judge::{Others, judge};
use pace::Pace;
use pool::Pool;
use rpc::{Look, Role, Rpc, Seen};
pub use websocket::SolanaWebSocketCheck;

/// Asks a Solana RPC node whether it is healthy, and watches whether its slot advances: a node that is cut off from the
/// cluster calls itself healthy, because it knows nothing newer to compare with.
///
/// Each run is one JSON-RPC batch of `getHealth`, `getSlot` (`processed`) and `getBlockTime`. The last is of the slot
/// that the run before has seen, so the age of blocks is known one run late. Keys in a URL's path and query are sent and
/// never shown; its host is.
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
/// | `cluster_halted` | the same, while all other nodes and references that answer stand still too |
/// | `lags_reference` | degraded: more than 20 s behind another node or reference; failed: more than 60 s |
/// | `block_time_lag` | degraded: the newest block is older than 45 s; failed: than 150 s. Or our clock is wrong |
/// | `wrong_cluster` | the node is of another cluster than expected; unhealthy at once |
/// | `rpc_error` | the node answers with another error |
/// | `forbidden` | the node or its provider refuses us (HTTP 401, 403) |
/// | `invalid_response` | an answer that makes no sense |
/// | `rate_limited` | degraded: too many requests; not asked again for as long as the answer says, or a minute |
/// | `timeout` | no answer in time |
/// | `some_rpcs_bad` | degraded: of several nodes that the service can use, some do not work |
///
/// ```
/// use aistm7_monitoring::health::{SolanaCheck, SolanaCluster};
///
/// let node = SolanaCheck::new("http://127.0.0.1:8899/?api-key=k1")?
///     .fallback("http://127.0.0.1:8898/")?
///     .reference("http://127.0.0.1:8897/")?
///     .expect(SolanaCluster::MAINNET);
/// assert!(!format!("{node:?}").contains("k1"));
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
pub struct SolanaCheck {
    /// The last is the one that was named last; one at least is used.
    rpcs: Vec<Rpc>,
    expected: Option<SolanaCluster>,
    questions: Depth,
    answer_within: Duration,
    watched: Mutex<Watched>,
    clock: Clock,
}

/// How much is asked of the nodes that the service uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    SlotOnly,
    All,
}

/// What is known of all together.
#[derive(Debug)]
struct Watched {
    pace: Pace,
    pool: Pool,
}

/// Less than the usual timeout of a run, so that a node that hangs is told from those that do not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl SolanaCheck {
    /// A slot stalls when there is no higher one for this long, and for [`SolanaCheck::STALL_RUNS`].
    pub const STALL: Duration = slot::STALL;
    /// See [`SolanaCheck::STALL`].
    pub const STALL_RUNS: u32 = slot::STALL_RUNS;

    /// A check of the node at `url`.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a password.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let usual = usual_options();
        Ok(Self {
            rpcs: vec![Rpc::new(Endpoint::new(url)?, Role::Used)],
            expected: None,
            questions: Depth::All,
            answer_within: ANSWER_WITHIN,
            watched: Mutex::new(Watched { pace: Pace::default(), pool: Pool::new(usual) }),
            clock: Clock::system(),
        })
    }

    /// Adds another node that the service can use. One of several that fails as often as the defaults say makes the check
    /// degraded, all of them together make it fail. They are compared with each other as with references.
    ///
    /// # Errors
    /// As [`SolanaCheck::new`].
    pub fn fallback(self, url: &str) -> Result<Self, EndpointError> {
        self.with(url, Role::Used)
    }

    /// Adds a node of somebody else that the others are compared with. It is asked for nothing but its slot, and what
    /// befalls it is nobody's failure.
    ///
    /// # Errors
    /// As [`SolanaCheck::new`].
    pub fn reference(self, url: &str) -> Result<Self, EndpointError> {
        self.with(url, Role::Reference)
    }

    /// Fails when a node is of another cluster. It is asked for its genesis once, and again when its slots have jumped.
    /// References are believed.
    #[must_use]
    pub fn expect(mut self, cluster: SolanaCluster) -> Self {
        self.expected = Some(cluster);
        self
    }

    /// Asks each node for its slot and nothing else, which providers bill as one call: for replicas of a service of which
    /// another one asks it all. What takes more to know is then not known: `behind`, `block_time_lag`, `wrong_cluster`.
    #[must_use]
    pub fn slot_only(mut self) -> Self {
        self.questions = Depth::SlotOnly;
        self
    }

    /// How long each of several nodes, and each reference, may take; less than the check's timeout, which alone holds for
    /// a single node. Default: 2 s.
    #[must_use]
    pub fn answer_within(mut self, limit: Duration) -> Self {
        self.answer_within = limit;
        self
    }

    /// Of the address that was named last: trusts the certificates in `pem`, and those that they vouch for, and no
    /// other. A server that shows a pinned certificate itself is trusted whatever name and dates are in it.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.named_last().pin(pem)?;
        Ok(self)
    }

    /// Of the address that was named last: trusts any certificate, as nothing on this machine can stand between.
    ///
    /// # Errors
    /// When the host is not `localhost` or a loopback address.
    pub fn any_certificate_on_loopback(mut self) -> Result<Self, EndpointError> {
        self.named_last().accept_any()?;
        Ok(self)
    }

    fn with(mut self, url: &str, role: Role) -> Result<Self, EndpointError> {
        self.rpcs.push(Rpc::new(Endpoint::new(url)?, role));
        Ok(self)
    }

    fn named_last(&mut self) -> &mut Endpoint {
        &mut self.rpcs.last_mut().expect("OK because a check is made with an address").endpoint
    }

    /// A lag that nobody can be compared for is not known: the details say so.
    fn with_references(&self, report: CheckReport, seen: &[Option<Seen>]) -> CheckReport {
        let references = || self.rpcs.iter().zip(seen).filter(|(rpc, _)| rpc.role == Role::Reference);
        match references().count() {
            0 => report,
            _ => report.with_data("references_answering", references().filter(|(_, seen)| seen.is_some()).count()),
        }
    }

    async fn look(&self, rpc: &Rpc) -> Look {
        let looking = async {
            match (rpc.role, self.questions) {
                (Role::Used, Depth::All) => rpc.look_closely(self.expected.as_ref(), &self.clock).await,
                (Role::Used, Depth::SlotOnly) | (Role::Reference, _) => rpc.look_at_slot(&self.clock).await,
            }
        };
        let is_only_node = rpc.role == Role::Used && self.rpcs.iter().filter(|rpc| rpc.role == Role::Used).count() == 1;
        if is_only_node {
            return looking.await;
        }
        let too_slow = |_| Look::Failed(CheckFailure::new("timeout", "no answer in time"));
        timeout(self.answer_within, looking).await.unwrap_or_else(too_slow)
    }
}

impl HealthCheck for SolanaCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let looks = join_all(self.rpcs.iter().map(|rpc| self.look(rpc))).await;
        let seen: Vec<Option<Seen>> = looks.iter().map(Look::seen).collect();
        let now = Moment::of(&self.clock);
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Watched { pace, pool } = &mut *watched;
        if let Some(highest) = seen.iter().flatten().map(|seen| seen.position.slot).max() {
            pace.see(highest, now.instant);
        }
        let judged = self.rpcs.iter().zip(looks).enumerate().filter(|(_, (rpc, _))| rpc.role == Role::Used);
        let mut outcomes: Vec<_> = judged
            .map(|(index, (rpc, look))| (rpc.host(), judge(look, &Others::than(index, &seen), pace.slot_time())))
            .collect();
        let outcome = match outcomes.len() {
            1 => outcomes.remove(0).1,
            _ => pool.judge(outcomes, now),
        };
        outcome.map(|report| self.with_references(report, &seen))
    }

    /// Of several addresses the one that ends first.
    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.rpcs.iter().filter_map(|rpc| rpc.endpoint.certificate_not_after()).min()
    }

    fn defaults(&self) -> CheckOptions {
        usual_options()
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

fn usual_options() -> CheckOptions {
    CheckOptions::new()
        .interval(Duration::from_secs(15))
        .timeout(Duration::from_secs(3))
        .failure_threshold(3)
        .recovery_threshold(2)
        .severity(Severity::Critical)
        .dependency("solana")
}

impl fmt::Debug for SolanaCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.rpcs.iter().map(Rpc::host).collect();
        f.debug_struct("SolanaCheck").field("hosts", &hosts).finish_non_exhaustive()
    }
}
