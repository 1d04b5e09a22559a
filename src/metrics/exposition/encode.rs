//! The encoder: label bytes and numbers, straight from the cells into the caller's buffer.
//!
//! It allocates nothing itself: what can be prepared is prepared when a family or a series is born.

use std::hint::black_box;
use std::sync::Arc;

#[cfg(feature = "protobuf")]
use super::protobuf;
use super::{Format, number, openmetrics, text};
use crate::metrics::cell::{Cell, Exemplar, HistogramCell, Sum};
use crate::metrics::definition::{Kind, Unit};
use crate::metrics::family_core::FamilyCore;

/// What the sample lines of a histogram family have in common.
pub(in crate::metrics) struct Frame {
    /// `name_bucket{`
    bucket: Box<str>,
    /// `le="0.5"} `, for each edge and `+Inf`.
    bounds: Box<[Box<str>]>,
}

impl Frame {
    pub(in crate::metrics) fn new(name: &str, edges: &[f64]) -> Self {
        let bounds = edges.iter().map(|edge| number::bound(*edge)).chain(["+Inf".to_owned()]);
        let bounds = bounds.map(|bound| format!("le=\"{bound}\"}} ").into());
        Self { bucket: format!("{name}_bucket{{").into(), bounds: bounds.collect() }
    }
}

/// Appends those of all families, which are sorted by name, that are wanted. Those without a value are left out.
pub(in crate::metrics) fn encode(
    families: &[Arc<FamilyCore>],
    wanted: impl Fn(&str) -> bool,
    format: Format,
    out: &mut Vec<u8>,
) {
    for family in families.iter().filter(|family| wanted(&family.name)) {
        match format {
            Format::Text => write_family(out, family, format, |out| {
                text::write_metadata(out, &family.name, family.shape.kind.as_str(), family.help());
            }),
            Format::OpenMetrics => write_family(out, family, format, |out| write_open_metadata(families, family, out)),
            #[cfg(feature = "protobuf")]
            Format::Protobuf => protobuf::write_family(out, family),
        }
    }
    if format == Format::OpenMetrics {
        out.extend_from_slice(openmetrics::END);
    }
}

/// Appends a family as text; nothing if none of its series has a value.
fn write_family(out: &mut Vec<u8>, family: &FamilyCore, format: Format, write_metadata: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    write_metadata(out);
    let samples = out.len();
    each_cell(&family.cells(), |cell| write_series(out, family, cell, format));
    if out.len() == samples {
        out.truncate(before);
    }
}

/// Calls for one cell after the other.
pub(super) fn each_cell(cells: &[Cell], mut call: impl FnMut(&Cell)) {
    for batch in cells.chunks(BATCH) {
        black_box(batch.iter().map(Cell::touch).fold(0, u64::wrapping_add));
        batch.iter().for_each(&mut call);
    }
}

/// Cells that are touched before they are written. Sorted by labels they lie anywhere in memory, and waiting for one after
/// the other took a third of the time; the processor fetches independent ones together. Measured: 8 to 32 are alike.
const BATCH: usize = 16;

fn write_open_metadata(families: &[Arc<FamilyCore>], family: &FamilyCore, out: &mut Vec<u8>) {
    let (name, shape) = (&*family.name, &family.shape);
    let shown = match shape.kind {
        Kind::Counter => openmetrics::counter_family(name, |stem| is_shown(families, stem)),
        _ => Some(name),
    };
    openmetrics::write_metadata(out, shown.unwrap_or(name), shown.map(|_| shape.kind), shape.unit, family.help());
}

/// Whether a family, or a part of a histogram, has this name.
fn is_shown(families: &[Arc<FamilyCore>], name: &str) -> bool {
    let find = |name: &str| families.binary_search_by(|family| (*family.name).cmp(name)).ok();
    let is_histogram = |at: usize| families[at].shape.kind == Kind::Histogram;
    let mut stems = HISTOGRAM_PARTS.iter().filter_map(|part| name.strip_suffix(part));
    find(name).is_some() || stems.any(|stem| find(stem).is_some_and(is_histogram))
}

