//! Whether a Redis Cluster serves all of its keys, by what several of its nodes say.

use futures_util::future::join_all;

use super::RedisUse;
use super::asking::{answer, connections, failure_of};
use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use crate::store::redis::{RedisConnection, RedisError, RedisProbe, fields};

/// Asks nodes of a Redis Cluster for its state: two or more, since a node that is cut off from the others calls the whole
/// cluster down, and one that is gone says nothing.
///
/// Defaults: those of [`RedisCheck`](super::RedisCheck), a warning for a cache included.
///
/// | reason | meaning |
/// |---|---|
/// | `cluster_down` | every node that answers says so: a part of the slots has no primary |
/// | `nodes_disagree` | degraded: some nodes say so, others do not, as when a part is cut off |
/// | `slots_lost` | degraded: the cluster serves what it has, and a part of the slots has no primary |
/// | `node_unreachable` | degraded: a node does not answer |
/// | `not_a_cluster` | a server that is in no cluster |
/// | others | no node answers: as of [`RedisCheck`](super::RedisCheck) |
///
/// A user that may not run `CLUSTER INFO` is no fault of the cluster: the report then says `partial`.
///
/// ```
/// use aistm7_monitoring::health::{RedisClusterCheck, RedisUse};
///
/// let sessions = RedisClusterCheck::from_urls(["redis://node-1:6379", "redis://node-2:6379"])?.used_for(RedisUse::Sessions);
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Debug)]
pub struct RedisClusterCheck<P> {
    nodes: Vec<P>,
    usage: RedisUse,
}

impl RedisClusterCheck<RedisConnection> {
    /// A check with connections of its own, which are kept.
    ///
    /// # Errors
    /// When a URL is not one such as `redis://user:password@host:6379`, or there are less than two.
    pub fn from_urls<'a>(nodes: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidValue> {
        Self::new(connections(nodes)?)
    }
}

impl<P: RedisProbe> RedisClusterCheck<P> {
    /// A check through a connection to each of these nodes.
    ///
    /// # Errors
    /// When there are less than two.
    pub fn new(nodes: impl IntoIterator<Item = P>) -> Result<Self, InvalidValue> {
        let nodes: Vec<P> = nodes.into_iter().collect();
        if nodes.len() < 2 {
            return Err(InvalidValue::new("number of cluster nodes", nodes.len(), "two or more"));
        }
        Ok(Self { nodes, usage: RedisUse::default() })
    }

    /// Says what the service keeps there, as [`RedisCheck::used_for`](super::RedisCheck::used_for).
    #[must_use]
    pub fn used_for(mut self, usage: RedisUse) -> Self {
        self.usage = usage;
        self
    }
}

impl<P: RedisProbe> HealthCheck for RedisClusterCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let views = join_all(self.nodes.iter().map(View::of)).await;
        let mut errors = Vec::new();
        let mut known = Vec::new();
        let mut silenced = 0_usize;
        for view in views {
            match view {
                Ok(Some(view)) => known.push(view),
                Ok(None) => silenced += 1,
                Err(error) => errors.push(error),
            }
        }
        let Some(first) = known.first() else {
            return match errors.into_iter().next() {
                Some(error) if silenced == 0 => Err(cluster_failure_of(error)),
                _ => Ok(CheckReport::healthy().with_data("partial", true)),
            };
        };
        let down = known.iter().filter(|view| !view.is_ok).count();
        if down == known.len() {
            let message = "every node that answers says that the cluster is down";
            return Err(CheckFailure::new("cluster_down", message).with_data("slots_ok", first.slots_ok));
        }
        let report = if down > 0 {
            CheckReport::degraded("nodes_disagree", format_args!("{down} of {} nodes say it is down", known.len()))
        } else if known.iter().any(|view| view.slots_ok < ALL_SLOTS) {
            CheckReport::degraded("slots_lost", "a part of the slots has no primary")
        } else if let Some(error) = errors.first() {
            let message = format_args!("{} of {} nodes do not answer: {error}", errors.len(), self.nodes.len());
            CheckReport::degraded("node_unreachable", message)
        } else {
            CheckReport::healthy()
        };
        Ok(report.with_data("slots_ok", first.slots_ok).with_data("known_nodes", first.known_nodes))
    }

    fn defaults(&self) -> CheckOptions {
        self.usage.options()
    }
}

/// How many slots every cluster has.
const ALL_SLOTS: u64 = 16_384;

/// What one node says of the cluster.
struct View {
    is_ok: bool,
    slots_ok: u64,
    known_nodes: u64,
}

impl View {
    /// `None` when the node may not tell.
    async fn of(node: &impl RedisProbe) -> Result<Option<Self>, RedisError> {
        let text = match answer(node, &["CLUSTER", "INFO"]).await {
            Err(RedisError::Server { code }) if code == "NOPERM" => return Ok(None),
            other => other?,
        };
        let fields = fields(&text);
        let count = |field| fields.get(field).and_then(|value: &&str| value.parse().ok()).unwrap_or(0);
        Ok(Some(Self {
            is_ok: fields.get("cluster_state") == Some(&"ok"),
            slots_ok: count("cluster_slots_ok"),
            known_nodes: count("cluster_known_nodes"),
        }))
    }
}

fn cluster_failure_of(error: RedisError) -> CheckFailure {
    match &error {
        // The only one that this command has without a code of its own.
        RedisError::Server { code } if code == "ERR" => {
            CheckFailure::new("not_a_cluster", "the server is in no cluster").with_source(error)
        }
        _ => failure_of(error),
    }
}
