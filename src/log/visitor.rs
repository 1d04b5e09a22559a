//! What a span or an event records, taken down as fragments.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::callsite::{Callsite, Verdict};
use super::encode::{self, Outcome, Recorded};
use super::fields::{Fields, Suffix};
use super::scratch::Message;
use crate::diagnostics::{Diagnostics, Problem};
use crate::redact::REDACTED;

/// Takes down the fields of one record.
pub(super) struct Visitor<'a> {
    pub(super) callsite: Callsite,
    pub(super) fields: &'a mut Fields,
    /// Where a field `message` goes; `None` for spans, whose `message` is a field like others.
    pub(super) message: Option<&'a mut Message>,
    pub(super) diagnostics: &'a Diagnostics,
}

impl Visitor<'_> {
    fn take(&mut self, field: &Field, recorded: Recorded<'_>) {
        // `r#type` is how Rust spells `type`.
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        let outcome = match (self.callsite.verdict(field), &mut self.message) {
            (Verdict::Drop, _) => return,
            (Verdict::Redact, _) => insert_text(self.fields, name, REDACTED),
            (Verdict::Show, Some(message)) if name == "message" => message.set(&recorded),
            (Verdict::Show, _) => insert(self.fields, name, &recorded),
        };
        if outcome == Outcome::Failed {
            self.diagnostics.count(Problem::FormatFailed);
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, Recorded::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, Recorded::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, Recorded::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.take(field, Recorded::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.take(field, Recorded::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, Recorded::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, Recorded::Text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.take(field, Recorded::Failure(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, Recorded::Formatted(value));
    }
}

impl Message {
    /// Replaces the message; of two, the last one wins.
    pub(super) fn set(&mut self, recorded: &Recorded<'_>) -> Outcome {
        self.clear();
        let outcome = encode::text(&mut self.bytes, recorded);
        if outcome == Outcome::Cut {
            self.fit = super::escape::Fit::Cut;
        }
        outcome
    }
}

/// Adds a field of a text.
pub(super) fn insert_text(fields: &mut Fields, name: &str, text: &str) -> Outcome {
    fields.insert(name, |out| encode::string(out, text, encode::STRING_CAP))
}

fn insert(fields: &mut Fields, name: &str, recorded: &Recorded<'_>) -> Outcome {
    let value = |out: &mut Vec<u8>| encode::value(out, recorded);
    match *recorded {
        Recorded::F64(float) if !float.is_finite() => fields.insert_with(name, value, Suffix::Text, |out| {
            out.push(b'"');
            out.extend_from_slice(encode::float_word(float));
            out.push(b'"');
            Outcome::Whole
        }),
        Recorded::Failure(error) if encode::has_source(error) => {
            fields.insert_with(name, value, Suffix::Chain, |out| encode::chain(out, error))
        }
        _ => fields.insert(name, value),
    }
}
