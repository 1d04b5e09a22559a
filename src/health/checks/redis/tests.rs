use super::{RedisCheck, RedisClusterCheck, RedisRole, RedisSentinelCheck, RedisUse};
use crate::health::{CheckFailure, CheckOptions, CheckReport, Datum, HealthCheck};
use crate::store::redis::{RedisError, RedisProbe};

/// Answers `PING` and `INFO` as told; a text that begins with `-` is an error.
struct Canned {
    ping: &'static str,
    info: &'static str,
    save: &'static str,
}

impl RedisProbe for Canned {
    async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
        let answer = match command {
            ["PING"] => self.ping,
            ["INFO"] => self.info,
            ["CONFIG", "GET", "save"] => self.save,
            ["CONFIG", "GET", "stop-writes-on-bgsave-error"] => "stop-writes-on-bgsave-error\nyes",
            other => panic!("not a command of a check: {other:?}"),
        };
        if answer == HANGS {
            std::future::pending::<()>().await;
        }
        if answer.starts_with('-') { Err(RedisError::of_server_text(answer)) } else { Ok(answer.to_owned()) }
    }
}

const HANGS: &str = "hangs";
const PRIMARY: &str = "# Memory\r\nused_memory:900\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n\
    # Persistence\r\nloading:0\r\nrdb_last_bgsave_status:ok\r\naof_last_write_status:ok\r\n# Replication\r\nrole:master\r\n";
const VOLATILE: &str = "used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:volatile-lru\r\n# Keyspace\r\ndb0:keys=9,expires=0,avg_ttl=0\r\n";
const VOLATILE_WITH_EXPIRING: &str = "used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:volatile-lru\r\ndb0:keys=9,expires=0\r\ndb1:keys=9,expires=1\r\n";
const REPLICA: &str = "role:slave\r\nmaster_link_status:up\r\n";

async fn ask(ping: &'static str, info: &'static str, role: Option<RedisRole>) -> Result<CheckReport, CheckFailure> {
    let check = RedisCheck::new(Canned { ping, info, save: "save\n" });
    match role {
        Some(role) => check.expect(role).check().await,
        None => check.check().await,
    }
}

