//! Reading an exposition back, and promtool's judgement of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{Collected, Collection, Definition, LabelValue, Meter, Registry, Unit};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

use crate::support::poll::eventually_async;
use crate::support::port::loopback;
use crate::support::prometheus::Prometheus;
use crate::support::promtool;

/// The samples of an exposition: what stands before the last space of a line, with its value.
///
/// # Panics
/// When a series is there twice, or a value is no number.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value = value.parse().unwrap_or_else(|_| panic!("no number in {line:?}"));
        assert_eq!(samples.insert(series.to_owned(), value), None, "{series} is there twice");
    }
    samples
}

pub(crate) fn bytes(registry: &Registry, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    registry.encode(format, &mut out);
    out
}

pub(crate) fn encoded(registry: &Registry, format: Format) -> String {
    String::from_utf8(bytes(registry, format)).expect("is UTF-8")
}

/// Everything that the facade and collectors let in, whatever a library may do.
pub(crate) fn hostile() -> Registry {
    static WAIT: Definition =
        Definition::histogram("wait_seconds", "Wait \\ \"quoted\"\nand on.").unit(Unit::Seconds).labels(&["queue"]);
    let registry = Registry::new();
    let wait = Meter::new(&registry).histogram::<1>(&WAIT).expect("a valid definition");
    for queue in ["\\", "\\\\", "\"", "\n", "\\n", "a\\\n", "\\\"", "é\u{1F600}", ""] {
        wait.series([LabelValue::capped(queue)]).record(0.3);
    }
    with_local_recorder(&registry, || {
        describe_counter!("described_total", "Before \\ use.\n");
        counter!("described_total", "le" => "1", "quantile" => "0.5", "__name__" => "x").increment(1);
        counter!("front.office_total").increment(5);
        counter!("front_office_total").increment(7);
        gauge!("front_office_total").set(1.0);
        counter!("wait_seconds_count").increment(1);
        counter!("twice_total", "a" => "1", "a" => "2").increment(1);
        counter!("0 day\u{e9}_total", "" => "empty name").increment(1);
        histogram!("odd_sizes_bytes").record(f64::NAN);
        histogram!("odd_sizes_bytes").record(-3.5);
        gauge!("far_degrees").set(f64::NEG_INFINITY);
        gauge!("near_degrees").set(1e-300);
    });
    collect_hostile_series(&Meter::new(&registry));
    registry.collect();
    registry
}

fn collect_hostile_series(meter: &Meter) {
    static CPU: Definition =
        Definition::counter("cpu_seconds_total", "CPU.").unit(Unit::Seconds).labels(&["core", "mode"]);
    static FREE: Definition = Definition::gauge("free_bytes", "Free.").unit(Unit::Bytes).labels(&["mount"]);
    let cpu: Collected<Duration, 2> = meter.collected(&CPU).expect("a valid definition");
    let free: Collected<f64, 1> = meter.collected(&FREE).expect("a valid definition");
    let collector = move |collection: &mut Collection| {
        for (mount, bytes) in [("/a b", 1e-9), ("\\\"\n", -1.5), ("", f64::INFINITY), ("/nan", f64::NAN)] {
            collection.set(&free, [LabelValue::capped(mount)], bytes);
        }
        collection.set(&cpu, ["0".into(), "user".into()], Duration::new(1, 1));
        collection.set(&cpu, ["0".into(), "user".into()], Duration::MAX);
        collection.set(&cpu, ["".into(), "idle".into()], Duration::MAX);
        Ok(())
    };
    meter.collector("hostile", collector).expect("a valid collector");
}

#[test]
fn both_formats_have_the_same_series_with_the_same_values() {
    let registry = hostile();
    let text = samples(&encoded(&registry, Format::Text));
    assert_eq!(samples(&encoded(&registry, Format::OpenMetrics)), text);
    assert_eq!(text["front_office_total"], 12.0, "names that become one are added up");
    assert_eq!(text["twice_total{a=\"2\"}"], 1.0);
    assert_eq!(text["free_bytes"], f64::INFINITY, "an empty label is none");
    assert_eq!(text["cpu_seconds_total{core=\"0\",mode=\"user\"}"], 1.000_000_001);
    assert_eq!(text["wait_seconds_bucket{queue=\"\\\\\\\\\",le=\"+Inf\"}"], 1.0);
}

#[test]
#[ignore = "needs promtool; run by tests/run"]
fn promtool_accepts_what_hostile_libraries_report() {
    assert_eq!(promtool::check_metrics(&encoded(&hostile(), Format::Text)), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus; run by tests/run"]
async fn prometheus_stores_the_same_series_of_both_formats() {
    let registry = hostile();
    let (text, open) = (serve(&registry, Format::Text).await, serve(&registry, Format::OpenMetrics).await);
    let prometheus = Prometheus::scraping(&[text, open], &[]);
    let of = |target: SocketAddr| {
        let samples = prometheus.samples(&format!("{{instance=\"{target}\", __name__!~\"up|scrape_.*\"}}"));
        let identity = |sample: crate::support::prometheus::Sample| {
            let mut labels = sample.labels;
            labels.remove("instance");
            (labels, sample.value.to_string())
        };
        samples.into_iter().map(identity).collect::<BTreeSet<_>>()
    };
    let (of_text, of_open) = eventually_async(Duration::from_secs(20), async || {
        let both = (of(text), of(open));
        if both.0.is_empty() || both.1.is_empty() { Err("not both are stored yet") } else { Ok(both) }
    })
    .await;
    assert_eq!(of_text, of_open);
    assert_eq!(of_text.len(), samples(&registry.render()).len());
}

async fn serve(registry: &Registry, format: Format) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(loopback(0)).await.expect("the kernel finds a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let text = encoded(registry, format);
    let app = Router::new().route("/metrics", get(async move || ([(CONTENT_TYPE, format.content_type())], text)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
