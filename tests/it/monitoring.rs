//! The paved path: what is refused at build, who the process is, which routes there are, and how it all ends.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::endpoint::HealthPaths;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, HealthError, Impact, check_fn};
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::metrics::{Counter, Definition, DefinitionError, Family, Limits};
use aistm7_monitoring::monitoring::{BuildError, MonitoringBuilder, ServeError, Variables, Workload};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;

use crate::client;
use crate::service::{
    A_LONG_TIME, Lines, all_lines, builder, builder_logging, line, log_here, monitoring, serve, settled, until,
};

fn works() -> impl HealthCheck {
    check_fn(async || Ok(CheckReport::healthy()))
}

fn fails() -> impl HealthCheck {
    check_fn(async || Err(CheckFailure::new("refused", "the books are closed")))
}

fn fresh() -> MonitoringBuilder {
    builder(&Lines::default())
}

fn with_variable(name: &'static str, value: &'static str) -> MonitoringBuilder {
    fresh().variables(Variables::from([(name, value)]))
}

/// An error's text and those of its causes.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[tokio::test]
async fn bad_settings_are_refused_with_the_value_and_the_rule() {
    let name_rule = "1 to 63 of a-z, 0-9";
    let cases: Vec<(MonitoringBuilder, &str, &str)> = vec![
        (
            Monitoring::builder("Risk Analysis").variables(Variables::from([])),
            "service name \"Risk Analysis\"",
            name_rule,
        ),
        (Monitoring::builder("").variables(Variables::from([])), "service name \"\"", name_rule),
        (with_variable("AISTM7_SERVICE", "a/b"), "service name \"a/b\"", name_rule),
        (with_variable("OTEL_SERVICE_NAME", "a\nb"), r#"service name "a\nb""#, name_rule),
        (with_variable("AISTM7_ENVIRONMENT", "pro d"), "environment \"pro d\"", name_rule),
        (fresh().environment("ünder"), "environment \"ünder\"", name_rule),
        (with_variable("AISTM7_VERSION", "1 2"), "version \"1 2\"", "visible ASCII"),
        (with_variable("AISTM7_REVISION", "\u{7f}"), r#"revision "\u{7f}""#, "visible ASCII"),
        (with_variable("AISTM7_REPLICAS", "many"), "AISTM7_REPLICAS \"many\"", "a whole number from 1"),
        (fresh().replicas(0), "replicas \"0\"", "a whole number from 1"),
        (with_variable("OTEL_RESOURCE_ATTRIBUTES", "no-value"), "OTEL_RESOURCE_ATTRIBUTES \"no-value\"", "key=value"),
        (with_variable("AISTM7_ADMIN_ADDR", "localhost"), "AISTM7_ADMIN_ADDR \"localhost\"", "127.0.0.1:9464"),
        (with_variable("RUST_LOG", "info,sqlx=loud"), "RUST_LOG directive \"sqlx=loud\"", "error, warn, info"),
        (builder_logging(|log| log.budget_bytes(10)), "log budget in bytes \"10\"", "at least 65536"),
        (fresh().drain_delay(A_LONG_TIME), "drain delay of 3600s", "shorten one or lengthen the other"),
        (fresh().check("Data Base", works()), "check name \"Data Base\"", name_rule),
        (fresh().check("live", works()), "check name \"live\"", "another name"),
        (fresh().check("ready", works()), "check name \"ready\"", "another name"),
        (fresh().check("startup", works()), "check name \"startup\"", "another name"),
        (
            fresh().check("a", works()).check("b", works()).check("a", works()),
            "check name \"a\" is given twice",
            "another",
        ),
        (
            fresh().check_with("a", works(), CheckOptions::new().interval(Duration::ZERO)),
            "check \"a\" cannot run as set: interval \"0s\"",
            "longer than nothing",
        ),
        (
            fresh().check_with("a", works(), CheckOptions::new().dependency("Main DB")),
            "dependency name \"Main DB\"",
            name_rule,
        ),
    ];
    for (builder, value, rule) in cases {
        let refused = builder.build().expect_err(value);
        let text = chain(&refused);
        assert!(text.contains(value) && text.contains(rule), "{text}");
        assert!(!text.contains('\n'), "one line: {text}");
    }
}

#[test]
fn checks_without_a_runtime_are_refused_and_no_checks_need_none() {
    let refused = fresh().check("database", works()).build().unwrap_err();
    assert!(matches!(refused, BuildError::Health(HealthError::NoRuntime)), "{refused}");
    assert!(refused.to_string().contains("build inside one"), "{refused}");
    assert_eq!(fresh().build().unwrap().health().ready().code, 200);
}

#[test]
fn bad_metrics_of_the_service_are_refused_by_name() {
    static BAD_NAME: Definition = Definition::counter("orders-placed_total", "x");
    static NO_TOTAL: Definition = Definition::counter("orders", "x");
    static BAD_LABEL: Definition = Definition::counter("orders_total", "x").labels(&["le"]);
    static TAKEN: Definition = Definition::counter("api_requests_total", "x").labels(&["method"]);
    let meter = monitoring().meter();
    let refused = [
        meter.counter::<0>(&BAD_NAME).map(drop),
        meter.counter::<0>(&NO_TOTAL).map(drop),
        meter.counter::<1>(&BAD_LABEL).map(drop),
        meter.counter::<1>(&TAKEN).map(drop),
    ];
    let names = ["orders-placed_total", "orders", "orders_total", "api_requests_total"];
    for (refused, name) in refused.into_iter().zip(names) {
        let refused: DefinitionError = refused.expect_err(name);
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[tokio::test]
async fn admin_address_that_cannot_be_had_is_a_typed_error() {
    let monitoring = monitoring();
    let none = monitoring.serve_admin("nowhere").await.unwrap_err();
    assert!(matches!(none, ServeError::Address(_)) && none.to_string().contains("\"nowhere\""), "{none}");

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = monitoring.serve_admin(&address).await.unwrap_err();
    assert!(matches!(refused, ServeError::Bind { .. }), "{refused}");
    assert!(refused.to_string().contains(&address) && refused.source().is_some(), "{refused}");
}

#[tokio::test]
async fn admin_address_of_the_environment_overrides_code() {
    let monitoring = with_variable("AISTM7_ADMIN_ADDR", "127.0.0.1:0").build().unwrap();
    // Would be refused.
    let admin = monitoring.serve_admin("nowhere").await.unwrap();
    assert_eq!(client::get(admin.local_addr(), "/metrics").await.status, 200);
}

#[tokio::test]
async fn identity_is_in_service_info_environment_over_code() {
    let from_code = || fresh().environment("Production").version("1.2.3").revision("abc").workload(Workload::Batch);
    let from_environment = [
        ("AISTM7_SERVICE", "named"),
        ("AISTM7_ENVIRONMENT", "stage"),
        ("AISTM7_VERSION", "2"),
        ("AISTM7_REVISION", "def"),
    ];
    let otel = [
        ("OTEL_SERVICE_NAME", "otel"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.version=3%2E1,deployment.environment=qa"),
    ];
    let said = std::process::Command::new("rustc").arg("--version").output().unwrap();
    let rustc = String::from_utf8(said.stdout).unwrap().split(' ').nth(1).unwrap().to_owned();
    for (builder, [service, environment, version, revision]) in [
        (from_code(), ["under-test", "prod", "1.2.3", "abc"]),
        (from_code().variables(Variables::from(from_environment)), ["named", "staging", "2", "def"]),
        (from_code().variables(Variables::from(otel)), ["otel", "qa", "3.1", "abc"]),
    ] {
        let monitoring = builder.build().unwrap();
        let labels = [
            ("service", service),
            ("environment", environment),
            ("version", version),
            ("revision", revision),
            ("crate_version", env!("CARGO_PKG_VERSION")),
            ("catalog", env!("CARGO_PKG_VERSION")),
            ("workload", "batch"),
            ("rustc", &*rustc),
        ];
        assert_eq!(monitoring.registry().snapshot().value("service_info", &labels), Some(1.0), "{labels:?}");
        assert_eq!(monitoring.identity().service, service);
    }
}

#[tokio::test]
async fn unset_environment_is_dev_and_says_so_once() {
    let lines = Lines::default();
    let sink = lines.clone();
    let monitoring = Monitoring::builder("alone")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(sink))))
        .build()
        .unwrap();
    assert_eq!(monitoring.identity().environment, "dev");
    let lines = all_lines(&monitoring, &lines).await;
    let line = &lines[0];
    assert_eq!((lines.len(), &line["level"], &line["service"]), (1, &"WARN".into(), &"alone".into()));
    assert!(line["message"].as_str().unwrap().contains("AISTM7_ENVIRONMENT"), "{line}");
}

#[tokio::test]
async fn two_monitorings_in_one_process_do_not_see_each_other() {
    let (lines, other_lines) = (Lines::default(), Lines::default());
    let one = builder(&lines).check("of-one", works()).build().unwrap();
    let other = builder(&other_lines).build().unwrap();
    let app = |monitoring: &Monitoring| {
        Router::new().route("/", get("hello")).merge(monitoring.routes()).layer(monitoring.http_layer())
    };
    let (address, other_address) = (serve(app(&one)).await, serve(app(&other)).await);
    for _ in 0..3 {
        client::get(address, "/").await;
    }
    client::get(other_address, "/").await;
    {
        let _subscriber = log_here(&other);
        tracing::info!("for the other");
    }
    one.risk().model("var").start().ok();
    assert_eq!(settled(&one, 3).await.len(), 1);
    assert_eq!(settled(&other, 1).await.len(), 1);
    let has_model = |monitoring: &Monitoring| monitoring.registry().render().contains("model=\"var\"");
    assert!(has_model(&one) && !has_model(&other));
    assert!(client::get(address, "/health").await.text().contains("of-one"));
    assert_eq!(client::get(other_address, "/health").await.json(), json!({"status": "healthy", "checks": {}}));

    started(&one).await;
    let _ = other.shutdown(Duration::ZERO).await;
    assert_eq!((one.health().ready().code, other.health().ready().code), (200, 503));
    assert_eq!(line(&all_lines(&other, &other_lines).await, "for the other")["level"], "INFO");
    let own = all_lines(&one, &lines).await;
    assert!(!own.iter().any(|line| line["message"] == "for the other"), "{own:?}");
}

#[tokio::test]
async fn request_through_the_layers_of_two_monitorings_is_counted_by_each() {
    let (one, other) = (monitoring(), monitoring());
    let app = Router::new().route("/", get("hello")).layer(one.http_layer()).layer(other.http_layer());
    client::get(serve(app).await, "/").await;
    for monitoring in [one, other] {
        assert_eq!(settled(&monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET / 200 ok"]);
    }
}

#[tokio::test]
async fn routes_merge_into_a_router_with_state() {
    #[derive(Clone)]
    struct Greeting(&'static str);

    let monitoring = fresh().check("works", works()).build().unwrap();
    let app: Router = Router::new()
        .route("/", get(async |State(Greeting(text)): State<Greeting>| text))
        .merge(monitoring.routes())
        .nest("/admin", monitoring.admin_routes())
        .with_state(Greeting("hello"));
    started(&monitoring).await;
    let address = serve(app).await;
    assert_eq!(client::get(address, "/").await.text(), "hello");
    for (path, body) in [
        ("/health", json!({"status": "healthy", "checks": {"works": {"status": "healthy"}}})),
        ("/health/works", json!({"status": "healthy"})),
        ("/health/live", json!({"status": "live"})),
        ("/health/ready", json!({"status": "ready"})),
        ("/health/startup", json!({"status": "started"})),
    ] {
        let response = client::get(address, path).await;
        assert_eq!((response.status, response.json()), (200, body), "{path}");
        assert_eq!(response.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(response.header("cache-control"), Some("no-store"), "{path}");
    }
    assert_eq!(client::get(address, "/admin/health/works").await.status, 200);
}

async fn started(monitoring: &Monitoring) {
    until("first results", || monitoring.health().report().is_started().then_some(())).await;
}

#[tokio::test]
async fn health_paths_can_be_renamed_and_switched_off() {
    let renamed = fresh().health_paths(HealthPaths::at("/internal/status").unwrap()).build().unwrap();
    let off = fresh().health_paths(HealthPaths::off()).build().unwrap();
    let serving = async |monitoring: &Monitoring| {
        let app = Router::new().merge(monitoring.routes()).layer(monitoring.http_layer());
        (serve(app).await, monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr())
    };
    let (of_renamed, of_off) = (serving(&renamed).await, serving(&off).await);
    let found = async |(public, admin): (SocketAddr, SocketAddr), path: String| {
        (client::get(public, &path).await.status, client::get(admin, &path).await.status)
    };
    for below in ["", "/live", "/ready", "/startup"] {
        assert_eq!(found(of_renamed, format!("/internal/status{below}")).await, (200, 200), "{below}");
        assert_eq!(found(of_renamed, format!("/health{below}")).await, (404, 404), "{below}");
        assert_eq!(found(of_off, format!("/health{below}")).await, (404, 404), "{below}");
    }
    assert_eq!(client::get(of_off.1, "/metrics").await.status, 200);
    // The renamed ones are not measured either: these are the four that were not found.
    assert_eq!(settled(&renamed, 4).await.into_keys().collect::<Vec<_>>(), ["GET _unmatched 404 client_error"]);
}

#[tokio::test]
async fn own_endpoints_and_named_routes_are_not_measured() {
    let monitoring = fresh().unmeasured("/internal/{part}").build().unwrap();
    let app = Router::new()
        .route("/", get("hello"))
        .route("/internal/{part}", get("hush"))
        .merge(monitoring.routes())
        .layer(monitoring.http_layer());
    let address = serve(app).await;
    for path in ["/health", "/health/live", "/health/ready", "/health/startup", "/internal/a", "/internal/b", "/"] {
        let response = client::get(address, path).await;
        assert_eq!(response.status, 200, "{path}");
        assert!(response.header("x-request-id").is_some(), "{path} is traced all the same");
    }
    assert_eq!(settled(&monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET / 200 ok"]);
}

#[tokio::test]
async fn admin_routes_answer_with_metrics_and_details() {
    let unhealthy = CheckOptions::new().failure_threshold(1).impact(Impact::Unhealthy);
    let monitoring = fresh().check("works", works()).check_with("books", fails(), unhealthy).build().unwrap();
    started(&monitoring).await;
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();

    let metrics = client::get(admin, "/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(metrics.header("cache-control"), Some("no-store"));
    assert!(
        metrics.text().contains("\nhealth_check_status{check=\"books\",dependency=\"books\",status=\"unhealthy\"} 1\n")
    );
    assert!(metrics.text().ends_with('\n'));
    let again = client::get(admin, "/metrics").await;
    assert!(again.text().contains("\nmonitoring_scrape_duration_seconds_count 1\n"), "a scrape is measured");

    let health = client::get(admin, "/health").await;
    assert_eq!((health.status, &health.json()["status"]), (503, &json!("unhealthy")));
    let books = &health.json()["checks"]["books"];
    assert_eq!((&books["reason"], &books["message"]), (&json!("refused"), &json!("the books are closed")));
    for (method, path, status) in [
        ("GET", "/health/works", 200),
        ("GET", "/health/books", 503),
        ("GET", "/health/none", 404),
        ("GET", "/health/live", 200),
        ("GET", "/health/ready", 200),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/health", 405),
    ] {
        assert_eq!(client::request(admin, method, path, &[]).await.status, status, "{method} {path}");
    }
    for path in ["/metrics", "/health/works"] {
        let head = client::request(admin, "HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert!(head.header("content-length").is_some(), "{path}");
    }
    // Nobody measures the admin server.
    assert_eq!(monitoring.registry().snapshot().sum("api_requests_started_total", &[]), None);
}

/// Something that a thread or task of the crate holds, and whether it still does.
fn held() -> (Arc<()>, Weak<()>) {
    let held = Arc::new(());
    let watched = Arc::downgrade(&held);
    (held, watched)
}

#[tokio::test]
async fn dropping_the_last_clone_ends_its_threads_and_tasks_and_closes_its_port() {
    struct HoldingSink(#[allow(dead_code, reason = "held until the writer ends")] Arc<()>);

    impl std::io::Write for HoldingSink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let ((by_sink, sink), (by_check, check)) = (held(), held());
    let checking = check_fn(move || {
        let _held = Arc::clone(&by_check);
        async { Ok(CheckReport::healthy()) }
    });
    let monitoring = builder_logging(move |log| log.sink(Sink::Writer(Box::new(HoldingSink(by_sink)))))
        .check("works", checking)
        .build()
        .unwrap();
    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap();
    let clone = monitoring.clone();
    drop(monitoring);
    assert_eq!(client::get(admin.local_addr(), "/health").await.status, 200);
    assert!(sink.upgrade().is_some() && check.upgrade().is_some());

    // Layers and routes do not keep it alive either.
    let (layer, log_layer) = (clone.http_layer(), clone.log_layer());
    drop(clone);
    until("the writer's end", || sink.upgrade().is_none().then_some(())).await;
    until("the schedule's end", || check.upgrade().is_none().then_some(())).await;
    crate::poll::eventually_async(client::PATIENCE, async || {
        match tokio::net::TcpStream::connect(admin.local_addr()).await {
            Ok(_) => Err("the admin port is open"),
            Err(_) => Ok(()),
        }
    })
    .await;
    drop((layer, log_layer));
}

#[tokio::test]
async fn counters_of_closed_sets_exist_at_zero_from_build() {
    static ORDERS: Definition = Definition::counter("orders_total", "Orders.").labels(&["side"]);
    let monitoring = monitoring();
    let orders: Family<Counter, 1> = monitoring.meter().counter(&ORDERS).unwrap();
    orders.series(["buy".into()]).increment();
    let text = monitoring.registry().render();
    for line in [
        "orders_total{side=\"buy\"} 1",
        "log_lines_dropped_total{reason=\"buffer_full\",sink=\"writer\"} 0",
        "monitoring_problems_total{problem=\"series_overflow\"} 0",
        "api_connections_total{outcome=\"aborted\"} 0",
        "api_event_streams_ended_total 0",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
}

#[tokio::test]
async fn settings_of_the_registry_are_the_builders() {
    const AFTER: Duration = Duration::from_secs(60);
    static ORDERS: Definition = Definition::counter("orders_total", "Orders.").labels(&["side"]);
    let clock = ManualClock::new();
    let monitoring = fresh()
        .clock(clock.clock())
        .limits(Limits { per_family: 1, in_all: 1_000 })
        .expire_idle_series_after(AFTER)
        .build()
        .unwrap();
    let orders: Family<Counter, 1> = monitoring.meter().counter(&ORDERS).unwrap();
    for side in ["buy", "sell"] {
        orders.series([side.into()]).increment();
    }
    let text = monitoring.registry().render();
    assert!(text.contains("orders_total{side=\"buy\"} 1\n"), "{text}");
    assert!(text.contains("orders_total{otel_metric_overflow=\"true\"} 1\n"), "{text}");
    clock.advance(AFTER);
    let text = monitoring.registry().render();
    assert!(!text.contains("side=\"buy\""), "nobody holds it and it was shown: {text}");
}

#[cfg(feature = "protobuf")]
#[tokio::test]
async fn native_histograms_of_no_histogram_are_refused() {
    let build = |name: &str| fresh().native_histograms(["api_response_time_seconds", name]).build();
    assert!(build("risk_model_execution_duration_seconds").is_ok());
    let unknown = build("api_response_tme_seconds").unwrap_err();
    assert!(matches!(unknown, BuildError::Definition(DefinitionError::Unknown { .. })), "{unknown}");
    let counter = build("api_requests_total").unwrap_err();
    assert_eq!(counter.to_string(), "metric \"api_requests_total\" is a counter, not a histogram");
}
