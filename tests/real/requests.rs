//! A service that is asked without a pause while its stores are killed, frozen and brought back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::health::{CheckOptions, Impact, PostgresCheck, RedisCheck, Transition, Transitions};
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use redis_1::aio::ConnectionManager;
use sqlx_0_9::PgPool;
use sqlx_0_9::postgres::PgPoolOptions;

use crate::stores::SOON;
use crate::support::http;
use crate::support::poll::{eventually_async, poll};
use crate::support::port::loopback;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;

const STATUS: &str = "health_check_status";
const LAST_SUCCESS: &str = "health_check_last_success_timestamp_seconds";
const TRANSITIONS: &str = "health_check_transitions_total";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and Redis; run by tests/run"]
async fn every_request_is_answered_while_stores_come_and_go() {
    let (mut postgres, mut redis) = (Postgres::start(), Redis::start());
    let service = Service::start(&postgres, &redis, Impact::Degraded).await;
    let traffic = Traffic::start(service.address);
    service.until("healthy", &[]).await;
    traffic.goes_on().await;

    postgres.kill();
    service.until("degraded", &["database"]).await;
    service.assert_answers_without_asking("degraded");
    let last_success = service.metric(LAST_SUCCESS, &[("check", "database")]);
    service.runs_go_on().await;
    traffic.goes_on().await;
    assert_eq!(service.metric(LAST_SUCCESS, &[("check", "database")]), last_success);
    postgres.restart();
    service.until("healthy", &[]).await;
    assert!(service.metric(LAST_SUCCESS, &[("check", "database")]) > last_success);
    traffic.goes_on().await;

    redis.kill();
    service.until("degraded", &["cache"]).await;
    traffic.goes_on().await;
    redis.restart();
    service.until("healthy", &[]).await;
    traffic.goes_on().await;

    postgres.freeze();
    redis.freeze();
    service.until("degraded", &["cache", "database"]).await;
    service.assert_answers_without_asking("degraded");
    traffic.goes_on().await;
    postgres.thaw();
    redis.thaw();
    service.until("healthy", &[]).await;
    traffic.goes_on().await;

    let answers = traffic.stop();
    for path in ["/work", "/health", "/health/live", "/health/ready"] {
        assert_eq!(answers.statuses(path), [200], "{path}");
    }
    for path in ["/orders", "/prices"] {
        assert_eq!(answers.statuses(path), [200, 503], "{path} works while its store does");
    }
    let three_times = ["healthy", "degraded"].repeat(3);
    assert_eq!(answers.overall, [&three_times[..], &["healthy"]].concat());
    service.assert_counted(&answers);
    for check in ["database", "cache"] {
        let twice = [("unhealthy", Some("unreachable")), ("healthy", None)].repeat(2);
        service.assert_told_and_counted(check, &twice).await;
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL and Redis; run by tests/run"]
async fn store_that_the_service_cannot_do_without_makes_health_503_and_nothing_else() {
    let (mut postgres, redis) = (Postgres::start(), Redis::start());
    let service = Service::start(&postgres, &redis, Impact::Unhealthy).await;
    let traffic = Traffic::start(service.address);
    service.until("healthy", &[]).await;
    traffic.goes_on().await;

    postgres.kill();
    service.until("unhealthy", &["database"]).await;
    traffic.goes_on().await;
    postgres.restart();
    service.until("healthy", &[]).await;
    traffic.goes_on().await;
    postgres.freeze();
    service.until("unhealthy", &["database"]).await;
    service.assert_answers_without_asking("unhealthy");
    traffic.goes_on().await;

    let answers = traffic.stop();
    assert_eq!(answers.statuses("/health"), [200, 503]);
    for path in ["/work", "/prices", "/health/live", "/health/ready"] {
        assert_eq!(answers.statuses(path), [200], "{path}");
    }
    assert_eq!(answers.overall, ["healthy", "unhealthy", "healthy", "unhealthy"]);
    service.assert_counted(&answers);
    // The way out does not wait for a frozen store either.
    service.stop().await;
}

/// A service with a database and a cache, served over real sockets.
struct Service {
    monitoring: Monitoring,
    address: SocketAddr,
    told: Arc<Mutex<Vec<Transition>>>,
    served: tokio::task::JoinHandle<()>,
}

impl Service {
    async fn start(postgres: &Postgres, redis: &Redis, impact: Impact) -> Self {
        let pool = PgPoolOptions::new().max_connections(5).connect(&postgres.url()).await.expect("the server works");
        let client = redis_1::Client::open(redis.url()).expect("the URL is good");
        let manager = ConnectionManager::new(client).await.expect("the server works");
        // What a usual schedule shows within minutes.
        let often = CheckOptions::new().interval(Duration::from_millis(100)).stale_after(SOON);
        let monitoring = Monitoring::builder("under-test")
            .environment("test")
            .variables(Variables::from([]))
            .drain_delay(Duration::ZERO)
            .check_with("database", PostgresCheck::new(pool.clone()), often.clone().impact(impact))
            .check_with("cache", RedisCheck::new(manager.clone()), often)
            .build()
            .expect("all settings are valid");
        let told = keep(monitoring.health().subscribe());
        let app = Router::new()
            .route("/work", get("done"))
            .route("/orders", get(move || orders(pool.clone())))
            .route("/prices", get(move || prices(manager.clone())))
            .merge(monitoring.routes())
            .layer(monitoring.http_layer());
        let listener = tokio::net::TcpListener::bind(loopback(0)).await.expect("the kernel finds a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let server = monitoring.clone();
        let served = tokio::spawn(async move {
            server.serve(listener, app).await.expect("signals can be listened for");
        });
        Self { monitoring, address, told, served }
    }

    /// Waits until `/health` and `/metrics` both say that this is the status of the whole, and that exactly these checks
    /// are unhealthy.
    async fn until(&self, overall: &str, unhealthy: &[&str]) {
        eventually_async(SOON, async || {
            let health = tokio::task::block_in_place(|| http::get(self.address, "/health", &[])).expect("an answer");
            assert_eq!(health.status == 503, health.json()["status"] == "unhealthy");
            let body = health.json();
            let mut is_so = body["status"] == overall;
            for (check, dependency) in [("cache", "redis"), ("database", "database")] {
                let status = if unhealthy.contains(&check) { "unhealthy" } else { "healthy" };
                let labels = [("check", check), ("dependency", dependency), ("status", status)];
                is_so &= body["checks"][check]["status"] == status && self.metric(STATUS, &labels) == 1.0;
            }
            if is_so { Ok(()) } else { Err(format!("{body} instead of {overall} for {unhealthy:?}")) }
        })
        .await;
    }

    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.monitoring.registry().snapshot().value(name, labels).expect("it is set")
    }

    /// Runs of both checks that have ended.
    fn runs(&self) -> f64 {
        self.monitoring.registry().snapshot().sum("health_check_duration_seconds", &[]).expect("it is there")
    }

    /// Waits for a few more runs of both checks.
    async fn runs_go_on(&self) {
        let enough = self.runs() + 5.0;
        let more = || if self.runs() >= enough { Ok(()) } else { Err("no more runs") };
        eventually_async(SOON, async || more()).await;
    }

    /// Asks `/health` many times in a row. If an answer waited for a run of a check, there would be as many runs.
    #[track_caller]
    fn assert_answers_without_asking(&self, overall: &str) {
        const TIMES: u32 = 200;
        let runs_before = self.runs();
        for _ in 0..TIMES {
            let health = tokio::task::block_in_place(|| http::get(self.address, "/health", &[])).expect("an answer");
            assert_eq!(health.json()["status"], overall);
        }
        let runs = self.runs() - runs_before;
        assert!(runs < f64::from(TIMES), "{runs} runs");
    }

    /// Each request to the application is counted once, with the status that its client saw.
    fn assert_counted(&self, answers: &Answers) {
        let snapshot = self.monitoring.registry().snapshot();
        for ((path, status), count) in &answers.count {
            if path.starts_with("/health") {
                continue;
            }
            let counted = snapshot.sum("api_requests_total", &[("route", path), ("status", &status.to_string())]);
            assert_eq!(counted, Some(*count as f64), "{path} {status}");
        }
    }

    /// Subscribers were told these changes of a check's status and reason, and the metrics count the same.
    async fn assert_told_and_counted(&self, check: &str, expected: &[(&str, Option<&str>)]) {
        eventually_async(SOON, async || {
            let told = self.told.lock().expect("no panic while locked");
            let of_check = told.iter().filter(|transition| &*transition.check == check);
            let told: Vec<_> = of_check.map(|transition| (transition.to.as_str(), transition.reason)).collect();
            if told == expected { Ok(()) } else { Err(format!("{check}: {told:?}")) }
        })
        .await;
        for to in ["healthy", "degraded", "unhealthy"] {
            let times = expected.iter().filter(|(status, _)| *status == to).count();
            assert_eq!(self.metric(TRANSITIONS, &[("check", check), ("to", to)]), times as f64, "{check} {to}");
        }
    }

    async fn stop(self) {
        self.monitoring.stop();
        tokio::time::timeout(SOON, self.served).await.expect("serving ends").expect("without a panic");
    }
}

/// Keeps every transition from now on.
fn keep(mut transitions: Transitions) -> Arc<Mutex<Vec<Transition>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&told);
    tokio::spawn(async move {
        while let Some(transition) = transitions.next().await {
            kept.lock().expect("no panic while locked").push(transition);
        }
    });
    told
}

