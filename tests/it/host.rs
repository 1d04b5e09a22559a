//! Monitoring never makes its host wait: what is broken behind it costs telemetry, not requests.

use std::future::pending;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, Gates, check_fn};
use aistm7_monitoring::log::{LogOptions, Sink};
use axum::Router;
use axum::routing::get;

use crate::client::{self, Raw, within};
use crate::service::{builder, builder_logging, log_here, serve, settled, until};

/// A place where threads stand still until the test is over.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn wait(&self) {
        let (is_open, opened) = &*self.0;
        let guard = is_open.lock().expect("no panic while locked");
        drop(opened.wait_while(guard, |is_open| !*is_open).expect("no panic while locked"));
    }

    /// Opens the gate when dropped, however the test ends.
    fn opened_at_the_end(&self) -> impl Drop + use<> {
        struct Opens(Gate);

        impl Drop for Opens {
            fn drop(&mut self) {
                let (is_open, opened) = &*self.0.0;
                *is_open.lock().expect("no panic while locked") = true;
                opened.notify_all();
            }
        }

        Opens(self.clone())
    }
}

/// A sink whose first write does not return.
struct Frozen(Gate);

impl Write for Frozen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.wait();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Longer than the log's buffer, all of them together.
const LINE: &str = "so many words that two hundred lines of them do not fit into the smallest buffer of a log";
const REQUESTS: u64 = 200;
const LINES_A_REQUEST: u64 = 10;

/// A service on this test's only thread that logs as it works.
async fn start(monitoring: &Monitoring) -> SocketAddr {
    let handler = async || {
        for number in 0..LINES_A_REQUEST {
            tracing::info!(number, "{LINE}");
            tokio::task::yield_now().await;
        }
        "done"
    };
    let app = Router::new()
        .route("/", get(handler))
        .merge(monitoring.routes())
        .nest("/admin", monitoring.admin_routes())
        .layer(monitoring.http_layer());
    serve(app).await
}

/// Twenty clients at a time, each with a connection of its own.
async fn request_all(address: SocketAddr) {
    let clients = (0..20).map(|_| {
        tokio::spawn(async move {
            let mut raw = Raw::connect(address).await.unwrap();
            for _ in 0..REQUESTS / 20 {
                raw.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
                raw.read_until("done").await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        within(client).await.unwrap();
    }
}

fn smallest_buffer(log: LogOptions, gate: &Gate) -> LogOptions {
    log.budget_bytes(LogOptions::MIN_BUDGET_BYTES).sink(Sink::Writer(Box::new(Frozen(gate.clone()))))
}

#[tokio::test]
async fn frozen_sink_costs_lines_that_are_counted_and_no_request() {
    let gate = Gate::default();
    let _opens = gate.opened_at_the_end();
    let at_sink = gate.clone();
    let monitoring = builder_logging(move |log| smallest_buffer(log, &at_sink)).build().unwrap();
    let _subscriber = log_here(&monitoring);
    let address = start(&monitoring).await;
    request_all(address).await;

    let ends = settled(&monitoring, REQUESTS).await;
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [("GET / 200 ok".to_owned(), REQUESTS)]);
    let metrics = client::get(address, "/admin/metrics").await;
    let shown = |series: &str| -> u64 {
        let line = metrics.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is in /metrics")).parse().unwrap()
    };
    let (made, dropped) = (
        shown("log_lines_total{level=\"info\"}"),
        shown("log_lines_dropped_total{reason=\"buffer_full\",sink=\"writer\"}"),
    );
    assert_eq!(made, REQUESTS * LINES_A_REQUEST);
    assert!(dropped > made / 2, "{dropped} of {made}");

    // It says so at the end too, and does not wait longer than it may.
    let flushed = within(monitoring.shutdown(Duration::from_millis(50))).await;
    // The writer's own line about the dropped ones may be among them.
    let all = monitoring.registry().snapshot().sum("log_lines_total", &[]).unwrap() as u64;
    assert_eq!((flushed.log_lines_written, flushed.log_lines_lost), (0, all));
}

#[tokio::test]
async fn what_a_frozen_sink_took_in_is_written_once_it_thaws() {
    let gate = Gate::default();
    let opens = gate.opened_at_the_end();
    let at_sink = gate.clone();
    let monitoring = builder_logging(move |log| smallest_buffer(log, &at_sink)).build().unwrap();
    let _subscriber = log_here(&monitoring);
    for _ in 0..10 {
        tracing::info!("{LINE}");
    }
    drop(opens);
    let flushed = within(monitoring.shutdown(client::PATIENCE)).await;
    assert_eq!((flushed.log_lines_written, flushed.log_lines_lost), (10, 0));
}

#[tokio::test]
async fn checks_that_block_hang_and_panic_hold_up_no_request_and_no_other_check() {
    let gate = Gate::default();
    let _opens = gate.opened_at_the_end();
    let blocked = gate.clone();
    let blocks = check_fn(move || {
        let blocked = blocked.clone();
        async move {
            blocked.wait();
            Ok(CheckReport::healthy())
        }
    });
    let hangs = check_fn(pending::<Result<CheckReport, CheckFailure>>);
    let panics = check_fn(async || -> Result<CheckReport, CheckFailure> { panic!("as the test wants") });
    let works = check_fn(async || {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(CheckReport::healthy())
    });
    let soon = || CheckOptions::new().timeout(Duration::from_millis(20)).failure_threshold(1);
    let monitoring = builder(&crate::service::Lines::default())
        .check_with("blocks", blocks, soon())
        .check_with("hangs", hangs, soon())
        .check_with("panics", panics, soon())
        .check_with("works", works, CheckOptions::new().gates(Gates::Ready))
        .build()
        .unwrap();
    let address = start(&monitoring).await;
    request_all(address).await;
    assert_eq!(settled(&monitoring, REQUESTS).await.len(), 1);

    let reason = |check| {
        let report = monitoring.health().report();
        report.check(check).and_then(|check| check.reason)
    };
    for (check, why) in [("hangs", "timeout"), ("panics", "panicked"), ("blocks", "stuck")] {
        until("a failed run", || (reason(check) == Some(why)).then_some(())).await;
    }
    let health = client::get(address, "/health").await;
    assert_eq!(health.status, 200);
    let statuses = health.json()["checks"].clone();
    for (check, status) in
        [("blocks", "unhealthy"), ("hangs", "unhealthy"), ("panics", "unhealthy"), ("works", "healthy")]
    {
        assert_eq!(statuses[check]["status"], status, "{statuses}");
    }
    assert_eq!(client::get(address, "/health/live").await.status, 200);
    assert_eq!(client::get(address, "/health/ready").await.status, 200);
}
