//! What `prost` reads out of Prometheus' protobuf format, by the published definition of its messages.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    pub(crate) r#type: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    pub(crate) metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    pub(crate) unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(crate) label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(crate) gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    pub(crate) counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    pub(crate) histogram: Option<Histogram>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) timestamp_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LabelPair {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
}

/// A `Gauge` or a `Counter`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Number {
    #[prost(double, optional, tag = "1")]
    pub(crate) value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) sample_count: Option<u64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) sample_count_float: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub(crate) sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) bucket: Vec<Bucket>,
    #[prost(sint32, optional, tag = "5")]
    pub(crate) schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    pub(crate) zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    pub(crate) zero_count: Option<u64>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) negative_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "10")]
    pub(crate) negative_delta: Vec<i64>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    pub(crate) positive_delta: Vec<i64>,
    #[prost(message, repeated, tag = "16")]
    pub(crate) exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    pub(crate) cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    pub(crate) upper_bound: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub(crate) exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(crate) label: Vec<LabelPair>,
    #[prost(double, optional, tag = "2")]
    pub(crate) value: Option<f64>,
    #[prost(message, optional, tag = "3")]
    pub(crate) timestamp: Option<Timestamp>,
}

/// Of `google.protobuf`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    pub(crate) offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    pub(crate) length: Option<u32>,
}

/// The families of an exposition.
///
/// # Panics
/// When the bytes are not whole messages.
#[track_caller]
pub(crate) fn families(mut bytes: &[u8]) -> Vec<MetricFamily> {
    let mut families = Vec::new();
    while !bytes.is_empty() {
        families.push(MetricFamily::decode_length_delimited(&mut bytes).expect("a whole message"));
    }
    families
}

/// Every sample as the text format names it: `name{label="value",…}`.
///
/// # Panics
/// When a series is there twice, or has not the one value that its type says.
#[track_caller]
pub(crate) fn samples(families: &[MetricFamily]) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for family in families {
        let name = family.name.as_deref().expect("a family has a name");
        for metric in &family.metric {
            let mut add = |suffix: &str, further: &str, value| {
                let labels = [text_of(&metric.label), further.to_owned()];
                let labels = labels.iter().filter(|labels| !labels.is_empty()).cloned().collect::<Vec<_>>().join(",");
                let series =
                    if labels.is_empty() { format!("{name}{suffix}") } else { format!("{name}{suffix}{{{labels}}}") };
                assert_eq!(samples.insert(series.clone(), value), None, "{series} is there twice");
            };
            match (family.r#type(), &metric.counter, &metric.gauge, &metric.histogram) {
                (MetricType::Counter, Some(number), None, None) | (MetricType::Gauge, None, Some(number), None) => {
                    add("", "", number.value.expect("a value"));
                }
                (MetricType::Histogram, None, None, Some(histogram)) => {
                    let count = histogram.sample_count.expect("a count") as f64;
                    for bucket in histogram.bucket.iter().filter(|bucket| bucket.upper_bound() < f64::INFINITY) {
                        let bound = format!("le=\"{:?}\"", bucket.upper_bound.expect("a bound"));
                        add("_bucket", &bound, bucket.cumulative_count.expect("a count") as f64);
                    }
                    add("_bucket", "le=\"+Inf\"", count);
                    add("_count", "", count);
                    add("_sum", "", histogram.sample_sum.expect("a sum"));
                }
                other => panic!("{name} has {other:?}"),
            }
        }
    }
    samples
}

/// Labels as the text formats have them.
pub(crate) fn text_of(labels: &[LabelPair]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pair = |pair: &LabelPair| {
        let (name, value) = (pair.name.as_deref().expect("a name"), pair.value.as_deref().expect("a value"));
        format!("{name}=\"{}\"", escaped(value))
    };
    labels.iter().map(pair).collect::<Vec<_>>().join(",")
}
