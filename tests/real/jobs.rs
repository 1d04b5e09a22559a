//! Short-lived jobs: what a real Pushgateway, node-exporter and Prometheus make of them.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::Variables;
use aistm7_monitoring::push::{PushError, Pushgateway, ShortLived, Textfile};

use crate::nights;
use crate::scrape::Scrape;
use crate::support::node_exporter::NodeExporter;
use crate::support::poll::eventually;
use crate::support::port::free_port;
use crate::support::prometheus::Prometheus;
use crate::support::promtool;
use crate::support::pushgateway::Gateway;

const SOON: Duration = Duration::from_secs(30);
/// The labels under which the gateway has everything of the job.
const GROUP: [(&str, &str); 3] = [("job", "nightly-var"), ("service", "risk-analysis"), ("environment", "dev")];
const SUCCESS: &str = "job_last_success_timestamp_seconds";
const OUTCOME: &str = "job_last_outcome";

fn monitoring() -> Monitoring {
    let builder = Monitoring::builder("risk-analysis").variables(Variables::from([]));
    builder.log(|log| log.sink(Sink::Writer(Box::new(io::sink())))).build().expect("valid settings")
}

fn job(monitoring: &Monitoring, gateway: &Gateway) -> ShortLived {
    let gateway = Pushgateway::new(&gateway.url()).expect("a valid URL");
    monitoring.short_lived("nightly-var", gateway).expect("a valid name")
}

/// Whether the gateway says that this was the outcome of the last run, and of no other.
fn is_last_outcome(scrape: &Scrape, outcome: &str) -> bool {
    scrape.sum(OUTCOME, &GROUP) == 1.0 && scrape.value(OUTCOME, &[("outcome", outcome)]) == Some(1.0)
}

#[test]
#[ignore = "needs Pushgateway and Prometheus; run by tests/run"]
fn start_and_success_reach_prometheus_under_the_identity_of_the_job() {
    let gateway = Gateway::start();
    let monitoring = monitoring();
    let report = job(&monitoring, &gateway).expected_every(Duration::from_secs(86_400)).run_blocking(|| {
        let started = eventually(SOON, || {
            let scrape = Scrape::of(gateway.address());
            scrape.value("job_last_start_timestamp_seconds", &GROUP).ok_or("the start is not pushed")
        });
        assert_eq!(Scrape::of(gateway.address()).value(SUCCESS, &[]), None);
        Ok::<_, ()>(started)
    });
    assert!(report.at_start.is_ok() && report.at_end.is_ok(), "{report:?}");

    let scrape = Scrape::of(gateway.address());
    assert!(scrape.value(SUCCESS, &GROUP) >= report.result.ok());
    assert!(is_last_outcome(&scrape, "ok"), "{}", scrape.text());
    assert_eq!(scrape.sum("push_failure_time_seconds", &GROUP), 0.0);
    // The whole registry is there, and labels that say what the group says are no clash.
    assert_eq!(scrape.sum("service_info", &GROUP), 1.0);
    let instances = scrape.samples().iter().filter_map(|sample| sample.labels.get("instance"));
    assert_eq!(instances.filter(|instance| !instance.is_empty()).count(), 0, "one group, whatever machine it ran on");

    let prometheus = Prometheus::scraping(&[gateway.address()], &[("honor_labels", "true")]);
    let overdue = "time() - job_last_success_timestamp_seconds > 1.5 * job_expected_interval_seconds";
    eventually(SOON, || {
        let stored = prometheus.samples(SUCCESS).pop().ok_or("not scraped yet")?;
        let expected = [GROUP[0], GROUP[1], GROUP[2], ("job_name", "nightly-var")];
        let is_same = expected.iter().all(|(name, value)| stored.labels.get(*name).is_some_and(|own| own == value));
        if is_same { Ok(()) } else { Err("stored under other labels") }
    });
    assert_eq!(prometheus.samples(overdue), []);
}

