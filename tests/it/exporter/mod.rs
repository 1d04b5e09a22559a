//! Two services do the same work. One keeps its numbers, one reports them to the exporter of its host: side by side they
//! show the same, and what differs is named here.

mod page;

use std::convert::Infallible;
use std::fmt::Display;
use std::future::pending;
use std::time::{Duration, SystemTime};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::portfolio::{Component, DataCheck, Reference};
use aistm7_monitoring::business::token::{Basis, Decision, GraceCause, GraceCounts, GraceResult};
use aistm7_monitoring::business::{FailureReason, Fault};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, check_fn};
use aistm7_monitoring::http::websocket::{WebSocket, WebSocketUpgrade};
use aistm7_monitoring::metrics::{Definition, Family, Histogram, HostRecorder, Kind, Unit};
use aistm7_monitoring::monitoring::{BuildError, MonitoringBuilder, exporter};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tower::{Layer, ServiceExt, service_fn};

use self::page::Page;
use crate::client::{PATIENCE, Raw, get as ask, request, within};
use crate::poll::eventually_async;
use crate::service::{A_LONG_TIME, Lines, builder, log_here, until};

static ORDER_SIZE: Definition =
    Definition::histogram("order_size_bytes", "Sizes of orders.").unit(Unit::Bytes).edges(&[100.0, 1_000.0]);

/// A service and how its numbers are seen.
struct Side {
    monitoring: Monitoring,
    clock: ManualClock,
    render: Box<dyn Fn() -> String>,
}

fn recorder() -> PrometheusRecorder {
    exporter::configure(PrometheusBuilder::new(), &[&ORDER_SIZE]).unwrap().build_recorder()
}

fn with_checks(clock: &ManualClock) -> MonitoringBuilder {
    let options = || CheckOptions::new().initial_delay(Duration::ZERO).interval(A_LONG_TIME * 24).failure_threshold(1);
    builder(&Lines::default())
        .clock(clock.clock())
        .check_with("database", check_fn(async || Ok(CheckReport::healthy())), options())
        .check_with("broker", check_fn(async || Err(CheckFailure::new("refused", "closed"))), options())
}

impl Side {
    fn ours() -> Self {
        let clock = ManualClock::new();
        let monitoring = with_checks(&clock).build().unwrap();
        let registry = monitoring.registry().clone();
        Self { monitoring, clock, render: Box::new(move || registry.render()) }
    }

    fn hosted() -> Self {
        let (clock, recorder) = (ManualClock::new(), recorder());
        let handle = recorder.handle();
        let monitoring = with_checks(&clock).report_to(HostRecorder::new(recorder)).build().unwrap();
        Self { monitoring, clock, render: Box::new(move || handle.render()) }
    }

    fn page(&self) -> Page {
        Page::parse(&(self.render)())
    }

    /// Waits until a series has a value.
    async fn shows(&self, series: &'static str, value: f64) {
        until(series, || self.page().value(series).filter(|shown| *shown == value)).await;
    }

    fn app(&self) -> Router {
        let clock = self.clock.clone();
        let slowly = async move |millis, answer: StatusCode| {
            clock.advance(Duration::from_millis(millis));
            answer
        };
        let (quick, edge, slow) = (slowly.clone(), slowly.clone(), slowly);
        Router::new()
            .route("/orders/{id}", get(async move || quick(3, StatusCode::OK).await))
            .route("/edge", get(async move || edge(250, StatusCode::NOT_FOUND).await))
            .route("/slow", get(async move || slow(12_345, StatusCode::INTERNAL_SERVER_ERROR).await))
            .route("/hangs", get(pending::<()>))
            .route("/ws", any(echo))
            .merge(self.monitoring.routes())
            .layer(self.monitoring.http_layer())
    }
}

async fn echo(upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

struct TooNew;

impl FailureReason for TooNew {
    fn reason(&self) -> &'static str {
        "insufficient-data"
    }

    fn fault(&self) -> Fault {
        Fault::User
    }
}

/// Everything that leaves numbers, in the same order on either side.
async fn work(side: &Side) {
    let _log = log_here(&side.monitoring);
    side.shows("health_check_status{check=\"database\",dependency=\"database\",status=\"healthy\"}", 1.0).await;
    side.shows("health_check_status{check=\"broker\",dependency=\"broker\",status=\"unhealthy\"}", 1.0).await;
    tracing::info!("The market opens");
    tracing::error!(portfolio = "user123", "Valuation failed");
    requests(side).await;
    calls(side).await;
    business(side);
    let sizes: Family<Histogram, 0> = side.monitoring.meter().histogram(&ORDER_SIZE).unwrap();
    [12.5, 100.0, 5_000.0, f64::NAN].into_iter().for_each(|size| sizes.series([]).record(size));
}

