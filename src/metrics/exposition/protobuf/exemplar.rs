//! Exemplars as messages.

use super::wire::{Field, Message};
use super::{NUMBER, fields, write_label};
use crate::metrics::cell::Exemplar;

/// Writes an exemplar, with the labels that it has in OpenMetrics.
pub(super) fn write(message: &mut Message<'_>, field: Field, exemplar: &Exemplar) {
    message.nested(field, EXPECTED, |message| {
        let (trace, span) = (exemplar.span.trace_id.to_hex(), exemplar.span.span_id.to_hex());
        write_label(message, fields::EXEMPLAR_LABEL, "trace_id", trace.len(), [trace]);
        write_label(message, fields::EXEMPLAR_LABEL, "span_id", span.len(), [span]);
        message.double(fields::EXEMPLAR_VALUE, exemplar.value);
        message.nested(fields::EXEMPLAR_TIMESTAMP, NUMBER, |timestamp| {
            let millis = exemplar.unix_millis;
            timestamp.uint(fields::SECONDS, millis / MILLIS_PER_SECOND);
            timestamp.uint(fields::NANOS, millis % MILLIS_PER_SECOND * NANOS_PER_MILLI);
        });
    });
}

/// About what it takes; less than the 128 bytes from which on lengths take two.
const EXPECTED: usize = 100;

const MILLIS_PER_SECOND: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
