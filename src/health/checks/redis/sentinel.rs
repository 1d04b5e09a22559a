//! Whether Sentinel knows a primary that works, and could replace it.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::RedisUse;
use super::asking::{answer, connections, failure_of};
use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use crate::store::redis::{RedisConnection, RedisError, RedisProbe};

/// Asks the Sentinels of a primary who that is, how it is, and whether they are enough to replace it.
///
/// Defaults: those of [`RedisCheck`](super::RedisCheck), a warning for a cache included. The primary itself is for a
/// `RedisCheck` through the service's own connection.
///
/// | reason | meaning |
/// |---|---|
/// | `failover_in_progress` | the primary is being replaced |
/// | `primary_down` | the Sentinels agree that the primary does not answer, and have not begun to replace it |
/// | `primary_unknown` | no Sentinel that answers knows a primary of this name |
/// | `primary_suspected` | degraded: a Sentinel gets no answer from the primary, the others have not agreed |
/// | `sentinels_disagree` | degraded: Sentinels name different primaries, or some know none |
/// | `no_quorum` | degraded: there are too few Sentinels to replace the primary |
/// | `sentinel_unreachable` | degraded: a Sentinel does not answer |
/// | others | none of them answers: as of [`RedisCheck`](super::RedisCheck) |
///
/// ```
/// use aistm7_monitoring::health::{RedisSentinelCheck, RedisUse};
///
/// let sentinels = ["redis://sentinel-1:26379", "redis://sentinel-2:26379", "redis://sentinel-3:26379"];
/// let queue = RedisSentinelCheck::from_urls("mymaster", sentinels)?.used_for(RedisUse::Queue);
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Debug)]
pub struct RedisSentinelCheck<P> {
    primary: String,
    sentinels: Vec<P>,
    usage: RedisUse,
}

impl RedisSentinelCheck<RedisConnection> {
    /// A check of the primary that the Sentinels know under this name, with connections of its own, which are kept.
    ///
    /// # Errors
    /// When a URL is not one such as `redis://user:password@host:26379`, or there is none.
    pub fn from_urls<'a>(
        primary: impl Into<String>,
        sentinels: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, InvalidValue> {
        Self::new(primary, connections(sentinels)?)
    }
}

impl<P: RedisProbe> RedisSentinelCheck<P> {
    /// A check of the primary that the Sentinels know under this name, through a connection to each of them.
    ///
    /// # Errors
    /// When there is no Sentinel.
    pub fn new(primary: impl Into<String>, sentinels: impl IntoIterator<Item = P>) -> Result<Self, InvalidValue> {
        let sentinels: Vec<P> = sentinels.into_iter().collect();
        if sentinels.is_empty() {
            return Err(InvalidValue::new("number of Sentinels", 0, "one or more, and best all there are"));
        }
        Ok(Self { primary: primary.into(), sentinels, usage: RedisUse::default() })
    }

    /// Says what the service keeps there, as [`RedisCheck::used_for`](super::RedisCheck::used_for).
    #[must_use]
    pub fn used_for(mut self, usage: RedisUse) -> Self {
        self.usage = usage;
        self
    }
}

impl<P: RedisProbe> HealthCheck for RedisSentinelCheck<P> {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let said = join_all(self.sentinels.iter().map(|sentinel| View::of(sentinel, &self.primary))).await;
        let mut views = Vec::new();
        let mut errors = Vec::new();
        for view in said {
            match view {
                Ok(view) => views.push(view),
                Err(error) => errors.push(error),
            }
        }
        judge(views, errors)
    }

    fn defaults(&self) -> CheckOptions {
        self.usage.options()
    }
}

/// What one Sentinel that answers says of the primary.
enum View {
    /// It knows none of this name.
    Unknown,
    Known(Primary),
}

struct Primary {
    address: String,
    flags: Vec<String>,
    replicas: u64,
    /// `None` when the Sentinel may not tell.
    has_quorum: Option<bool>,
}

impl Primary {
    fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}

impl View {
    async fn of(sentinel: &impl RedisProbe, name: &str) -> Result<Self, RedisError> {
        let text = match answer(sentinel, &["SENTINEL", "MASTER", name]).await {
            Err(RedisError::Server { code }) if code == "ERR" => return Ok(Self::Unknown),
            other => other?,
        };
        let has_quorum = match answer(sentinel, &["SENTINEL", "CKQUORUM", name]).await {
            Ok(_) => Some(true),
            Err(RedisError::Server { code }) if code == "NOQUORUM" => Some(false),
            Err(_) => None,
        };
        // A field and its value, a line each.
        let lines: Vec<&str> = text.lines().collect();
        let fields: HashMap<&str, &str> = lines.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let (Some(ip), Some(port), Some(flags)) = (fields.get("ip"), fields.get("port"), fields.get("flags")) else {
            return Err(RedisError::Other("the Sentinel does not say where the primary is".into()));
        };
        Ok(Self::Known(Primary {
            address: format!("{ip}:{port}"),
            flags: flags.split(',').map(str::to_owned).collect(),
            replicas: fields.get("num-slaves").and_then(|count| count.parse().ok()).unwrap_or(0),
            has_quorum,
        }))
    }
}

fn judge(views: Vec<View>, errors: Vec<RedisError>) -> Result<CheckReport, CheckFailure> {
    let answering = views.len();
    let known = views.into_iter().filter_map(|view| match view {
        View::Known(primary) => Some(primary),
        View::Unknown => None,
    });
    let known: Vec<Primary> = known.collect();
    let Some(first) = known.first() else {
        let silent = errors.into_iter().next().filter(|_| answering == 0);
        let unknown = || CheckFailure::new("primary_unknown", "no Sentinel that answers knows a primary of this name");
        return Err(silent.map_or_else(unknown, failure_of));
    };
    let someone_says = |flag| known.iter().any(|primary| primary.is(flag));
    if someone_says("failover_in_progress") {
        return Err(CheckFailure::new("failover_in_progress", "the primary is being replaced")
            .with_data("primary", first.address.as_str()));
    }
    if someone_says("o_down") {
        return Err(CheckFailure::new("primary_down", "the Sentinels agree that the primary does not answer")
            .with_data("primary", first.address.as_str()));
    }
    let report = if someone_says("s_down") {
        CheckReport::degraded("primary_suspected", "a Sentinel gets no answer from the primary")
    } else if known.len() < answering || known.iter().any(|primary| primary.address != first.address) {
        CheckReport::degraded("sentinels_disagree", "the Sentinels do not know the same primary")
    } else if known.iter().any(|primary| primary.has_quorum == Some(false)) {
        CheckReport::degraded("no_quorum", "there are too few Sentinels to replace the primary")
    } else if let Some(error) = errors.first() {
        let silent = errors.len();
        let message = format_args!("{silent} of {} Sentinels do not answer: {error}", answering + silent);
        CheckReport::degraded("sentinel_unreachable", message)
    } else {
        CheckReport::healthy()
    };
    Ok(report
        .with_data("primary", first.address.as_str())
        .with_data("replicas", first.replicas)
        .with_data("sentinels", answering))
}