async fn requests(side: &Side) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (listener, app) = (side.monitoring.listener(listener), side.app());
    tokio::spawn(async move { axum::serve(listener, app).await });

    for _ in 0..20 {
        ask(address, "/orders/1").await;
    }
    for (method, path) in [("GET", "/edge"), ("GET", "/slow"), ("POST", "/edge"), ("PURGE", "/nowhere"), ("GET", "/a")]
    {
        request(address, method, path, &[]).await;
    }
    let leaves = Raw::requesting(address, "GET", "/hangs").await;
    side.shows("api_in_flight_requests{method=\"GET\",route=\"/hangs\"}", 1.0).await;
    side.shows("api_active_connections", 1.0).await;
    drop(leaves);
    side.shows("api_in_flight_requests{method=\"GET\",route=\"/hangs\"}", 0.0).await;

    let stream = TcpStream::connect(address).await.unwrap();
    let (mut socket, _) = within(client_async("ws://test/ws", stream)).await.unwrap();
    socket.send(Message::text("price?")).await.unwrap();
    within(socket.next()).await.unwrap().unwrap();
    side.clock.advance(Duration::from_millis(1_700));
    side.shows("websocket_active_connections{route=\"/ws\"}", 1.0).await;
    within(socket.close(None)).await.unwrap();
    while within(socket.next()).await.is_some() {}
    side.shows("websocket_active_connections{route=\"/ws\"}", 0.0).await;
    side.shows("api_active_connections", 0.0).await;
}

/// To another service.
async fn calls(side: &Side) {
    let clock = side.clock.clone();
    let peer = service_fn(async |request: Request<()>| {
        clock.advance(Duration::from_millis(90));
        match request.uri().path() {
            "/refused" => Err("refused"),
            _ => Ok(Response::new(())),
        }
    });
    let client = side.monitoring.client("broker").layer(peer);
    for path in ["/", "/refused"] {
        let _ = client.clone().oneshot(Request::get(path).body(()).unwrap()).await;
    }
}

fn business(side: &Side) {
    let (portfolio, risk, token) = (side.monitoring.portfolio(), side.monitoring.risk(), side.monitoring.token());
    portfolio.updates("price-feed").ok();
    portfolio.freshness("price-feed").expect_every(Duration::from_millis(1_500));
    portfolio.data_checks("ibkr", Reference::BrokerLive).record(DataCheck::Mismatch { deviation: 0.0123 });
    portfolio.open_breaks(Reference::BrokerLive, Component::Cash).set(3);
    let calculation = portfolio.calculation("valuation");
    for millis in [1, 40, 700, 90_000] {
        let timer = calculation.start();
        side.clock.advance(Duration::from_millis(millis));
        timer.ok();
    }
    let var = risk.model("historical-var");
    let _: Result<(), _> = var.execute(|| Err(TooNew));
    for _ in 0..5 {
        var.add_cpu_time(Duration::from_millis(777));
    }
    let nightly = risk.batch("nightly");
    nightly.set_deadline(SystemTime::UNIX_EPOCH + A_LONG_TIME);
    nightly.expect_items(4);
    nightly.execute(|| Ok::<_, Infallible>(())).unwrap();
    let running = nightly.start();
    token.price_updates("SOL", "pyth").ok();
    token.requirement("pro").set_amount(1_250.5);
    let grace = token.grace_periods("pro");
    grace.started(GraceCause::PriceMoved);
    grace.ended(GraceResult::Recovered, 0.4);
    grace.set(GraceCounts { active: 7, expiring: 1, ..GraceCounts::default() });
    token.access_decisions().record(Decision::Grant, Basis::Verified, "enough");
    drop(running);
}

/// Families that tell of our registry, its page and its collectors, histograms with their parts.
fn is_ours_alone(name: &str) -> bool {
    ["monitoring_series", "monitoring_scrape", "monitoring_page_bytes", "monitoring_collector"]
        .iter()
        .any(|ours| name.starts_with(ours))
}

