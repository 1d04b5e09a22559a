//! The protobuf format, read by an independent decoder.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::exposition::Format;
use aistm7_monitoring::metrics::{
    Counter, Definition, Family, Gauge, Histogram, Meter, Registry, RegistryOptions, Unit,
};
use aistm7_monitoring::trace::TraceContext;
use metrics::{counter, histogram, with_local_recorder};

use crate::scrape::{bytes, encoded, hostile};
use crate::support::protobuf::{self, MetricFamily, MetricType, families, samples};

/// What a registry shows, without what it tells of itself.
pub(crate) fn decoded(registry: &Registry) -> Vec<MetricFamily> {
    let mut families = families(&bytes(registry, Format::Protobuf));
    families.retain(|family| !family.name().starts_with("monitoring_"));
    families
}

#[test]
fn protobuf_has_the_series_and_values_of_the_text_formats() {
    let registry = hostile();
    let text = crate::scrape::samples(&registry.render());
    let shown = families(&bytes(&registry, Format::Protobuf));
    assert_eq!(samples(&shown), text);
    assert_eq!(bytes(&registry, Format::Protobuf), bytes(&registry, Format::Protobuf), "equal state, equal bytes");
}

#[test]
fn families_have_name_help_type_and_unit() {
    static CPU: Definition = Definition::counter("cpu_seconds_total", "CPU \"time\"\nused.").unit(Unit::Seconds);
    static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);
    static SIZE: Definition = Definition::histogram("size_bytes", "Size.").unit(Unit::Bytes).edges(&[0.5, 8.0]);
    static SEEN: Definition = Definition::gauge_absent_until_set("seen", "Seen.");
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    let cpu: Family<Counter, 0> = meter.counter(&CPU).unwrap();
    let depth: Family<Gauge, 1> = meter.gauge(&DEPTH).unwrap();
    let size = meter.histogram(&SIZE).unwrap().series([]);
    let _absent = meter.gauge(&SEEN).unwrap().series([]);
    cpu.observe([], || u64::MAX);
    depth.series(["a".into()]).set(f64::NEG_INFINITY);
    depth.observe(["b".into()], || None);
    [0.5, 1.0, 9.0].into_iter().for_each(|sample| size.record(sample));
    with_local_recorder(&registry, || counter!("jobs").increment(u64::MAX));

    let shown = decoded(&registry);
    let metadata: Vec<_> =
        shown.iter().map(|family| (family.name(), family.help(), family.r#type(), family.unit.as_deref())).collect();
    let undescribed = "Reported through the metrics facade, without a description.";
    let expected = [
        ("cpu_seconds_total", "CPU \"time\"\nused.", MetricType::Counter, Some("seconds")),
        ("depth", "Depth.", MetricType::Gauge, None),
        ("jobs", undescribed, MetricType::Counter, None),
        ("size_bytes", "Size.", MetricType::Histogram, Some("bytes")),
    ];
    assert_eq!(metadata, expected, "and none without a value");

    let shown: Vec<_> = samples(&shown).into_iter().collect();
    let expected = [
        ("cpu_seconds_total", 18_446_744_073.709_553),
        ("depth{queue=\"a\"}", f64::NEG_INFINITY),
        ("jobs", u64::MAX as f64),
        ("size_bytes_bucket{le=\"+Inf\"}", 3.0),
        ("size_bytes_bucket{le=\"0.5\"}", 1.0),
        ("size_bytes_bucket{le=\"8.0\"}", 2.0),
        ("size_bytes_count", 3.0),
        ("size_bytes_sum", 10.5),
    ];
    assert_eq!(shown, expected.map(|(series, value)| (series.to_owned(), value)));
}

/// The native buckets of a histogram by index, negative ones by their size's.
fn native_buckets(histogram: &protobuf::Histogram) -> [BTreeMap<i32, i64>; 2] {
    let absolute = |spans: &[protobuf::BucketSpan], deltas: &[i64]| {
        let (mut index, mut count, mut deltas) = (0, 0, deltas.iter());
        let mut buckets = BTreeMap::new();
        for span in spans {
            index += span.offset();
            for _ in 0..span.length() {
                count += deltas.next().expect("a delta for each bucket");
                buckets.insert(index, count);
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None, "a bucket for each delta");
        buckets
    };
    [
        absolute(&histogram.negative_span, &histogram.negative_delta),
        absolute(&histogram.positive_span, &histogram.positive_delta),
    ]
}

fn the_histogram(registry: &Registry, name: &str) -> protobuf::Histogram {
    let family = decoded(registry).into_iter().find(|family| family.name() == name).expect("it is shown");
    let [metric] = <[_; 1]>::try_from(family.metric).expect("one series");
    metric.histogram.expect("a histogram")
}

/// Prometheus refuses a histogram of which this does not hold.
#[track_caller]
fn assert_consistent(histogram: &protobuf::Histogram) {
    let native: i64 = native_buckets(histogram).iter().flat_map(BTreeMap::values).sum();
    assert_eq!(histogram.sample_count(), histogram.zero_count() + native as u64);
    let cumulative: Vec<_> = histogram.bucket.iter().map(protobuf::Bucket::cumulative_count).collect();
    assert!(cumulative.is_sorted() && cumulative.last() <= Some(&histogram.sample_count()), "{cumulative:?}");
}

static SIZE: Definition =
    Definition::histogram("size_bytes", "Size.").unit(Unit::Bytes).edges(&[0.0, 1.0, 64.0]).native();
static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds);

#[test]
fn native_buckets_hold_every_sample_where_the_schema_says() {
    let registry = Registry::new();
    let size = Meter::new(&registry).histogram(&SIZE).unwrap().series([]);
    let empty = the_histogram(&registry, "size_bytes");
    assert!(empty.zero_threshold() > 0.0 && empty.positive_span.is_empty(), "native before its first sample");
    for sample in [0.0, -0.0, 1.0, 1.0, 1.05, 1.1, 64.0, 64.1, -2.0, f64::MAX, -f64::MAX] {
        size.record(sample);
    }
    let shown = the_histogram(&registry, "size_bytes");
    assert_eq!((shown.schema, shown.zero_threshold, shown.zero_count), (Some(3), Some(2f64.powi(-128)), Some(2)));
    let [negative, positive] = native_buckets(&shown);
    assert_eq!(negative, BTreeMap::from([(8, 1), (8192, 1)]));
    assert_eq!(positive, BTreeMap::from([(0, 2), (1, 1), (2, 1), (48, 1), (49, 1), (8192, 1)]));
    assert_eq!(shown.positive_span.len(), 3, "neighbours share a span");
    assert_consistent(&shown);
    // The edges' buckets are there as well, and the text has nothing else.
    assert_eq!(samples(&families(&bytes(&registry, Format::Protobuf))), crate::scrape::samples(&registry.render()));
}

#[test]
fn native_buckets_are_for_the_names_that_are_asked_for() {
    let registry = Registry::with(RegistryOptions::new().native_histograms(["wait_seconds", "foreign_seconds"]));
    let wait = Meter::new(&registry).histogram(&WAIT).unwrap().series([]);
    wait.record_duration(Duration::from_secs(1));
    wait.record(f64::NAN);
    with_local_recorder(&registry, || {
        histogram!("foreign_seconds").record_many(4.0, 5);
        histogram!("other_seconds").record(4.0);
    });
    assert_eq!(native_buckets(&the_histogram(&registry, "wait_seconds"))[1], BTreeMap::from([(0, 1)]));
    assert_eq!(native_buckets(&the_histogram(&registry, "foreign_seconds"))[1], BTreeMap::from([(16, 5)]));
    let other = the_histogram(&registry, "other_seconds");
    assert_eq!((other.schema, other.zero_threshold, other.positive_span.len()), (None, None, 0));
}

#[test]
fn wide_ranges_are_shown_coarser_and_whole() {
    let registry = Registry::new();
    let size = Meter::new(&registry).histogram(&SIZE).unwrap().series([]);
    let samples: Vec<_> = (0..400).map(|step| 1.1f64.powi(step)).collect();
    samples.iter().for_each(|sample| size.record(*sample));
    let shown = the_histogram(&registry, "size_bytes");
    assert_eq!(shown.schema(), 1);
    let [_, positive] = native_buckets(&shown);
    assert!(positive.len() <= 160, "{}", positive.len());
    assert_consistent(&shown);
    for (index, count) in positive {
        let (above, to) = (2f64.powf(f64::from(index - 1) / 2.0), 2f64.powf(f64::from(index) / 2.0));
        let expected = samples.iter().filter(|sample| above < **sample && **sample <= to).count();
        assert_eq!(count, expected as i64, "from {above} to {to}");
    }
}

#[test]
fn count_is_what_the_native_buckets_add_up_to_while_threads_record() {
    const THREADS: u64 = 4;
    const RECORDS: u64 = 30_000;
    let registry = Registry::with(RegistryOptions::new().native_histograms(["wait_seconds"]));
    let wait: Histogram = Meter::new(&registry).histogram(&WAIT).unwrap().series([]);
    thread::scope(|scope| {
        // Over so few doublings that no scrape lowers the schema, which would give the buckets other indices.
        let record = || (0..RECORDS).for_each(|at| wait.record_duration(Duration::from_nanos(at * 7919)));
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(record)).collect();
        let mut before = BTreeMap::new();
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            let shown = the_histogram(&registry, "wait_seconds");
            assert_consistent(&shown);
            assert_eq!(shown.schema(), 3);
            let now = native_buckets(&shown)[1].clone();
            let fell = before.iter().find(|(index, count)| now.get(*index) < Some(*count));
            assert_eq!(fell, None, "a bucket went back");
            before = now;
        }
    });
    let end = the_histogram(&registry, "wait_seconds");
    assert_consistent(&end);
    assert_eq!((end.sample_count(), end.zero_count()), (THREADS * RECORDS, THREADS));
}

