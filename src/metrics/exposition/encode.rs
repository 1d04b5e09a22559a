//! The encoder: label bytes and numbers, straight from the cells into the caller's buffer.
//!
//! It allocates nothing itself: what can be prepared is prepared when a family or a series is born.

use std::hint::black_box;
use std::sync::Arc;

use super::number::LineEnd;
#[cfg(feature = "protobuf")]
use super::protobuf;
use super::{Format, number, openmetrics, text};
use crate::metrics::cell::{Cell, Exemplar, HistogramCell, Sum};
use crate::metrics::definition::{Kind, Unit};
use crate::metrics::family_core::FamilyCore;

/// What the sample lines of a family have in common.
pub(in crate::metrics) struct Frame {
    /// `name{`
    value: Box<str>,
    /// `name_bucket{`
    bucket: Box<str>,
    /// `name_sum{`
    sum: Box<str>,
    /// `name_count{`
    count: Box<str>,
    /// `le="0.5"} `, for each edge and `+Inf`.
    bounds: Box<[Short]>,
}

impl Frame {
    pub(in crate::metrics) fn new(name: &str, edges: &[f64]) -> Self {
        let head = |suffix| format!("{name}{suffix}{{").into();
        let bounds = edges.iter().map(|edge| number::bound(*edge)).chain(["+Inf".to_owned()]);
        let bounds = bounds.map(|bound| Short::new(&format!("le=\"{bound}\"}} ")));
        Self {
            value: head(""),
            bucket: head("_bucket"),
            sum: head("_sum"),
            count: head("_count"),
            bounds: bounds.collect(),
        }
    }
}

/// A text that is appended without a call: a block of a fixed size is copied, and what is too much is cut off again.
#[derive(Clone, Copy)]
struct Short {
    block: [u8; Self::LONGEST],
    len: usize,
}

impl Short {
    /// The bound of an `f64` has at most 31 bytes.
    const LONGEST: usize = 32;

    fn new(text: &str) -> Self {
        let mut block = [0; Self::LONGEST];
        block[..text.len()].copy_from_slice(text.as_bytes());
        Self { block, len: text.len() }
    }

    #[inline]
    fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.block);
        out.truncate(end);
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
    let (head, labels) = (&*family.frame.value, &**cell.labels());
    let counted = |out: &mut Vec<u8>, count| match family.shape.unit {
        Unit::Seconds => number::push_seconds(out, count),
        _ => number::push_u64(out, count),
    };
    match cell {
        Cell::Counter(cell) => sample(out, head, labels, |out| counted(out, cell.get())),
        Cell::ObservedCounter(cell) => {
            if let Some(count) = cell.get() {
                sample(out, head, labels, |out| counted(out, count));
            }
        }
        Cell::Gauge(cell) => gauge(out, head, labels, cell.get()),
        Cell::ObservedGauge(cell) => gauge(out, head, labels, cell.get().flatten()),
        Cell::Host(_) => {}
        Cell::Histogram(cell) => {
            let exemplars = if format == Format::OpenMetrics { cell.exemplars() } else { None };
            histogram(out, &family.frame, labels, cell, exemplars);
        }
    }
}

fn gauge(out: &mut Vec<u8>, head: &str, labels: &str, value: Option<f64>) {
    if let Some(value) = value {
        sample(out, head, labels, |out| number::push_f64(out, value));
    }
}

fn histogram(
    out: &mut Vec<u8>,
    frame: &Frame,
    labels: &str,
    cell: &HistogramCell,
    exemplars: Option<[Option<Exemplar>; 2]>,
) {
    let start = out.len();
    out.extend_from_slice(frame.bucket.as_bytes());
    out.extend_from_slice(labels.as_bytes());
    out.extend_from_slice(if labels.is_empty() { b"" } else { b"," });
    let common = start..out.len();
    let mut cumulative = 0u64;
    let mut count = LineEnd::of(0);
    for (at, (bound, own)) in frame.bounds.iter().zip(cell.buckets()).enumerate() {
        if at > 0 {
            out.extend_from_within(common.clone());
        }
        bound.push(out);
        if own > 0 {
            cumulative = cumulative.wrapping_add(own);
            count = LineEnd::of(cumulative);
        }
        count.push(out);
        if let Some(exemplars) = &exemplars
            && let Some(own) = exemplars.iter().flatten().find(|exemplar| exemplar.bucket == at)
        {
            out.pop();
            openmetrics::write_exemplar(out, own);
            out.push(b'\n');
        }
    }
    sample(out, &frame.sum, labels, |out| match cell.sum() {
        Sum::Nanos(nanos) => number::push_seconds(out, nanos),
        Sum::Number(sum) => number::push_f64(out, sum),
    });
    sample(out, &frame.count, labels, |out| number::push_u64(out, cumulative));
}

/// Appends a line that begins with `name{`, or with `name` if there are no labels.
#[inline]
fn sample(out: &mut Vec<u8>, head: &str, labels: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(head.as_bytes());
    if labels.is_empty() {
        out.pop();
        out.push(b' ');
    } else {
        out.extend_from_slice(labels.as_bytes());
        out.extend_from_slice(b"} ");
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_short() {
        for edge in [f64::MIN, f64::MAX, f64::MIN_POSITIVE, -1.234_567_890_123_456_7e-300, f64::from_bits(1)] {
            let mut line = Vec::new();
            Frame::new("wait", &[edge]).bounds[0].push(&mut line);
            assert_eq!(String::from_utf8(line).unwrap(), format!("le=\"{}\"}} ", number::bound(edge)));
        }
    }
}