/// How long a handler waits for its store.
const HANDLER_LIMIT: Duration = Duration::from_millis(300);

async fn orders(pool: PgPool) -> StatusCode {
    let asked = sqlx_0_9::query_scalar::<_, i32>("SELECT 7").fetch_one(&pool);
    code(tokio::time::timeout(HANDLER_LIMIT, asked).await.is_ok_and(|answer| answer.is_ok()))
}

async fn prices(mut manager: ConnectionManager) -> StatusCode {
    let asked = async { redis_1::cmd("GET").arg("price").query_async::<Option<i32>>(&mut manager).await };
    code(tokio::time::timeout(HANDLER_LIMIT, asked).await.is_ok_and(|answer| answer.is_ok()))
}

fn code(works: bool) -> StatusCode {
    if works { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

const PATHS: [&str; 6] = ["/work", "/orders", "/prices", "/health", "/health/live", "/health/ready"];

/// Clients that ask without a pause, one for each path. A request without an answer ends its client with a panic.
struct Traffic {
    stopped: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
    clients: Vec<JoinHandle<()>>,
}

/// What clients were told.
#[derive(Clone, Default)]
struct Answers {
    count: BTreeMap<(&'static str, u16), u64>,
    /// The statuses of the whole in the order in which they were seen, each once in a row.
    overall: Vec<String>,
}

impl Answers {
    fn statuses(&self, path: &str) -> Vec<u16> {
        self.count.keys().filter(|(of, _)| *of == path).map(|(_, status)| *status).collect()
    }

    fn of(&self, path: &str) -> u64 {
        self.count.iter().filter(|((of, _), _)| *of == path).map(|(_, count)| count).sum()
    }

    fn add(&mut self, path: &'static str, answer: &http::Response) {
        *self.count.entry((path, answer.status)).or_default() += 1;
        if path == "/health" {
            let status = answer.json()["status"].as_str().expect("a text").to_owned();
            if self.overall.last() != Some(&status) {
                self.overall.push(status);
            }
        }
    }
}

impl Traffic {
    fn start(address: SocketAddr) -> Self {
        // Before the first result of every check the status is degraded, and ready says no.
        let started = || match http::get(address, "/health/ready", &[]) {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(other),
        };
        poll(SOON, started).expect("the service starts");
        let (stopped, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Answers::default())));
        let client = |path| {
            let (stopped, answers) = (Arc::clone(&stopped), Arc::clone(&answers));
            thread::spawn(move || {
                let ask = || {
                    let answer = http::get(address, path, &[]).unwrap_or_else(|error| panic!("{path}: {error}"));
                    answers.lock().expect("no client panics while it counts").add(path, &answer);
                    // Relaxed: one more request does not matter.
                    if stopped.load(Ordering::Relaxed) { Ok(()) } else { Err(()) }
                };
                poll(Duration::from_secs(3600), ask).expect("the test ends before");
            })
        };
        Self { clients: PATHS.map(client).into(), stopped, answers }
    }

    fn so_far(&self) -> Answers {
        self.answers.lock().expect("no client panics while it counts").clone()
    }

    /// Waits until every client has had a few more answers.
    async fn goes_on(&self) {
        let before = self.so_far();
        eventually_async(SOON, async || {
            let now = self.so_far();
            let waiting: Vec<_> = PATHS.into_iter().filter(|path| now.of(path) < before.of(path) + 10).collect();
            if waiting.is_empty() { Ok(()) } else { Err(format!("no answers for {waiting:?}")) }
        })
        .await;
    }

    /// Lets every request have its answer.
    fn stop(self) -> Answers {
        self.stopped.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("every request is answered");
        }
        let answers = self.answers.lock().expect("no client runs");
        answers.clone()
    }
}
