use std::future::pending;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{PostgresCheck, PostgresRole};
use crate::health::{CheckFailure, CheckReport, HealthCheck};
use crate::store::postgres::{PoolState, PostgresAddress, PostgresError, PostgresProbe, PostgresServer};

/// A pool that does as told.
#[derive(Clone)]
struct Canned {
    acquire: Acquire,
    answer: Result<&'static str, &'static str>,
    pool: Option<PoolState>,
    port: Option<u16>,
    beside: Option<Beside>,
}

/// What a new connection comes to.
#[derive(Clone, Copy, Debug)]
enum Beside {
    HoldsLogin,
    HoldsQuery,
    Answers,
    Refuses(&'static str, &'static str),
}

#[derive(Clone, Copy)]
enum Acquire {
    Works,
    TimesOut,
    Hangs,
}

impl Canned {
    fn answering(answer: Result<&'static str, &'static str>) -> Self {
        Self { acquire: Acquire::Works, answer, pool: None, port: None, beside: None }
    }

    fn giving_none(acquire: Acquire, pool: Option<(u32, u32, u32)>, port: Option<u16>) -> Self {
        let pool = pool.map(|(size, idle, max)| PoolState { size, idle, max });
        Self { acquire, answer: Err("00000"), pool, port, beside: None }
    }
}

impl PostgresProbe for Canned {
    type Connection = ();

    async fn acquire(&self) -> Result<(), PostgresError> {
        match self.acquire {
            Acquire::Works => Ok(()),
            Acquire::TimesOut => Err(PostgresError::PoolTimedOut),
            Acquire::Hangs => pending().await,
        }
    }

    async fn query(&self, _: &mut (), sql: &'static str) -> Result<String, PostgresError> {
        assert!(sql.starts_with("SET LOCAL statement_timeout"), "{sql}");
        if self.answer == Ok(HANGS) {
            return pending().await;
        }
        self.answer
            .map(str::to_owned)
            .map_err(|sqlstate| PostgresError::Server { sqlstate: sqlstate.to_owned(), message: String::new() })
    }

    async fn beside(&self, sql: Option<&'static str>) -> Option<Result<(), PostgresError>> {
        match (self.beside?, sql) {
            (Beside::HoldsLogin, _) | (Beside::HoldsQuery, Some(_)) => pending().await,
            (Beside::HoldsQuery, None) | (Beside::Answers, _) => Some(Ok(())),
            (Beside::Refuses(sqlstate, message), _) => {
                Some(Err(PostgresError::Server { sqlstate: sqlstate.to_owned(), message: message.to_owned() }))
            }
        }
    }

    fn pool(&self) -> Option<PoolState> {
        self.pool
    }

    fn server(&self) -> Option<PostgresServer> {
        let address = PostgresAddress::of_host("127.0.0.1", self.port?);
        Some(PostgresServer { address, user: "app".to_owned(), database: None })
    }
}

const DOWN: Beside = Beside::Refuses("08P01", "server login has been failing (server_login_retry)");
const HANGS: &str = "hangs";

fn code(outcome: &Result<CheckReport, CheckFailure>) -> &'static str {
    match outcome {
        Ok(report) => report.reason().unwrap_or("healthy"),
        Err(failure) => failure.reason(),
    }
}