/// The code of a failure, or `degraded:` and that of a report.
fn reason(outcome: &Result<CheckReport, CheckFailure>) -> String {
    match outcome {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

#[tokio::test]
async fn errors_of_the_server_are_told_apart_by_reason() {
    for (ping, expected) in [
        ("-NOAUTH Authentication required.", "auth"),
        ("-WRONGPASS invalid username-password pair or user is disabled.", "auth"),
        ("-NOPERM this user has no permissions to run the 'ping' command", "auth"),
        ("-LOADING Redis is loading the dataset in memory", "loading"),
        ("-MASTERDOWN Link with MASTER is down", "masterdown"),
        ("-READONLY You can't write against a read only replica.", "read_only"),
        ("-OOM command not allowed when used memory > 'maxmemory'.", "out_of_memory"),
        ("-MISCONF Redis is configured to save RDB snapshots", "misconf"),
        ("-BUSY Redis is busy running a script.", "busy"),
        ("-CLUSTERDOWN The cluster is down", "cluster_down"),
        ("-ERR max number of clients reached", "server_error"),
        ("HELLO", "invalid_response"),
        (HANGS, "unreachable"),
        ("PONG", "healthy"),
    ] {
        assert_eq!(reason(&ask(ping, PRIMARY, None).await), expected, "{ping}");
    }
}

#[tokio::test]
async fn pong_alone_is_not_health() {
    use RedisRole::{Primary, Replica};
    for (info, role, expected) in [
        ("-NOPERM no permissions to run the 'info' command", None, "healthy"),
        ("-LOADING Redis is loading the dataset in memory", None, "loading"),
        ("", None, "healthy"),
        ("loading:1\r\n", None, "loading"),
        ("role:slave\r\nmaster_link_status:down\r\n", Some(Replica), "replica_link_down"),
        (REPLICA, None, "degraded:read_only"),
        (REPLICA, Some(Replica), "healthy"),
        (REPLICA, Some(Primary), "read_only"),
        (PRIMARY, Some(Primary), "healthy"),
        (PRIMARY, Some(Replica), "not_a_replica"),
        ("used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n", None, "out_of_memory"),
        ("used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n", None, "healthy"),
        ("used_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", None, "healthy"),
        (
            "used_memory:1100\r\nmem_not_counted_for_evict:200\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n",
            None,
            "healthy",
        ),
        (VOLATILE, None, "out_of_memory"),
        (VOLATILE_WITH_EXPIRING, None, "healthy"),
        ("rdb_last_bgsave_status:err\r\n", None, "degraded:misconf"),
        ("aof_last_write_status:err\r\n", None, "misconf"),
    ] {
        assert_eq!(reason(&ask("PONG", info, role).await), expected, "{info}");
    }
}

#[tokio::test]
async fn report_carries_facts_or_says_that_it_has_none() {
    let report = ask("PONG", PRIMARY, None).await.unwrap();
    assert_eq!(report.data()[..2], [("role", Datum::from("primary")), ("used_memory_bytes", Datum::Integer(900))]);
    let partial = ask("PONG", "-NOPERM", None).await.unwrap();
    assert_eq!(partial.data(), [("partial", Datum::Flag(true))]);
}

#[tokio::test]
async fn failed_snapshot_is_a_failure_where_it_stops_writes() {
    let info = "rdb_last_bgsave_status:err\r\n";
    for (save, expected) in [
        ("save\n3600 1", "misconf"),
        ("save\n", "degraded:misconf"),
        ("-NOPERM this user has no permissions to run the 'config|get' command", "degraded:misconf"),
        ("-ERR unknown command 'CONFIG'", "degraded:misconf"),
    ] {
        let check = RedisCheck::new(Canned { ping: "PONG", info, save });
        assert_eq!(reason(&check.check().await), expected, "{save}");
    }
}

#[tokio::test]
async fn use_decides_how_urgent_it_is_and_whether_a_replica_will_do() {
    use crate::health::Severity::{Critical, Warning};
    for (usage, severity, of_replica) in [
        (RedisUse::Cache, Warning, "degraded:read_only"),
        (RedisUse::Sessions, Critical, "read_only"),
        (RedisUse::Locks, Critical, "read_only"),
        (RedisUse::Queue, Critical, "read_only"),
    ] {
        let check = || RedisCheck::new(Canned { ping: "PONG", info: REPLICA, save: "" }).used_for(usage);
        assert_eq!(check().defaults(), CheckOptions::clone(&check().defaults()).severity(severity), "{usage:?}");
        assert_eq!(reason(&check().check().await), of_replica, "{usage:?}");
        assert_eq!(reason(&check().expect(RedisRole::Replica).check().await), "healthy", "{usage:?}");
    }
}

/// A node or a Sentinel that answers by a word of the command.
struct Scripted(&'static [(&'static str, &'static str)]);

impl RedisProbe for Scripted {
    async fn command(&self, command: &[&str]) -> Result<String, RedisError> {
        let found = self.0.iter().find(|(word, _)| command.contains(word));
        match found.expect("not a command of a check").1 {
            DOWN => Err(RedisError::Unreachable("refused".into())),
            error if error.starts_with('-') => Err(RedisError::of_server_text(error)),
            text => Ok(text.to_owned()),
        }
    }
}

const DOWN: &str = "down";

#[tokio::test]
async fn cluster_is_judged_by_all_who_answer() {
    const OK: &str = "cluster_state:ok\r\ncluster_slots_ok:16384\r\ncluster_known_nodes:3\r\n";
    const PART: &str = "cluster_state:ok\r\ncluster_slots_ok:10923\r\n";
    const FAIL: &str = "cluster_state:fail\r\ncluster_slots_ok:10923\r\n";
    const MUTE: &str = "-NOPERM this user has no permissions to run the 'cluster|info' command";
    for (first, second, expected) in [
        (OK, OK, "healthy"),
        (OK, FAIL, "degraded:nodes_disagree"),
        (FAIL, FAIL, "cluster_down"),
        (FAIL, DOWN, "cluster_down"),
        (PART, PART, "degraded:slots_lost"),
        (OK, DOWN, "degraded:node_unreachable"),
        (DOWN, DOWN, "unreachable"),
        (DOWN, MUTE, "healthy"),
        (MUTE, MUTE, "healthy"),
        ("-ERR This instance has cluster support disabled", DOWN, "not_a_cluster"),
        ("-LOADING Redis is loading the dataset in memory", DOWN, "loading"),
    ] {
        let script = |answer| Scripted(Box::leak(Box::new([("CLUSTER", answer)])));
        let check = RedisClusterCheck::new([script(first), script(second)]).unwrap();
        assert_eq!(reason(&check.check().await), expected, "{first} {second}");
    }
    assert!(RedisClusterCheck::from_urls(["redis://only"]).is_err());
}

#[tokio::test]
async fn sentinels_are_heard_and_weighed() {
    const UP: &str = "name\nmymaster\nip\n10.0.0.1\nport\n6379\nflags\nmaster\nnum-slaves\n2";
    const ELSEWHERE: &str = "ip\n10.0.0.2\nport\n6379\nflags\nmaster";
    const SUSPECT: &str = "ip\n10.0.0.1\nport\n6379\nflags\ns_down,master";
    const GONE: &str = "ip\n10.0.0.1\nport\n6379\nflags\ns_down,o_down,master";
    const FAILOVER: &str = "ip\n10.0.0.1\nport\n6379\nflags\ns_down,o_down,master,failover_in_progress";
    const NOBODY: &str = "-ERR No such master with that name";
    const QUORUM: &str = "OK 3 usable Sentinels. Quorum and failover authorization can be reached";
    const TOO_FEW: &str = "-NOQUORUM 1 usable Sentinels.";
    for (first, second, quorum, expected) in [
        (UP, UP, QUORUM, "healthy"),
        (UP, UP, "-NOPERM", "healthy"),
        (UP, SUSPECT, QUORUM, "degraded:primary_suspected"),
        (GONE, GONE, QUORUM, "primary_down"),
        (FAILOVER, GONE, QUORUM, "failover_in_progress"),
        (UP, ELSEWHERE, QUORUM, "degraded:sentinels_disagree"),
        (UP, NOBODY, QUORUM, "degraded:sentinels_disagree"),
        (UP, UP, TOO_FEW, "degraded:no_quorum"),
        (UP, DOWN, QUORUM, "degraded:sentinel_unreachable"),
        (NOBODY, DOWN, QUORUM, "primary_unknown"),
        (DOWN, DOWN, QUORUM, "unreachable"),
        ("nonsense", DOWN, QUORUM, "invalid_response"),
    ] {
        let script = |answer| Scripted(Box::leak(Box::new([("MASTER", answer), ("CKQUORUM", quorum)])));
        let check = RedisSentinelCheck::new("mymaster", [script(first), script(second)]).unwrap();
        assert_eq!(reason(&check.check().await), expected, "{first} {second} {quorum}");
    }
    assert!(RedisSentinelCheck::from_urls("mymaster", []).is_err());
}
