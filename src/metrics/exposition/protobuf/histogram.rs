//! Histograms as messages: the buckets of their edges, and native ones if there are any.

use super::wire::{Field, Message, varint_len};
use super::{FEW, NUMBER, exemplar, fields};
use crate::metrics::cell::{Exemplar, HistogramCell, NativeBuckets, NativeReading, ZERO_THRESHOLD};

pub(super) fn write(metric: &mut Message<'_>, cell: &HistogramCell, edges: &[f64]) {
    metric.nested(fields::METRIC_HISTOGRAM, expected_len(edges), |histogram| {
        // Before the buckets, so that these have whatever they are of.
        let exemplars = cell.exemplars().unwrap_or_default();
        let native = cell.native().map(NativeBuckets::read);
        // There is one count for both kinds of bucket. It is what the native ones add up to, else Prometheus refuses
        // them; samples that came between the two readings are left to the next scrape.
        let native_count = native.as_ref().map(NativeReading::count);
        let mut count = 0u64;
        for (at, own) in cell.buckets().enumerate() {
            count = count.wrapping_add(own);
            let cumulative = native_count.map_or(count, |most| count.min(most));
            let exemplar = exemplars.iter().flatten().find(|exemplar| exemplar.bucket == at);
            match edges.get(at) {
                Some(edge) => write_bucket(histogram, cumulative, *edge, exemplar),
                // What lies above every edge has no bucket of its own, since `+Inf` is the count, but for its exemplar.
                None if exemplar.is_some() => write_bucket(histogram, cumulative, f64::INFINITY, exemplar),
                None => {}
            }
        }
        histogram.uint(fields::SAMPLE_COUNT, native_count.unwrap_or(count));
        histogram.double(fields::SAMPLE_SUM, cell.sum().as_f64());
        if let Some(native) = &native {
            write_native(histogram, native);
            // Prometheus takes those of the buckets only for series of the buckets, and before 2.51 for native ones too.
            let exemplars = exemplars.iter().flatten();
            exemplars.for_each(|exemplar| exemplar::write(histogram, fields::NATIVE_EXEMPLAR, exemplar));
        }
    });
}

fn write_bucket(histogram: &mut Message<'_>, cumulative: u64, edge: f64, exemplar: Option<&Exemplar>) {
    // Exact but for an exemplar: a key, the count, the edge.
    let length = 1 + varint_len(cumulative) + NUMBER;
    histogram.nested(fields::CLASSIC_BUCKET, length, |bucket| {
        bucket.uint(fields::CUMULATIVE_COUNT, cumulative);
        bucket.double(fields::UPPER_BOUND, edge);
        if let Some(exemplar) = exemplar {
            exemplar::write(bucket, fields::BUCKET_EXEMPLAR, exemplar);
        }
    });
}

fn write_native(histogram: &mut Message<'_>, native: &NativeReading) {
    histogram.sint(fields::SCHEMA, i64::from(native.schema));
    // Above 0, which tells that the histogram is native even before its first sample.
    histogram.double(fields::ZERO_THRESHOLD, ZERO_THRESHOLD);
    histogram.uint(fields::ZERO_COUNT, native.zero);
    write_buckets(histogram, native.negative(), fields::NEGATIVE_SPAN, fields::NEGATIVE_DELTA);
    write_buckets(histogram, native.positive(), fields::POSITIVE_SPAN, fields::POSITIVE_DELTA);
}

/// Where buckets without a gap begin, how many they are, and by how much each count differs from that of the one before.
fn write_buckets(histogram: &mut Message<'_>, buckets: &[(i32, u64)], span_field: Field, delta_field: Field) {
    if buckets.is_empty() {
        return;
    }
    let mut end = 0;
    for span in buckets.chunk_by(|(lower, _), (upper, _)| lower + 1 == *upper) {
        histogram.nested(span_field, FEW, |message| {
            message.sint(fields::SPAN_OFFSET, i64::from(span[0].0 - end));
            // The cast is of at most as many as there are buckets.
            message.uint(fields::SPAN_LENGTH, span.len() as u64);
        });
        end = span[span.len() - 1].0 + 1;
    }
    let before = [0].into_iter().chain(buckets.iter().map(|(_, count)| *count));
    // The cast wraps for counts past 2^63, and so does the reader's sum.
    let deltas = buckets.iter().zip(before).map(|((_, count), before)| count.wrapping_sub(before) as i64);
    histogram.sints(delta_field, buckets.len(), deltas);
}

/// About how long a histogram is, native buckets aside.
pub(super) fn expected_len(edges: &[f64]) -> usize {
    (edges.len() + 1) * (NUMBER + FEW) + NUMBER
}