/// What is on one side only or has another number there, beyond what is expected.
fn differences(ours: &Page, hosted: &Page) -> Vec<String> {
    let name = |series: &str| series.split('{').next().unwrap_or_default().to_owned();
    let mut differences = Vec::new();
    for (series, kept) in ours.samples.iter().filter(|(series, _)| !is_ours_alone(&name(series))) {
        let is_same = |shown: f64| match name(series).as_str() {
            // Each has a watchdog of its own, which looks at the runtime at other moments.
            name if name.starts_with("tokio_") => true,
            // The fraction of a second waits.
            "risk_model_cpu_seconds_total" => shown == kept.floor() && *kept == 3.885,
            // Added up in binary fractions, and in another order.
            summed if summed.ends_with("_sum") => (shown - kept).abs() <= kept.abs() * 1e-12,
            _ => shown == *kept,
        };
        match hosted.value(series) {
            Some(shown) if is_same(shown) => {}
            shown => differences.push(format!("{series} {kept}, not {shown:?}")),
        }
    }
    let added = hosted.samples.keys().filter(|series| !ours.samples.contains_key(*series));
    differences.extend(added.map(|series| format!("{series} is shown by the exporter alone")));
    let of = |line: &String| line.split(' ').nth(2).is_some_and(is_ours_alone);
    let told: Vec<_> = ours.metadata.iter().filter(|line| !of(line)).collect();
    if told != hosted.metadata.iter().collect::<Vec<_>>() {
        differences.push(format!("{told:#?}, not {:#?}", hosted.metadata));
    }
    differences
}

struct Listed(Vec<String>);

impl Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[tokio::test]
async fn same_work_gives_the_same_numbers_in_an_exporter_of_the_host() {
    let (ours, hosted) = (Side::ours(), Side::hosted());
    work(&ours).await;
    work(&hosted).await;
    // The last lines are still on their way to the sink.
    eventually_async(PATIENCE, async || match differences(&ours.page(), &hosted.page()) {
        none if none.is_empty() => Ok(()),
        some => Err(Listed(some)),
    })
    .await;
    let page = ours.page();
    let slices = ["api_", "client_", "websocket_", "health_", "log_", "portfolio_", "risk_", "token_", "order_"];
    for slice in slices {
        let has_numbers = page.samples.iter().any(|(series, value)| series.starts_with(slice) && *value > 0.0);
        assert!(has_numbers, "no number of {slice}* was compared");
    }
    assert!(page.samples.len() > 400, "{} series were compared", page.samples.len());
    assert_eq!(
        page.value("api_requests_total{method=\"GET\",outcome=\"ok\",route=\"/orders/{id}\",status=\"200\"}"),
        Some(20.0)
    );
    assert_eq!(page.value("monitoring_problems_total{problem=\"sample_rejected\"}"), Some(1.0));
}

#[test]
fn every_histogram_of_a_monitoring_has_its_buckets() {
    let recorder = recorder();
    let snapshot = builder(&Lines::default()).build().unwrap().registry().snapshot();
    let histograms = snapshot.families().iter().filter(|family| family.kind == Kind::Histogram);
    let names: Vec<_> = histograms.map(|family| family.name.to_string()).filter(|name| !is_ours_alone(name)).collect();
    metrics::with_local_recorder(&recorder, || {
        names.iter().for_each(|name| metrics::histogram!(name.clone()).record(1.0));
    });
    let page = recorder.handle().render();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("# TYPE {name} histogram\n")), "{name} in {page}");
    }
}

#[test]
fn own_definitions_are_checked_before_the_exporter_is_built() {
    static NO_EDGES: Definition = Definition::histogram("a", "x").edges(&[]);
    static TAKEN: Definition = Definition::histogram("api_response_time_seconds", "x").unit(Unit::Seconds);
    for (bad, name) in [(&NO_EDGES, "\"a\""), (&TAKEN, "\"api_response_time_seconds\"")] {
        let refused = exporter::configure(PrometheusBuilder::new(), &[bad]).expect_err(name);
        assert!(matches!(refused, BuildError::Definition(_)) && refused.to_string().contains(name), "{refused}");
    }
}

#[tokio::test]
async fn what_needs_our_registry_is_refused_or_not_there() {
    let report = || builder(&Lines::default()).report_to(HostRecorder::new(recorder()));
    for (builder, name) in [
        (report().expire_idle_series_after(A_LONG_TIME), "expire_idle_series_after"),
        (report().collect_within(A_LONG_TIME), "collect_within"),
        (report().exemplars(), "exemplars"),
        (report().exemplars(), "exemplars"),
        #[cfg(feature = "protobuf")]
        (report().native_histograms(["api_response_time_seconds"]), "native_histograms"),
    ] {
        let refused = builder.build().unwrap_err();
        assert!(matches!(refused, BuildError::NeedsRegistry { setting } if setting == name), "{refused}");
        assert!(refused.to_string().contains("leave out one of the two"), "{refused}");
    }

    let monitoring = report().build().unwrap();
    let admin = |path: &str| {
        let routes: Router = monitoring.admin_routes();
        routes.oneshot(Request::get(path).body(Body::empty()).unwrap())
    };
    assert_eq!(admin("/metrics").await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(admin("/health").await.unwrap().status(), StatusCode::OK);
    assert_eq!(monitoring.registry().snapshot().sum("log_lines_total", &[]), None);
}
