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
}

#[derive(Clone, Copy)]
enum Acquire {
    Works,
    TimesOut,
    Hangs,
}

impl Canned {
    fn answering(answer: Result<&'static str, &'static str>) -> Self {
        Self { acquire: Acquire::Works, answer, pool: None, port: None }
    }

    fn giving_none(acquire: Acquire, pool: Option<(u32, u32, u32)>, port: Option<u16>) -> Self {
        let pool = pool.map(|(size, idle, max)| PoolState { size, idle, max });
        Self { acquire, answer: Err("00000"), pool, port }
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
        self.answer
            .map(str::to_owned)
            .map_err(|sqlstate| PostgresError::Server { sqlstate: sqlstate.to_owned(), message: String::new() })
    }

    fn pool(&self) -> Option<PoolState> {
        self.pool
    }

    fn server(&self) -> Option<PostgresServer> {
        let address = PostgresAddress::of_host("127.0.0.1", self.port?);
        Some(PostgresServer { address, user: "app".to_owned(), database: None })
    }
}

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
    assert_eq!(super::refused("57P03", "the database system is shutting down").reason(), "shutting_down");
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
