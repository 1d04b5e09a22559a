//! The fields of `INFO` that are shown as they are, and their definitions.

use std::time::Duration;

use crate::metrics::{Definition, Unit};

/// The label of every metric here.
pub(super) const SERVER: &[&str] = &["server"];

/// A field and what it is shown as.
pub(super) struct Field<T> {
    pub(super) name: &'static str,
    pub(super) definition: Definition,
    pub(super) read: fn(&str) -> Option<T>,
}

/// What goes up and down.
pub(super) static GAUGES: &[Field<f64>] = &[
    gauge("uptime_in_seconds", "redis_uptime_in_seconds", "Time since a Redis server was started.", number)
        .of(Unit::Seconds),
    gauge("connected_clients", "redis_connected_clients", "Clients of a Redis server, without replicas.", number),
    gauge(
        "blocked_clients",
        "redis_blocked_clients",
        "Clients that wait in a blocking call of a Redis server.",
        number,
    ),
    gauge("maxclients", "redis_config_maxclients", "Clients that a Redis server takes at most.", number),
    gauge("used_memory", "redis_memory_used_bytes", "Memory that a Redis server has allocated.", number)
        .of(Unit::Bytes),
    gauge("used_memory_rss", "redis_memory_used_rss_bytes", "Memory of a Redis server as its system sees it.", number)
        .of(Unit::Bytes),
    gauge("used_memory_peak", "redis_memory_used_peak_bytes", "The most that a Redis server had allocated.", number)
        .of(Unit::Bytes),
    gauge("used_memory_dataset", "redis_memory_used_dataset_bytes", "Memory of a Redis server's data alone.", number)
        .of(Unit::Bytes),
    gauge(
        "maxmemory",
        "redis_memory_max_bytes",
        "Memory that a Redis server may use, before it evicts or refuses; absent if there is no limit.",
        limit,
    )
    .of(Unit::Bytes),
    gauge(
        "mem_not_counted_for_evict",
        "redis_mem_not_counted_for_eviction_bytes",
        "Memory of a Redis server that does not count towards its limit.",
        number,
    )
    .of(Unit::Bytes),
    gauge(
        "mem_fragmentation_ratio",
        "redis_mem_fragmentation_ratio",
        "What the system gave a Redis server, over what it has allocated.",
        number,
    )
    .of(Unit::Ratio),
    gauge("loading", "redis_loading_dump_file", "1 while a Redis server reads its data into memory.", number),
    gauge(
        "rdb_changes_since_last_save",
        "redis_rdb_changes_since_last_save",
        "Changes of a Redis server's data since its last snapshot.",
        number,
    ),
    gauge(
        "rdb_last_save_time",
        "redis_rdb_last_save_timestamp_seconds",
        "Unix time of a Redis server's last snapshot that succeeded.",
        number,
    )
    .of(Unit::Seconds),
    gauge(
        "rdb_last_bgsave_status",
        "redis_rdb_last_bgsave_status",
        "1 if a Redis server's last snapshot succeeded, else 0.",
        is_ok,
    ),
    gauge("aof_enabled", "redis_aof_enabled", "1 if a Redis server keeps an append-only file.", number),
    gauge(
        "aof_last_write_status",
        "redis_aof_last_write_status",
        "1 if the last write to a Redis server's append-only file succeeded, else 0.",
        is_ok,
    ),
    gauge(
        "instantaneous_ops_per_sec",
        "redis_instantaneous_ops_per_sec",
        "Commands a second, by a Redis server's own reckoning over its last moments.",
        number,
    ),
    gauge("pubsub_channels", "redis_pubsub_channels", "Channels that clients of a Redis server listen to.", number),
    gauge("latest_fork_usec", "redis_latest_fork_seconds", "How long a Redis server's latest fork took.", micros)
        .of(Unit::Seconds),
    gauge("connected_slaves", "redis_connected_slaves", "Replicas that follow a Redis server.", number),
    gauge(
        "master_repl_offset",
        "redis_master_repl_offset",
        "Bytes in the replication stream of a Redis primary.",
        number,
    ),
    gauge(
        "slave_repl_offset",
        "redis_slave_repl_offset",
        "Bytes of that stream that a Redis replica has taken.",
        number,
    ),
    gauge(
        "master_link_status",
        "redis_master_link_up",
        "1 while a Redis replica has its primary, else 0; absent of a primary.",
        is_up,
    ),
    gauge(
        "master_last_io_seconds_ago",
        "redis_master_last_io_seconds_ago",
        "Since when a Redis replica has heard nothing of its primary; absent without it.",
        number,
    ),
    gauge(
        "master_sync_in_progress",
        "redis_master_sync_in_progress",
        "1 while a Redis replica copies its primary's data.",
        number,
    ),
];