#[test]
#[ignore = "needs Pushgateway; run by tests/run"]
fn failure_and_panic_are_pushed_and_the_last_success_stays() {
    let gateway = Gateway::start();
    let run = |work: fn() -> Result<(), &'static str>| {
        // Each run is a process of its own, which knows nothing of the runs before.
        job(&monitoring(), &gateway).run_blocking(work)
    };
    assert!(run(|| Ok(())).at_end.is_ok());
    let succeeded = Scrape::of(gateway.address()).value(SUCCESS, &GROUP);
    assert!(succeeded.is_some());

    let report = run(|| Err("no prices"));
    assert_eq!((report.result, report.at_end.is_ok()), (Err("no prices"), true));
    let scrape = Scrape::of(gateway.address());
    assert!(is_last_outcome(&scrape, "failed"), "{}", scrape.text());
    assert_eq!(scrape.value(SUCCESS, &GROUP), succeeded);

    let panic = catch_unwind(AssertUnwindSafe(|| run(|| panic!("on purpose")))).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    let scrape = Scrape::of(gateway.address());
    assert!(is_last_outcome(&scrape, "panicked"), "{}", scrape.text());
    assert_eq!(scrape.value(SUCCESS, &GROUP), succeeded);
}

#[test]
#[ignore = "needs Pushgateway; run by tests/run"]
fn what_is_known_of_each_batch_stays_at_the_gateway_until_that_batch_succeeds_again() {
    let gateway = Gateway::start();
    let shown = |metric: &str, batch: &str| {
        let labels = [("job", "nightly"), GROUP[1], GROUP[2], ("batch", batch)];
        Scrape::of(gateway.address()).value(metric, &labels)
    };
    nights::play(monitoring, || Pushgateway::new(&gateway.url()).expect("a valid URL"), shown);
    assert_eq!(Scrape::of(gateway.address()).sum("push_failure_time_seconds", &[("job", "nightly")]), 0.0);
}

#[tokio::test]
#[ignore = "needs Pushgateway; run by tests/run"]
async fn cancelled_run_is_pushed_before_a_shutdown_ends() {
    let gateway = Gateway::start();
    let monitoring = monitoring();
    let run = job(&monitoring, &gateway).run(std::future::pending::<Result<(), ()>>());
    let run = tokio::spawn(run);
    tokio::task::yield_now().await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    assert_eq!(monitoring.shutdown(SOON).await.pushes_lost, 0);
    let scrape = Scrape::of(gateway.address());
    assert!(is_last_outcome(&scrape, "cancelled"), "{}", scrape.text());
}

#[test]
#[ignore = "needs Pushgateway; run by tests/run"]
fn labels_like_those_of_the_group_are_kept_under_another_name() {
    let gateway = Gateway::start();
    let monitoring = monitoring();
    let destination = Pushgateway::new(&gateway.url()).unwrap().instance("rack 1/host-7");
    let job = monitoring.short_lived("nightly-var", destination).unwrap();
    let report = metrics::with_local_recorder(monitoring.registry(), || {
        job.run_blocking(|| {
            metrics::counter!("calls_total", "service" => "a", "instance" => "b", "job" => "c").increment(1);
            metrics::counter!("calls_total", "service" => "b", "instance" => "b", "job" => "c").increment(2);
            metrics::histogram!("wait_seconds", "environment" => "x\"\\\n").record(0.2);
            Ok::<_, ()>(())
        })
    });
    assert!(report.at_end.is_ok(), "{report:?}");
    let scrape = Scrape::of(gateway.address());
    let own = [("exported_service", "b"), ("exported_instance", "b"), ("exported_job", "c")];
    let labels = [&GROUP[..], &own, &[("instance", "rack 1/host-7")]].concat();
    assert_eq!(scrape.value("calls_total", &labels), Some(2.0), "{}", scrape.text());
    assert_eq!(scrape.value("wait_seconds_count", &[("exported_environment", "x\"\\\n")]), Some(1.0));
}

