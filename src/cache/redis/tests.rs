//! Answers as servers give them, and what is shown of them.

use super::facts::{Facts, Instruments};
use crate::metrics::{Collection, Meter, Registry};

/// What a registry shows after these answers to `INFO`, one after the other.
fn shown(answers: &[&str]) -> String {
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    let mut instruments = Instruments::register(&meter, "sessions".into()).unwrap();
    let mut answers: Vec<String> = answers.iter().rev().map(|answer| (*answer).to_owned()).collect();
    let rounds = answers.len();
    let collector = move |collection: &mut Collection| {
        let answer = answers.pop().ok_or("there is no other")?;
        instruments.give(&Facts::read(&answer), collection);
        Ok(())
    };
    let options = crate::metrics::CollectorOptions::new().interval(std::time::Duration::ZERO);
    meter.collector_with("redis", collector, options).unwrap();
    (0..rounds).for_each(|_| registry.collect());
    registry.render()
}

#[track_caller]
fn assert_shows(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|shown| shown == *line), "{line} is not in\n{page}");
    }
}

#[test]
fn primary_tells_of_its_memory_keys_commands_and_replicas() {
    let page = shown(&["# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\
        server_time_usec:1795445760813813\r\nuptime_in_seconds:60\r\n\r\n# Clients\r\nconnected_clients:3\r\n\
        maxclients:10000\r\nused_memory:965864\r\nmaxmemory:1048576\r\nmaxmemory_policy:allkeys-lru\r\n\
        mem_fragmentation_ratio:1.25\r\nrdb_last_bgsave_status:err\r\nkeyspace_hits:7\r\nkeyspace_misses:2\r\n\
        used_cpu_user:1.016478\r\nlatest_fork_usec:250\r\nrole:master\r\nconnected_slaves:2\r\n\
        slave0:ip=10.0.0.1,port=6379,state=online,offset=900,lag=1\r\n\
        slave1:ip=10.0.0.2,port=6379,state=online,offset=1040,lag=0\r\nmaster_repl_offset:1000\r\n\
        slave_expires_tracked_keys:0\r\n\
        cmdstat_get:calls=9,usec=1500000,usec_per_call=7.00,rejected_calls=1,failed_calls=2\r\n\
        cmdstat_config|resetstat:calls=1,usec=2\r\ndb0:keys=5,expires=2,avg_ttl=0\r\ndb10:keys=1,expires=0\r\n"]);
    assert_shows(
        &page,
        &[
            "redis_instance_info{maxmemory_policy=\"allkeys-lru\",redis_mode=\"standalone\",redis_version=\"7.0.15\",\
             role=\"master\",server=\"sessions\"} 1",
            "redis_start_time_seconds{server=\"sessions\"} 1795445700",
            "redis_connected_clients{server=\"sessions\"} 3",
            "redis_memory_used_bytes{server=\"sessions\"} 965864",
            "redis_memory_max_bytes{server=\"sessions\"} 1048576",
            "redis_mem_fragmentation_ratio{server=\"sessions\"} 1.25",
            "redis_rdb_last_bgsave_status{server=\"sessions\"} 0",
            "redis_latest_fork_seconds{server=\"sessions\"} 0.00025",
            "redis_keyspace_hits_total{server=\"sessions\"} 7",
            "redis_cpu_user_seconds_total{server=\"sessions\"} 1.016478",
            "redis_replicas_max_lag_seconds{server=\"sessions\"} 1",
            "redis_replicas_max_lag_bytes{server=\"sessions\"} 100",
            "redis_db_keys{db=\"db0\",server=\"sessions\"} 5",
            "redis_db_keys_expiring{db=\"db10\",server=\"sessions\"} 0",
            "redis_commands_total{cmd=\"get\",server=\"sessions\"} 9",
            "redis_commands_duration_seconds_total{cmd=\"get\",server=\"sessions\"} 1.5",
            "redis_commands_failed_calls_total{cmd=\"get\",server=\"sessions\"} 2",
            "redis_commands_rejected_calls_total{cmd=\"get\",server=\"sessions\"} 1",
            "redis_commands_total{cmd=\"config|resetstat\",server=\"sessions\"} 1",
        ],
    );
    assert!(!page.contains("10.0.0.1"), "no address is a label:\n{page}");
}

#[test]
fn what_is_not_told_or_makes_no_sense_is_absent_and_never_zero() {
    let page = shown(&["redis_version:5.0\r\nuptime_in_seconds:1\r\nused_memory:none\r\nmaxmemory:0\r\n\
        connected_clients:-1\r\nmaster_last_io_seconds_ago:-1\r\nmaster_link_status:?\r\nkeyspace_hits:1.5\r\n\
        used_cpu_sys:-2\r\ncmdstat_get:calls=many\r\ndb0:keys=\r\ndbsize:3\r\nslave0:state=online\r\nrole:slave\r\n"]);
    let series = page.lines().filter(|line| line.starts_with("redis_"));
    let series: Vec<&str> = series.filter_map(|line| line.split(['{', ' ']).next()).collect();
    assert_eq!(series, ["redis_instance_info", "redis_uptime_in_seconds"], "{page}");
}

#[test]
fn replica_tells_of_its_primary() {
    let page = shown(&["uptime_in_seconds:1\r\nrole:slave\r\nmaster_link_status:down\r\n\
        master_last_io_seconds_ago:12\r\nmaster_sync_in_progress:1\r\nslave_repl_offset:42\r\n"]);
    assert_shows(
        &page,
        &[
            "redis_master_link_up{server=\"sessions\"} 0",
            "redis_master_last_io_seconds_ago{server=\"sessions\"} 12",
            "redis_master_sync_in_progress{server=\"sessions\"} 1",
            "redis_slave_repl_offset{server=\"sessions\"} 42",
        ],
    );
}

#[test]
fn commands_and_databases_are_bounded_and_those_that_were_shown_stay() {
    let commands = |first: u32| -> String {
        let lines = (first..first + 100).map(|number| format!("cmdstat_c{number}:calls={},usec=1\r\n", 1000 + number));
        "uptime_in_seconds:1\r\n".to_owned() + &lines.collect::<String>()
    };
    let many_databases: String = (0..100).map(|number| format!("db{number}:keys=1\r\n")).collect();
    // The second answer has others that are used more.
    let page = shown(&[&commands(0), &(commands(50) + &many_databases)]);
    let count = |metric: &str| page.lines().filter(|line| line.starts_with(metric)).count();
    assert_eq!(count("redis_commands_total{"), 40, "{page}");
    assert_shows(&page, &["redis_commands_total{cmd=\"c99\",server=\"sessions\"} 1099"]);
    assert!(!page.contains("cmd=\"c149\""), "a newcomer has no place:\n{page}");
    assert_eq!(count("redis_db_keys{"), 32);
    assert_shows(&page, &["redis_db_keys{db=\"db31\",server=\"sessions\"} 1"]);
}