/// What only goes up while a server runs.
pub(super) static COUNTERS: &[Field<u64>] = &[
    counter("total_connections_received", "redis_connections_received_total", "Connections that a Redis server took."),
    counter("rejected_connections", "redis_rejected_connections_total", "Connections past a Redis server's limit."),
    counter("total_commands_processed", "redis_commands_processed_total", "Commands that a Redis server has done."),
    counter("total_error_replies", "redis_error_replies_total", "Errors that a Redis server has answered with."),
    counter("total_net_input_bytes", "redis_net_input_bytes_total", "Bytes that a Redis server has read.")
        .of(Unit::Bytes),
    counter("total_net_output_bytes", "redis_net_output_bytes_total", "Bytes that a Redis server has written.")
        .of(Unit::Bytes),
    counter("keyspace_hits", "redis_keyspace_hits_total", "Look-ups of keys that a Redis server had."),
    counter("keyspace_misses", "redis_keyspace_misses_total", "Look-ups of keys that a Redis server did not have."),
    counter("expired_keys", "redis_expired_keys_total", "Keys of a Redis server whose time was over."),
    counter("evicted_keys", "redis_evicted_keys_total", "Keys that a Redis server let go of for want of memory."),
    counter(
        "evicted_clients",
        "redis_evicted_clients_total",
        "Clients that a Redis server cut off for want of memory.",
    ),
    counter("sync_full", "redis_replica_resyncs_full_total", "Times that a replica copied all data of a Redis server."),
    counter(
        "sync_partial_ok",
        "redis_replica_partial_resync_accepted_total",
        "Times that a replica went on where it had been cut off.",
    ),
    counter(
        "sync_partial_err",
        "redis_replica_partial_resync_denied_total",
        "Times that a replica could not go on where it had been cut off.",
    ),
];

/// Processor time.
pub(super) static TIMES: &[Field<Duration>] = &[
    time("used_cpu_sys", "redis_cpu_sys_seconds_total", "Processor time of a Redis server in the system."),
    time("used_cpu_user", "redis_cpu_user_seconds_total", "Processor time of a Redis server in itself."),
];

const fn gauge(
    name: &'static str,
    metric: &'static str,
    help: &'static str,
    read: fn(&str) -> Option<f64>,
) -> Field<f64> {
    Field { name, definition: Definition::gauge_absent_until_set(metric, help).labels(SERVER), read }
}

const fn counter(name: &'static str, metric: &'static str, help: &'static str) -> Field<u64> {
    Field { name, definition: Definition::counter(metric, help).labels(SERVER), read: count }
}

const fn time(name: &'static str, metric: &'static str, help: &'static str) -> Field<Duration> {
    let definition = Definition::counter(metric, help).unit(Unit::Seconds).labels(SERVER);
    Field { name, definition, read: seconds }
}

impl<T> Field<T> {
    const fn of(mut self, unit: Unit) -> Self {
        self.definition = self.definition.unit(unit);
        self
    }
}

/// Not a negative one: Redis says -1 for what there is none of.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// 0 is no limit.
fn limit(text: &str) -> Option<f64> {
    number(text).filter(|limit| *limit > 0.0)
}

fn micros(text: &str) -> Option<f64> {
    number(text).map(|micros| micros / 1e6)
}

fn is_ok(text: &str) -> Option<f64> {
    either(text, "ok", "err")
}

fn is_up(text: &str) -> Option<f64> {
    either(text, "up", "down")
}

fn either(text: &str, one: &str, zero: &str) -> Option<f64> {
    if text == one { Some(1.0) } else { (text == zero).then_some(0.0) }
}

pub(super) fn count(text: &str) -> Option<u64> {
    text.parse().ok()
}

pub(super) fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}
