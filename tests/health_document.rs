//! The document of health checks says what the standard checks' settings come to.
#![cfg(all(
    feature = "disk",
    feature = "http-check",
    feature = "ibkr",
    feature = "redis-1",
    feature = "solana",
    feature = "sqlx-0_9",
    feature = "tls-check"
))]
#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use aistm7_monitoring::health::{
    BackupCheck, CheckOptions, DiskCheck, HealthCheck, HttpCheck, IbkrCheck, PostgresCheck, RedisCheck,
    RedisClusterCheck, RedisSentinelCheck, ServiceCheck, SolanaCheck, SolanaWebSocketCheck, TcpCheck,
    TlsCertificateCheck, TwsCheck, TwsNotices,
};

const DOCUMENT: &str = include_str!("../src/docs/health.md");

const MINUTE: Duration = Duration::from_secs(60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

#[tokio::test]
async fn health_document_says_how_soon_faults_are_seen_and_what_that_costs() {
    let pool = sqlx_0_9::PgPool::connect_lazy("postgres://localhost/none").unwrap();
    let redis = redis_1::Client::open("redis://localhost").unwrap();
    let manager = redis_1::aio::ConnectionManager::new_lazy_with_config(redis, Default::default()).unwrap();
    for (name, options) in [
        ("PostgresCheck", PostgresCheck::new(pool).defaults()),
        ("RedisCheck", RedisCheck::new(manager).defaults()),
        ("RedisClusterCheck", RedisClusterCheck::from_urls(["redis://a", "redis://b"]).unwrap().defaults()),
        ("RedisSentinelCheck", RedisSentinelCheck::from_urls("mymaster", ["redis://a"]).unwrap().defaults()),
        ("SolanaCheck", SolanaCheck::new("http://localhost").unwrap().defaults()),
        ("SolanaWebSocketCheck", SolanaWebSocketCheck::new("ws://localhost").unwrap().defaults()),
        ("IbkrCheck", IbkrCheck::client_portal("https://localhost/v1/api").unwrap().defaults()),
        ("IbkrFollower", IbkrCheck::follow("https://localhost/health/ibkr").unwrap().defaults()),
        ("TwsCheck", TwsCheck::passive(&TwsNotices::new()).defaults()),
        ("TcpCheck", TcpCheck::new("localhost:1").unwrap().defaults()),
        ("HttpCheck", HttpCheck::get("http://localhost").unwrap().defaults()),
        ("ServiceCheck", ServiceCheck::follow("http://localhost").unwrap().defaults()),
        ("DiskCheck", DiskCheck::new("/").defaults()),
        ("TlsCertificateCheck", TlsCertificateCheck::new("localhost:1").unwrap().defaults()),
        ("BackupCheck", BackupCheck::directory("/", "").defaults()),
    ] {
        let cells = cells_of(name);
        assert_eq!(cells[4..], figures(&options), "{name}");
        let shown = format!("{options:?}");
        for (cell, setting) in cells.iter().zip(["interval", "timeout", "failure_threshold", "recovery_threshold"]) {
            let value = cell.replace(" s", "s");
            let expected = format!("{setting}: Some({value})");
            assert!(shown.contains(&expected), "{name}: {expected} is not in {shown}");
        }
    }
}

#[tokio::test]
async fn health_document_says_what_a_fleet_costs_each_dependency() {
    let pool = sqlx_0_9::PgPool::connect_lazy("postgres://localhost/none").unwrap();
    let redis = redis_1::Client::open("redis://localhost").unwrap();
    let manager = redis_1::aio::ConnectionManager::new_lazy_with_config(redis, Default::default()).unwrap();
    for (dependency, calls, options) in [
        ("PostgreSQL, queries", 1, PostgresCheck::new(pool).defaults()),
        ("Redis, commands", 2, RedisCheck::new(manager).defaults()),
        ("Solana RPC, calls", 3, SolanaCheck::new("http://localhost").unwrap().defaults()),
        (
            "Client Portal gateway, requests",
            1,
            IbkrCheck::client_portal("https://localhost/v1/api").unwrap().defaults(),
        ),
        ("another URL, requests", 1, HttpCheck::get("http://localhost").unwrap().defaults()),
    ] {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| {dependency} |"))).expect("a row of it");
        let cells: Vec<_> = row.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned()).collect();
        let (minute, month) = (calls * options.runs_within(MINUTE), calls * options.runs_within(MONTH));
        let expected = [calls, minute, month, SERVICES * REPLICAS * minute, SERVICES * REPLICAS * month]
            .into_iter()
            .chain([SERVICES * minute, SERVICES * month, minute, month])
            .map(grouped);
        assert_eq!(cells, expected.collect::<Vec<_>>(), "{dependency}");
    }
}

/// The fleet of the document.
const SERVICES: u64 = 20;
const REPLICAS: u64 = 3;

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let places = digits.len();
    let with_comma = |(at, digit): (usize, char)| {
        (at > 0 && (places - at).is_multiple_of(3)).then_some(',').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(with_comma).collect()
}

#[test]
fn health_document_says_how_soon_solana_checks_see_what_takes_time() {
    let options = SolanaCheck::new("http://localhost").unwrap().defaults();
    let interval = Duration::from_secs(15);
    assert_eq!(cells_of("SolanaCheck")[0], "15 s");
    // As the runner has it: a whole interval, and a run that takes its timeout and blocks its thread.
    let failed = options.detected_within();
    let once = options.failure_threshold(1).detected_within();
    let run = once - interval;
    // The last new slot is seen by the next run; then it is the first run after the stall has lasted long enough, or
    // the one that makes them enough.
    let stalled = interval + (SolanaCheck::STALL + interval).max(interval * SolanaCheck::STALL_RUNS) + run;
    for (reason, status, expected) in [
        ("`slot_stalled`, `cluster_halted`", "unhealthy", stalled),
        ("`lags_reference`", "degraded", once),
        ("`lags_reference`", "unhealthy", failed),
        ("`block_time_lag`", "degraded", interval + once),
        ("`block_time_lag`", "unhealthy", interval + failed),
        // Asked for by the run after the one that sees the jump.
        ("`wrong_cluster`", "unhealthy", interval + once),
        // Three runs, none of which is a failure of the check, so that none comes sooner.
        ("`some_rpcs_bad`", "degraded", interval * 3 + run),
    ] {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| {reason} | {status} |")));
        let row = row.unwrap_or_else(|| panic!("a row of {reason}, {status}"));
        assert!(row.ends_with(&format!("| {} s |", expected.as_secs())), "{row}: {expected:?}");
    }
}

/// The cells after the name, of the row of one check.
fn cells_of(name: &str) -> Vec<String> {
    let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).expect("a row of the check");
    row.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()
}

/// Detected within, runs a minute, runs a month.
fn figures(options: &CheckOptions) -> [String; 3] {
    [
        format!("{} s", options.detected_within().as_secs_f64().ceil()),
        grouped(options.runs_within(MINUTE)),
        grouped(options.runs_within(MONTH)),
    ]
}