/// The suffixes under which the parts of a histogram are shown.
pub(in crate::metrics) const HISTOGRAM_PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

fn write_series(out: &mut Vec<u8>, family: &FamilyCore, cell: &Cell, format: Format) {
    let (name, labels) = (&*family.name, &**cell.labels());
    let counted = |out: &mut Vec<u8>, count| match family.shape.unit {
        Unit::Seconds => number::push_seconds(out, count),
        _ => number::push_u64(out, count),
    };
    match cell {
        Cell::Counter(cell) => sample(out, name, "", labels, |out| counted(out, cell.get())),
        Cell::ObservedCounter(cell) => {
            if let Some(count) = cell.get() {
                sample(out, name, "", labels, |out| counted(out, count));
            }
        }
        Cell::Gauge(cell) => gauge(out, name, labels, cell.get()),
        Cell::ObservedGauge(cell) => gauge(out, name, labels, cell.get().flatten()),
        Cell::Host(_) => {}
        Cell::Histogram(cell) => {
            let exemplars = if format == Format::OpenMetrics { cell.exemplars() } else { None };
            histogram(out, family, labels, cell, exemplars);
        }
    }
}

fn gauge(out: &mut Vec<u8>, name: &str, labels: &str, value: Option<f64>) {
    if let Some(value) = value {
        sample(out, name, "", labels, |out| number::push_f64(out, value));
    }
}

fn histogram(
    out: &mut Vec<u8>,
    family: &FamilyCore,
    labels: &str,
    cell: &HistogramCell,
    exemplars: Option<[Option<Exemplar>; 2]>,
) {
    let (name, frame) = (&*family.name, &family.frame);
    let start = out.len();
    out.extend_from_slice(frame.bucket.as_bytes());
    out.extend_from_slice(labels.as_bytes());
    out.extend_from_slice(if labels.is_empty() { b"" } else { b"," });
    let common = start..out.len();
    let mut buffer = itoa::Buffer::new();
    let (mut cumulative, mut digits) = (0u64, "0");
    for (at, (bound, own)) in frame.bounds.iter().zip(cell.buckets()).enumerate() {
        if at > 0 {
            out.extend_from_within(common.clone());
        }
        out.extend_from_slice(bound.as_bytes());
        if own > 0 {
            cumulative = cumulative.wrapping_add(own);
            digits = buffer.format(cumulative);
        }
        out.extend_from_slice(digits.as_bytes());
        if let Some(exemplars) = &exemplars {
            let own = exemplars.iter().flatten().find(|exemplar| exemplar.bucket == at);
            own.into_iter().for_each(|exemplar| openmetrics::write_exemplar(out, exemplar));
        }
        out.push(b'\n');
    }
    sample(out, name, "_sum", labels, |out| match cell.sum() {
        Sum::Nanos(nanos) => number::push_seconds(out, nanos),
        Sum::Number(sum) => number::push_f64(out, sum),
    });
    sample(out, name, "_count", labels, |out| out.extend_from_slice(digits.as_bytes()));
}

fn sample(out: &mut Vec<u8>, name: &str, suffix: &str, labels: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    if !labels.is_empty() {
        out.push(b'{');
        out.extend_from_slice(labels.as_bytes());
        out.push(b'}');
    }
    out.push(b' ');
    value(out);
    out.push(b'\n');
}

/// Appends a text with the bytes that `is_special` names escaped. All of them are ASCII.
pub(super) fn escape_into(out: &mut Vec<u8>, text: &str, is_special: impl Fn(u8) -> bool) {
    for byte in text.bytes() {
        if is_special(byte) {
            out.push(b'\\');
        }
        out.push(if byte == b'\n' { b'n' } else { byte });
    }
}
