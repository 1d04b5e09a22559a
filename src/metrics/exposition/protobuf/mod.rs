//! The protobuf format of Prometheus: messages of `io.prometheus.client.MetricFamily`, each after its length.
//!
//! It is what Prometheus asks for first when it takes native histograms, which no text format has. Series have the
//! names, labels and values of the text formats; a histogram's `+Inf` bucket is its count.

mod exemplar;
mod fields;
mod histogram;
mod wire;

use super::encode::each_cell;
use super::number;
use crate::metrics::cell::{Cell, HistogramCell};
use crate::metrics::definition::{Kind, Unit};
use crate::metrics::family_core::FamilyCore;
use crate::metrics::label::{escaped_pairs, plain_pieces};
use wire::{Field, Message};

/// The content type, as Prometheus asks for it.
pub const CONTENT_TYPE: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Appends a family; nothing if none of its series has a value.
pub(super) fn write_family(out: &mut Vec<u8>, family: &FamilyCore) {
    let (name, help, shape) = (&*family.name, family.help(), &family.shape);
    let before = out.len();
    let mut is_empty = true;
    let cells = family.cells();
    let of_each = cells.first().map_or(0, |first| expected_len(family, first.labels()));
    wire::delimited(out, name.len() + help.len() + cells.len() * of_each, |message| {
        message.text(fields::FAMILY_NAME, name.len(), [name]);
        message.text(fields::FAMILY_HELP, help.len(), [help]);
        message.uint(fields::FAMILY_TYPE, type_of(shape.kind));
        each_cell(&cells, |cell| {
            if let Some(value) = read(cell, shape.unit) {
                is_empty = false;
                write_metric(message, family, cell.labels(), value);
            }
        });
        let stem = name.strip_suffix("_total").unwrap_or(name);
        if let Some(suffix) = shape.unit.suffix().filter(|suffix| stem.ends_with(suffix)) {
            let unit = suffix.trim_start_matches('_');
            message.text(fields::FAMILY_UNIT, unit.len(), [unit]);
        }
    });
    if is_empty {
        out.truncate(before);
    }
}

const fn type_of(kind: Kind) -> u64 {
    match kind {
        Kind::Counter => fields::TYPE_COUNTER,
        Kind::Gauge => fields::TYPE_GAUGE,
        Kind::Histogram => fields::TYPE_HISTOGRAM,
    }
}

/// What a series shows.
enum Value<'a> {
    Counter(f64),
    Gauge(f64),
    Histogram(&'a HistogramCell),
}

fn read(cell: &Cell, unit: Unit) -> Option<Value<'_>> {
    let counted = |count| match unit {
        Unit::Seconds => number::seconds(count),
        // Exact up to 2^53, which is as far as the format goes.
        _ => count as f64,
    };
    Some(match cell {
        Cell::Counter(cell) => Value::Counter(counted(cell.get())),
        Cell::ObservedCounter(cell) => Value::Counter(counted(cell.get()?)),
        Cell::Gauge(cell) => Value::Gauge(cell.get()?),
        Cell::ObservedGauge(cell) => Value::Gauge(cell.get()??),
        Cell::Host(_) => return None,
        Cell::Histogram(cell) => Value::Histogram(cell),
    })
}

fn write_metric(message: &mut Message<'_>, family: &FamilyCore, labels: &str, value: Value<'_>) {
    message.nested(fields::FAMILY_METRIC, expected_len(family, labels), |metric| {
        for (name, value) in escaped_pairs(labels) {
            write_label(metric, fields::METRIC_LABEL, name, value.len(), plain_pieces(value));
        }
        match value {
            Value::Counter(count) => metric.nested(fields::METRIC_COUNTER, NUMBER, |counter| {
                counter.double(fields::VALUE, count);
            }),
            Value::Gauge(number) => metric.nested(fields::METRIC_GAUGE, NUMBER, |gauge| {
                gauge.double(fields::VALUE, number);
            }),
            Value::Histogram(cell) => histogram::write(metric, cell, &family.shape.edges),
        }
    });
}

/// Writes a label, the value of which has about `expected` bytes.
fn write_label<T: AsRef<[u8]>>(
    message: &mut Message<'_>,
    field: Field,
    name: &str,
    expected: usize,
    value: impl IntoIterator<Item = T>,
) {
    message.nested(field, name.len() + expected + FEW, |pair| {
        pair.text(fields::LABEL_NAME, name.len(), [name]);
        pair.text(fields::LABEL_VALUE, expected, value);
    });
}

/// About how long a series is. If that is wrong, the series or the family is moved when it is written.
fn expected_len(family: &FamilyCore, labels: &str) -> usize {
    let value = match family.shape.kind {
        Kind::Counter | Kind::Gauge => NUMBER,
        Kind::Histogram => histogram::expected_len(&family.shape.edges),
    };
    labels.len() + FEW + value
}

/// The bytes of keys and lengths around a small message.
const FEW: usize = 4;

/// The bytes of a `double` with its key.
const NUMBER: usize = 9;
