//! The fields of `io.prometheus.client`'s messages, by their published numbers.

use super::wire::Field;

// MetricFamily
pub(super) const FAMILY_NAME: Field = Field(1);
pub(super) const FAMILY_HELP: Field = Field(2);
pub(super) const FAMILY_TYPE: Field = Field(3);
pub(super) const FAMILY_METRIC: Field = Field(4);
pub(super) const FAMILY_UNIT: Field = Field(5);

// MetricType
pub(super) const TYPE_COUNTER: u64 = 0;
pub(super) const TYPE_GAUGE: u64 = 1;
pub(super) const TYPE_HISTOGRAM: u64 = 4;

// Metric
pub(super) const METRIC_LABEL: Field = Field(1);
pub(super) const METRIC_GAUGE: Field = Field(2);
pub(super) const METRIC_COUNTER: Field = Field(3);
pub(super) const METRIC_HISTOGRAM: Field = Field(7);

// LabelPair
pub(super) const LABEL_NAME: Field = Field(1);
pub(super) const LABEL_VALUE: Field = Field(2);

// Counter and Gauge
pub(super) const VALUE: Field = Field(1);

// Histogram
pub(super) const SAMPLE_COUNT: Field = Field(1);
pub(super) const SAMPLE_SUM: Field = Field(2);
pub(super) const CLASSIC_BUCKET: Field = Field(3);

pub(super) const SCHEMA: Field = Field(5);
pub(super) const ZERO_THRESHOLD: Field = Field(6);
pub(super) const ZERO_COUNT: Field = Field(7);
pub(super) const NEGATIVE_SPAN: Field = Field(9);
pub(super) const NEGATIVE_DELTA: Field = Field(10);
pub(super) const POSITIVE_SPAN: Field = Field(12);
pub(super) const POSITIVE_DELTA: Field = Field(13);
pub(super) const NATIVE_EXEMPLAR: Field = Field(16);

// BucketSpan
pub(super) const SPAN_OFFSET: Field = Field(1);
pub(super) const SPAN_LENGTH: Field = Field(2);

// Bucket
pub(super) const CUMULATIVE_COUNT: Field = Field(1);
pub(super) const UPPER_BOUND: Field = Field(2);
pub(super) const BUCKET_EXEMPLAR: Field = Field(3);

// Exemplar
pub(super) const EXEMPLAR_LABEL: Field = Field(1);
pub(super) const EXEMPLAR_VALUE: Field = Field(2);
pub(super) const EXEMPLAR_TIMESTAMP: Field = Field(3);

// google.protobuf.Timestamp
pub(super) const SECONDS: Field = Field(1);
pub(super) const NANOS: Field = Field(2);