#[test]
fn exemplars_are_those_of_openmetrics() {
    let clock = ManualClock::new();
    let options = RegistryOptions::new().clock(clock.clock()).exemplars().native_histograms(["wait_seconds"]);
    let registry = Registry::with(options);
    let wait = Meter::new(&registry).histogram(&WAIT).unwrap().series([]);
    // The largest is above every edge, and the latest is not.
    for (sample, after) in [(70.5, 1), (0.25, 1_001)] {
        clock.advance(Duration::from_millis(after));
        let _entered = TraceContext::new_root().enter();
        wait.record(sample);
    }
    let exemplar = |bucket: &protobuf::Bucket| {
        let exemplar = bucket.exemplar.as_ref()?;
        let time = exemplar.timestamp.expect("it has a time");
        let millis = Duration::new(time.seconds.unsigned_abs(), time.nanos.unsigned_abs()).as_millis();
        Some((protobuf::text_of(&exemplar.label), exemplar.value(), millis))
    };
    let shown = the_histogram(&registry, "wait_seconds");
    let of_buckets: Vec<_> = shown.bucket.iter().filter_map(exemplar).collect();
    let text = encoded(&registry, Format::OpenMetrics);
    let of_text = text.lines().filter_map(|line| {
        let (labels, numbers) = line.split_once(" # {")?.1.split_once("} ")?;
        let (value, seconds) = numbers.split_once(' ')?;
        let millis = (seconds.parse::<f64>().ok()? * 1e3).round() as u128;
        Some((labels.to_owned(), value.parse::<f64>().ok()?, millis))
    });
    assert_eq!(of_buckets, of_text.collect::<Vec<_>>());
    assert_eq!(of_buckets.iter().map(|(_, value, _)| *value).collect::<Vec<_>>(), [0.25, 70.5]);
    assert_eq!(shown.exemplars.iter().map(protobuf::Exemplar::value).collect::<Vec<_>>(), [70.5, 0.25]);
    assert_consistent(&shown);
}