#[test]
#[ignore = "needs Pushgateway; run by tests/run"]
fn gateway_that_is_down_or_hangs_costs_the_push_and_not_the_job() {
    let monitoring = monitoring();
    let nobody = Pushgateway::new(&format!("http://127.0.0.1:{}", free_port())).unwrap();
    let report = monitoring.short_lived("nightly-var", nobody).unwrap().run_blocking(|| Ok::<_, ()>(7));
    assert_eq!(report.result, Ok(7));
    for pushed in [report.at_start, report.at_end] {
        assert!(matches!(pushed, Err(PushError::NoAnswer { .. })), "{pushed:?}");
    }

    let mut gateway = Gateway::start();
    gateway.freeze();
    let job = job(&monitoring, &gateway).push_deadline(Duration::from_millis(200));
    let report = job.run_blocking(|| Ok::<_, ()>(7));
    assert_eq!(report.result, Ok(7));
    for pushed in [report.at_start, report.at_end] {
        assert!(matches!(pushed, Err(PushError::Deadline { .. })), "{pushed:?}");
    }
    monitoring.registry().snapshot().assert_value("monitoring_problems_total", &[("problem", "push_failed")], 4);
}

#[test]
#[ignore = "needs Pushgateway; run by tests/run"]
fn password_opens_the_gateway_and_is_shown_nowhere() {
    let gateway = Gateway::start_with_password();
    let monitoring = monitoring();
    let run = |url: &str| {
        let job = monitoring.short_lived("nightly-var", Pushgateway::new(url).unwrap()).unwrap();
        (job.run_blocking(|| Ok::<_, ()>(())), format!("{job:?}"))
    };
    let (report, shown) = run(&gateway.url_as("batch", "hunter2"));
    assert!(report.at_start.is_ok() && report.at_end.is_ok(), "{report:?}");
    assert!(!shown.contains("hunter2"), "{shown}");

    let (report, _) = run(&gateway.url_as("batch", "wrong-hunter2"));
    let error = report.at_end.unwrap_err();
    assert!(matches!(error, PushError::Refused { status: 401, .. }), "{error}");
    let shown = format!("{error} {error:?} {}", monitoring.registry().render());
    assert!(!shown.contains("hunter2") && !shown.contains("batch:"), "{shown}");
}

#[test]
#[ignore = "needs node-exporter and promtool; run by tests/run"]
fn node_exporter_reads_the_files_of_several_jobs() {
    let exporter = NodeExporter::start();
    let monitoring = monitoring();
    let path = |job: &str| exporter.directory().join(format!("{job}.prom"));
    for name in ["nightly-var", "nightly-pnl"] {
        let job = monitoring.short_lived(name, Textfile::new(path(name)).unwrap()).unwrap();
        let report = metrics::with_local_recorder(monitoring.registry(), || {
            job.run_blocking(|| {
                // Node-exporter has one of its own.
                metrics::gauge!("process_open_fds").set(1.0);
                metrics::counter!("books_total", "service" => "ledger").increment(1);
                Ok::<_, ()>(())
            })
        });
        assert!(report.at_start.is_ok() && report.at_end.is_ok(), "{report:?}");
    }
    promtool::check_metrics(&fs::read_to_string(path("nightly-var")).unwrap()).unwrap();

    let scrape = Scrape::of(exporter.address());
    assert_eq!(scrape.value("node_textfile_scrape_error", &[]), Some(0.0), "{}", scrape.text());
    for name in ["nightly-var", "nightly-pnl"] {
        let labels = [("job_name", name), GROUP[1], GROUP[2]];
        assert!(scrape.value(SUCCESS, &labels).is_some(), "{}", scrape.text());
        let books = scrape.value("books_total", &[labels[0], labels[1], ("exported_service", "ledger")]);
        assert!(books.is_some_and(|books| books > 0.0), "{}", scrape.text());
    }
    assert!(scrape.value("process_open_fds", &[]) > Some(1.0), "that of node-exporter");
}
