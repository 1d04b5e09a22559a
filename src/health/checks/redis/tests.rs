use super::{RedisCheck, RedisRole};
use crate::health::{CheckFailure, CheckReport, Datum, HealthCheck};
use crate::store::redis::{RedisError, RedisProbe};

/// Answers `PING` and `INFO` as told; a text that begins with `-` is an error.
struct Canned {
    ping: &'static str,
    info: &'static str,
}

impl RedisProbe for Canned {
    async fn command(&self, command: &'static [&'static str]) -> Result<String, RedisError> {
        let answer = match command {
            ["PING"] => self.ping,
            ["INFO"] => self.info,
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
const REPLICA: &str = "role:slave\r\nmaster_link_status:up\r\n";

async fn ask(ping: &'static str, info: &'static str, role: Option<RedisRole>) -> Result<CheckReport, CheckFailure> {
    let check = RedisCheck::new(Canned { ping, info });
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
        ("role:slave\r\nmaster_link_status:down\r\n", Some(Replica), "masterdown"),
        (REPLICA, None, "degraded:read_only"),
        (REPLICA, Some(Replica), "healthy"),
        (REPLICA, Some(Primary), "read_only"),
        (PRIMARY, Some(Primary), "healthy"),
        (PRIMARY, Some(Replica), "not_a_replica"),
        ("used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n", None, "out_of_memory"),
        ("used_memory:1000\r\nmaxmemory:1000\r\nmaxmemory_policy:allkeys-lru\r\n", None, "healthy"),
        ("used_memory:1000\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n", None, "healthy"),
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
