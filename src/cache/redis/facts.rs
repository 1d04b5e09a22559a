//! An answer to `INFO`, and the metrics that show it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::commands::Commands;
use super::fields::{self, Field, SERVER, number};
use crate::metrics::{Collected, Collection, Definition, DefinitionError, LabelValue, Meter, Reading, Unit};
use crate::store::redis::{fields as read_fields, parts};

static INFO: Definition = Definition::gauge_absent_until_set(
    "redis_instance_info",
    "Always 1: a Redis server's role (master, slave), version, mode and what it evicts.",
)
.labels(&["server", "role", "redis_version", "redis_mode", "maxmemory_policy"]);

static START_TIME: Definition = Definition::gauge_absent_until_set(
    "redis_start_time_seconds",
    "Unix time at which a Redis server was started, by its own clock: its counters are not older.",
)
.unit(Unit::Seconds)
.labels(SERVER);

static LAG_SECONDS: Definition = Definition::gauge_absent_until_set(
    "redis_replicas_max_lag_seconds",
    "Since when a Redis primary has heard nothing of the replica that it has longest not heard of; absent without one.",
)
.unit(Unit::Seconds)
.labels(SERVER);

static LAG_BYTES: Definition = Definition::gauge_absent_until_set(
    "redis_replicas_max_lag_bytes",
    "By how much the replica of a Redis primary that is furthest behind is so; absent without one.",
)
.unit(Unit::Bytes)
.labels(SERVER);

static KEYS: Definition = Definition::gauge_absent_until_set("redis_db_keys", "Keys in a database of a Redis server.")
    .labels(&["server", "db"]);

static KEYS_EXPIRING: Definition = Definition::gauge_absent_until_set(
    "redis_db_keys_expiring",
    "Keys in a database of a Redis server that have an end.",
)
.labels(&["server", "db"]);

/// Chosen: twice what a server has unless it is told otherwise.
const MOST_DATABASES: usize = 32;

/// The fields of an answer to `INFO`.
pub(super) struct Facts<'a>(HashMap<&'a str, &'a str>);

impl<'a> Facts<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        Self(read_fields(text))
    }

    /// Whether these are a server's.
    pub(super) fn are_there(&self) -> bool {
        self.0.contains_key("uptime_in_seconds")
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().map(|(name, value)| (*name, *value))
    }

    fn text(&self, field: &str) -> &'a str {
        self.0.get(field).copied().unwrap_or_default()
    }

    fn number(&self, field: &str) -> Option<f64> {
        number(self.text(field))
    }

    /// In whole seconds, as the uptime is.
    fn started_at(&self) -> Option<f64> {
        let now = (self.number("server_time_usec")? / 1e6).floor();
        Some(now - self.number("uptime_in_seconds")?)
    }

    /// The replicas that a primary knows: `slave0:ip=…,offset=42,lag=1`.
    fn replicas(&self) -> impl Iterator<Item = &'a str> {
        let is_replica = |name: &str| name.strip_prefix("slave").is_some_and(|rest| rest.parse::<u32>().is_ok());
        self.fields().filter(move |(name, _)| is_replica(name)).map(|(_, value)| value)
    }

    fn most_lag_seconds(&self) -> Option<f64> {
        self.replicas().filter_map(|replica| part(replica, "lag")).max_by(f64::total_cmp)
    }

    fn most_lag_bytes(&self) -> Option<f64> {
        let written = self.number("master_repl_offset")?;
        // An offset that is told a moment later may be ahead.
        let lags = self.replicas().filter_map(|replica| Some((written - part(replica, "offset")?).max(0.0)));
        lags.max_by(f64::total_cmp)
    }

    /// The databases that have keys, by number: `db0:keys=5,expires=2,avg_ttl=0`.
    fn databases(&self) -> BTreeMap<u32, &'a str> {
        self.fields().filter_map(|(name, value)| Some((name.strip_prefix("db")?.parse().ok()?, value))).collect()
    }
}

/// A number among the parts of a value.
fn part(value: &str, name: &str) -> Option<f64> {
    parts(value).find(|(present, _)| *present == name).and_then(|(_, text)| number(text))
}

/// The metrics of one server.
pub(super) struct Instruments {
    server: LabelValue,
    gauges: Shown<f64>,
    counters: Shown<u64>,
    times: Shown<Duration>,
    info: Collected<f64, 5>,
    start_time: Collected<f64, 1>,
    lag_seconds: Collected<f64, 1>,
    lag_bytes: Collected<f64, 1>,
    keys: Collected<f64, 2>,
    keys_expiring: Collected<f64, 2>,
    commands: Commands,
}

/// Fields with their metrics.
type Shown<T> = Vec<(&'static Field<T>, Collected<T, 1>)>;

impl Instruments {
    pub(super) fn register(meter: &Meter, server: LabelValue) -> Result<Self, DefinitionError> {
        Ok(Self {
            server,
            gauges: shown(meter, fields::GAUGES)?,
            counters: shown(meter, fields::COUNTERS)?,
            times: shown(meter, fields::TIMES)?,
            info: meter.collected(&INFO)?,
            start_time: meter.collected(&START_TIME)?,
            lag_seconds: meter.collected(&LAG_SECONDS)?,
            lag_bytes: meter.collected(&LAG_BYTES)?,
            keys: meter.collected(&KEYS)?,
            keys_expiring: meter.collected(&KEYS_EXPIRING)?,
            commands: Commands::register(meter)?,
        })
    }

    /// Gives what the server has told, and nothing that it has not.
    pub(super) fn give(&mut self, facts: &Facts<'_>, collection: &mut Collection) {
        let server = &self.server;
        give_all(&self.gauges, facts, server, collection);
        give_all(&self.counters, facts, server, collection);
        give_all(&self.times, facts, server, collection);

        let about = ["role", "redis_version", "redis_mode", "maxmemory_policy"];
        let [role, version, mode, policy] = about.map(|field| LabelValue::capped(facts.text(field)));
        collection.set(&self.info, [server.clone(), role, version, mode, policy], 1.0);

        for (metric, value) in [
            (&self.start_time, facts.started_at()),
            (&self.lag_seconds, facts.most_lag_seconds()),
            (&self.lag_bytes, facts.most_lag_bytes()),
        ] {
            if let Some(value) = value {
                collection.set(metric, [server.clone()], value);
            }
        }
        for (database, counts) in facts.databases().into_iter().take(MOST_DATABASES) {
            for (metric, name) in [(&self.keys, "keys"), (&self.keys_expiring, "expires")] {
                if let Some(value) = part(counts, name) {
                    collection.set(metric, [server.clone(), LabelValue::capped(format!("db{database}"))], value);
                }
            }
        }
        self.commands.give(server, facts, collection);
    }
}

fn shown<T: Reading>(meter: &Meter, fields: &'static [Field<T>]) -> Result<Shown<T>, DefinitionError> {
    fields.iter().map(|field| Ok((field, meter.collected(&field.definition)?))).collect()
}

fn give_all<T: Reading>(shown: &Shown<T>, facts: &Facts<'_>, server: &LabelValue, collection: &mut Collection) {
    for (field, metric) in shown {
        if let Some(value) = (field.read)(facts.text(field.name)) {
            collection.set(metric, [server.clone()], value);
        }
    }
}
