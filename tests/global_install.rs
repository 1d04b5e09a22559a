//! The process-wide places, in a process of their own: nothing is taken before `install`, and then everything is ours.
#![cfg(all(feature = "business", feature = "log", feature = "websocket"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

#[path = "support/memory.rs"]
mod memory;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::global::Installed;
use aistm7_monitoring::health::{CheckReport, check_fn};
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::Variables;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use memory::Memory;
use tower::ServiceExt;

const PATIENCE: Duration = Duration::from_secs(20);

fn build(service: &str, memory: &Memory) -> Monitoring {
    let sink = memory.clone();
    Monitoring::builder(service)
        .environment("test")
        .variables(Variables::from([]))
        .check("works", check_fn(async || Ok(CheckReport::healthy())))
        .log(move |log| log.sink(Sink::Writer(Box::new(sink))))
        .build()
        .expect("valid settings")
}

/// What a process holds of the system's that others could see or miss: its sockets and the signals that it catches.
fn system_resources() -> (usize, String) {
    let targets = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    let sockets = targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let caught = status.lines().find(|line| line.starts_with("SigCgt:")).unwrap().to_owned();
    (sockets, caught)
}

#[tokio::test]
async fn nothing_is_taken_before_install_and_one_monitoring_takes_everything() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    std::panic::set_hook(Box::new(move |info| {
        eprintln!("{info}");
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let before = system_resources();
    let (memory, other_memory) = (Memory::default(), Memory::default());
    let (monitoring, other) = (build("first", &memory), build("second", &other_memory));
    works(&monitoring).await;
    works(&other).await;
    assert_eq!(system_resources(), before, "no port, no signal handler");
    nothing_is_global(&monitoring, &memory, &heard).await;

    let report = monitoring.install().unwrap();
    let all = |places: Installed| [places; 4];
    let places = |report: aistm7_monitoring::monitoring::InstallReport| {
        [report.recorder, report.subscriber, report.logger, report.panic_hook]
    };
    assert_eq!(places(report), all(Installed::Installed));
    assert_eq!(places(monitoring.install().unwrap()), all(Installed::AlreadyOurs));
    assert_eq!(places(monitoring.clone().install().unwrap()), all(Installed::AlreadyOurs));
    assert_eq!(places(other.install().unwrap()), all(Installed::Taken));
    assert_eq!(system_resources(), before, "no port, no signal handler");

    everything_arrives(&monitoring, &memory, &heard).await;
    // What is taken costs the other nothing else.
    works(&other).await;
    assert!(other_memory.lines().is_empty());
    assert_eq!(other.registry().snapshot().sum("calls_total", &[]), None);
}

/// Uses each part that needs no `install`.
async fn works(monitoring: &Monitoring) {
    let app = Router::new()
        .route("/", get("hello"))
        .merge(monitoring.routes())
        .nest("/admin", monitoring.admin_routes())
        .layer(monitoring.http_layer())
        .with_state(());
    for path in ["/", "/health", "/admin/metrics"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200, "{path}");
    }
    // A check's first result is an event of `tracing`, whose line would come at any time.
    let started = async {
        while !monitoring.health().report().is_started() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, started).await.expect("every check has a result in time");
    let finished = monitoring.registry().snapshot().sum("api_requests_total", &[("route", "/")]);
    assert!(finished >= Some(1.0), "{finished:?}");
}

async fn nothing_is_global(monitoring: &Monitoring, memory: &Memory, heard: &AtomicUsize) {
    assert!(!tracing::dispatcher::has_been_set());
    assert_eq!(log::max_level(), log::LevelFilter::Off);
    tracing::error!("to nobody");
    log::error!("to nobody");
    metrics::counter!("calls_total").increment(1);
    assert!(std::thread::spawn(|| panic!("to the host's hook")).join().is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 1);
    assert_eq!(monitoring.registry().snapshot().sum("calls_total", &[]), None);
    assert!(memory.lines().is_empty(), "{:?}", memory.lines());
}

async fn everything_arrives(monitoring: &Monitoring, memory: &Memory, heard: &AtomicUsize) {
    metrics::counter!("calls_total", "provider" => "ibkr").increment(2);
    metrics::histogram!("call_seconds").record(0.2);
    tracing::info!(symbol = "AAPL", "of tracing");
    log::warn!("of log");
    let panicked = std::thread::Builder::new().name("pricing".to_owned()).spawn(|| panic!("no price"));
    assert!(panicked.unwrap().join().is_err());
    assert_eq!(heard.load(Ordering::Relaxed), 2, "the host's own hook is still called");

    let text = monitoring.registry().render();
    assert!(
        text.contains("\ncalls_total{provider=\"ibkr\"} 2\n") && text.contains("\ncall_seconds_count 1\n"),
        "{text}"
    );
    assert_eq!(monitoring.shutdown(PATIENCE).await.log_lines_lost, 0);
    let lines = memory.lines();
    let shown: Vec<_> = lines.iter().map(|line| (&line["level"], &line["service"], &line["message"])).collect();
    let shown: Vec<_> = shown.iter().map(|(level, service, message)| format!("{level} {service} {message}")).collect();
    assert_eq!(
        shown,
        [r#""INFO" "first" "of tracing""#, r#""WARN" "first" "of log""#, r#""ERROR" "first" "panicked""#,],
    );
    let details = &lines[2]["details"];
    assert_eq!((&details["panic"], &details["thread"]), (&"no price".into(), &"pricing".into()));
    assert!(details["location"].as_str().unwrap().starts_with("tests/global_install.rs:"), "{details}");
}
