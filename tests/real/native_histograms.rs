//! What a real Prometheus that takes native histograms stores of a scrape, beside one that does not.

use std::collections::BTreeMap;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::metrics::{Counter, Definition, Family, Gauge, Histogram, Unit};
use aistm7_monitoring::monitoring::Variables;
use aistm7_monitoring::trace::TraceContext;

use crate::support::poll::eventually_async;
use crate::support::prometheus::Prometheus;

static NATIVE: Definition = Definition::histogram("native_wait_seconds", "Wait.").unit(Unit::Seconds).native();
static DEVIATION: Definition =
    Definition::histogram("native_deviation_ratio", "Deviation.").unit(Unit::Ratio).edges(&[0.0]).native();
static CLASSIC: Definition =
    Definition::histogram("classic_wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["queue"]);
static DONE: Definition = Definition::counter("done_seconds_total", "Done.").unit(Unit::Seconds);
static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);

/// For what a healthy server does in a few scrapes.
const SOON: Duration = Duration::from_secs(20);

/// How much wider a native bucket ends than it begins.
const GROWTH: f64 = 1.090_507_732_665_257_7;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus; run by tests/run"]
async fn prometheus_stores_native_histograms_and_else_what_it_stores_of_the_text() {
    let monitoring = Monitoring::builder("scraped")
        .variables(Variables::from([]))
        .native_histograms(["api_response_time_seconds"])
        .exemplars()
        .build()
        .unwrap();
    let meter = monitoring.meter();
    let native: Histogram = meter.histogram(&NATIVE).unwrap().series([]);
    let deviation: Histogram = meter.histogram(&DEVIATION).unwrap().series([]);
    let classic: Family<Histogram, 1> = meter.histogram(&CLASSIC).unwrap();
    let done: Family<Counter, 0> = meter.counter(&DONE).unwrap();
    let depth: Family<Gauge, 1> = meter.gauge(&DEPTH).unwrap();
    done.series([]).add_duration(Duration::from_nanos(123_456_789_012_345_678));
    depth.series(["\"\\\n".into()]).set(-0.1);
    // From microseconds to minutes, and no two alike.
    let mut waits: Vec<f64> = (0..5_000).map(|at| 1e-6 * 1.004f64.powi(at * 7_919 % 5_000)).collect();
    let trace = TraceContext::new_root();
    let entered = trace.enter();
    for wait in &waits {
        native.record(*wait);
        classic.series(["a".into()]).record(*wait);
    }
    drop(entered);
    waits.sort_by(f64::total_cmp);
    [-0.5, -0.25, 0.0, 0.0, 0.125].into_iter().for_each(|sample| deviation.record(sample));

    let admin = monitoring.serve_admin("127.0.0.1:0").await.unwrap().local_addr();
    let (taking, text) = tokio::task::spawn_blocking(move || {
        (Prometheus::scraping_native_histograms(&[admin]), Prometheus::scraping(&[admin], &[]))
    })
    .await
    .unwrap();
    let count =
        eventually_async(SOON, async || taking.value("histogram_count(native_wait_seconds)").ok_or("not stored")).await;
    assert_eq!(count, waits.len() as f64);
    let sum = taking.value("histogram_sum(native_wait_seconds)").unwrap();
    assert!((sum / waits.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{sum}");
    assert_eq!(taking.samples("native_wait_seconds_bucket"), [], "in place of the others");
    for q in [0.01, 0.25, 0.5, 0.9, 0.99, 0.999] {
        let estimate = taking.value(&format!("histogram_quantile({q}, native_wait_seconds)")).unwrap();
        let exact = waits[(q * waits.len() as f64).ceil() as usize - 1];
        assert!((exact / GROWTH..exact * GROWTH).contains(&estimate), "{q}: {estimate} for {exact}");
    }
    for series in ["native_wait_seconds", "classic_wait_seconds_bucket"] {
        let exemplars = taking.exemplars(series);
        assert!(!exemplars.is_empty(), "none of {series}");
        assert!(
            exemplars.iter().all(|exemplar| exemplar.labels["trace_id"] == trace.trace_id().to_string()),
            "{series}"
        );
    }
    assert_eq!(taking.value("histogram_count(native_deviation_ratio)"), Some(5.0));
    assert_eq!(taking.value("histogram_sum(native_deviation_ratio)"), Some(-0.625));
    let median = taking.value("histogram_quantile(0.5, native_deviation_ratio)").unwrap();
    assert!(median.abs() <= 2f64.powi(-128), "{median}");
    let below = taking.value("histogram_fraction(-0.6, -0.1, native_deviation_ratio)").unwrap();
    assert!((below - 0.4).abs() < 1e-9, "{below}");

    let of = |prometheus: &Prometheus| {
        let samples = prometheus.samples("{job=\"test\", __name__!~\"up|scrape_.*|monitoring_.*|native_.*\"}");
        samples.into_iter().map(|sample| (sample.labels, sample.value.to_string())).collect::<BTreeMap<_, _>>()
    };
    let of_text = eventually_async(SOON, async || match of(&text) {
        stored if stored.is_empty() => Err("not stored"),
        stored => Ok(stored),
    })
    .await;
    assert_eq!(of(&taking), of_text);
    let classic = r#"histogram_quantile(0.5, sum by (le) (classic_wait_seconds_bucket))"#;
    assert_eq!(taking.value(classic), text.value(classic));
    assert!(taking.value(classic).is_some());
}