/// A server that says `greeting` to whoever sends a first message, or nothing.
async fn server(greeting: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut length = [0; 4];
            stream.read_exact(&mut length).await.unwrap();
            if greeting.is_empty() {
                pending::<()>().await;
            }
            stream.write_all(greeting).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn roles_are_judged_by_what_is_expected() {
    use PostgresRole::{Primary, Replica};
    for (answer, role, expected) in [
        ("false off", None, "healthy"),
        ("true on", None, "healthy"),
        ("false off", Some(Primary), "healthy"),
        ("false on", Some(Primary), "read_only"),
        ("true on", Some(Primary), "read_only"),
        ("true on", Some(Replica), "healthy"),
        ("false off", Some(Replica), "not_a_replica"),
        ("nonsense", None, "query_failed"),
    ] {
        let mut check = PostgresCheck::new(Canned::answering(Ok(answer)));
        check.expected = role;
        assert_eq!(code(&check.check().await), expected, "{answer} {role:?}");
    }
}

#[tokio::test]
async fn errors_of_the_server_are_told_apart_by_reason() {
    for (sqlstate, expected) in [
        ("28P01", "auth"),
        ("28000", "auth"),
        ("57P01", "shutting_down"),
        ("57P03", "starting_up"),
        ("53300", "too_many_connections"),
        ("53100", "disk_full"),
        ("57014", "query_timeout"),
        ("3D000", "unknown_database"),
        ("25006", "read_only"),
        ("XX000", "server_error"),
    ] {
        assert_eq!(code(&PostgresCheck::new(Canned::answering(Err(sqlstate))).check().await), expected);
    }
    for (sqlstate, message, expected) in [
        ("57P03", "the database system is shutting down", "shutting_down"),
        ("08P01", "query_wait_timeout", "pooler_queue_timeout"),
        ("08P01", "server login has been failing, try again later (server_login_retry)", "pooler_up_backend_down"),
        ("08P01", "client_login_timeout (server down)", "pooler_up_backend_down"),
        ("08P01", "no more connections allowed (max_client_conn)", "too_many_connections"),
        ("08P01", "SASL authentication failed", "auth"),
        ("08P01", "insufficient data left in message", "server_error"),
    ] {
        assert_eq!(super::refused(sqlstate, message).reason(), expected, "{message}");
    }
}

#[tokio::test]
async fn full_pool_is_never_taken_for_a_server_that_is_down() {
    const STARTING: &[u8] = b"E\0\0\0\x17C57P03\0Mstarting up\0\0";
    const TOO_MANY: &[u8] = b"E\0\0\0\x0cC53300\0\0";
    let up = Some(server(b"R\0\0\0\x08\0\0\0\0").await);
    let down = Some(std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let (starting, crowded, frozen) =
        (Some(server(STARTING).await), Some(server(TOO_MANY).await), Some(server(b"").await));
    let (full, opening) = (Some((3, 0, 3)), Some((1, 0, 3)));
    for (name, probe, expected) in [
        ("full", Canned::giving_none(Acquire::TimesOut, full, up), "pool_exhausted"),
        ("full of one", Canned::giving_none(Acquire::TimesOut, Some((1, 0, 1)), up), "pool_exhausted"),
        ("full and hanging", Canned::giving_none(Acquire::Hangs, full, up), "pool_exhausted"),
        ("slow", Canned::giving_none(Acquire::TimesOut, opening, up), "acquire_slow"),
        ("down", Canned::giving_none(Acquire::TimesOut, opening, down), "unreachable"),
        ("full and down", Canned::giving_none(Acquire::Hangs, full, down), "unreachable"),
        ("frozen", Canned::giving_none(Acquire::Hangs, full, frozen), "unreachable"),
        ("starting up", Canned::giving_none(Acquire::TimesOut, opening, starting), "starting_up"),
        ("crowded", Canned::giving_none(Acquire::TimesOut, opening, crowded), "too_many_connections"),
        ("full, of unknown place", Canned::giving_none(Acquire::TimesOut, full, None), "pool_exhausted"),
        ("unknown", Canned::giving_none(Acquire::TimesOut, opening, None), "acquire_timeout"),
        ("unknown pool of one", Canned::giving_none(Acquire::TimesOut, Some((1, 0, 1)), None), "acquire_timeout"),
    ] {
        let check = PostgresCheck::new(probe).acquire_timeout(Duration::from_millis(20));
        assert_eq!(code(&check.check().await), expected, "{name}");
    }
}

#[tokio::test]
async fn silence_of_a_pooler_is_looked_into() {
    let up = Some(server(b"N").await);
    let frozen = Some(server(b"").await);
    let (full, opening) = (Some((3, 0, 3)), Some((1, 0, 3)));
    for (name, pool, port, beside, expected) in [
        ("refusing", opening, up, Some(DOWN), "pooler_up_backend_down"),
        ("refusing a full pool", full, up, Some(DOWN), "pooler_up_backend_down"),
        ("holding logins", opening, up, Some(Beside::HoldsLogin), "pooler_up_backend_down"),
        ("frozen", opening, frozen, Some(Beside::HoldsLogin), "unreachable"),
        ("frozen, of unknown place", opening, None, Some(Beside::HoldsLogin), "acquire_timeout"),
        ("holding queries", opening, up, Some(Beside::HoldsQuery), "pooler_queue_timeout"),
        ("holding queries of a full pool", full, up, Some(Beside::HoldsQuery), "pooler_queue_timeout"),
        ("answering", opening, up, Some(Beside::Answers), "acquire_slow"),
        ("answering beside a full pool", full, up, Some(Beside::Answers), "pool_exhausted"),
        ("full", full, up, None, "pool_exhausted"),
        ("full and frozen", full, frozen, None, "unreachable"),
        ("full, of unknown place", full, None, None, "pool_exhausted"),
        ("silent", opening, up, None, "pooler_up_backend_down"),
    ] {
        let mut probe = Canned::giving_none(Acquire::Hangs, pool, port);
        probe.beside = beside;
        let check = PostgresCheck::new(probe).behind_pooler().acquire_timeout(Duration::from_millis(20));
        assert_eq!(code(&check.check().await), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn query_that_a_pooler_does_not_answer_is_looked_into() {
    for (beside, expected) in [
        (Some(DOWN), "pooler_up_backend_down"),
        (Some(Beside::HoldsLogin), "acquire_timeout"),
        (Some(Beside::HoldsQuery), "pooler_queue_timeout"),
        (Some(Beside::Answers), "query_timeout"),
        (None, "pooler_queue_timeout"),
    ] {
        let mut probe = Canned::answering(Ok(HANGS));
        probe.beside = beside;
        assert_eq!(code(&PostgresCheck::new(probe).behind_pooler().check().await), expected, "{beside:?}");
    }
}

#[test]
fn replica_is_as_old_as_what_it_can_have_missed() {
    for (answer, expected) in [
        ("1 0", "healthy"),
        ("1 9.5", "healthy"),
        // The primary's clock is ahead.
        ("1 -2.5", "healthy"),
        ("1 10.5", "replica_lag"),
        ("1 unknown", "replica_lag"),
        ("0 9.5", "healthy"),
        ("0 10.5", "replication_stopped"),
        ("0 unknown", "replication_stopped"),
        ("1", "query_failed"),
        ("1 nonsense", "query_failed"),
        ("1 inf", "query_failed"),
    ] {
        let judged = super::Replication::read(answer)
            .and_then(|replication| replication.judge(Duration::from_secs(10), CheckReport::healthy()));
        assert_eq!(code(&judged), expected, "{answer}");
    }
}
