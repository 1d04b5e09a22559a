//! What a span or an event records, taken down as fragments.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::callsite::{Site, Verdict};
use super::encode::{self, Outcome, Recorded};
use super::fields::{Fields, Key, Suffix};
use super::rules::Rules;
use super::scratch::Message;
use crate::diagnostics::{Diagnostics, Problem};
use crate::redact::REDACTED;

/// Takes down the fields of one record.
pub(super) struct Visitor<'a> {
    pub(super) site: &'a Site,
    pub(super) rules: &'a Rules,
    pub(super) fields: &'a mut Fields,
    pub(super) message: &'a mut Message,
    pub(super) diagnostics: &'a Diagnostics,
}

impl Visitor<'_> {
    // Inlined, as is what it calls, so that each kind of value runs only what it needs.
    #[inline(always)]
    fn take(&mut self, field: &Field, recorded: Recorded<'_>) {
        let Some(field) = self.site.field(field) else { return };
        let outcome = match field.verdict {
            Verdict::Show => insert(self.fields, &field.key, &recorded, self.rules),
            Verdict::Message => self.message.set(&recorded, self.rules),
            Verdict::Redact => self.fields.insert(&field.key, redacted),
            Verdict::Drop => return,
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
    pub(super) fn set(&mut self, recorded: &Recorded<'_>, rules: &Rules) -> Outcome {
        self.clear();
        let outcome = encode::text(&mut self.bytes, recorded, rules);
        if outcome == Outcome::Cut {
            self.fit = super::escape::Fit::Cut;
        }
        outcome
    }
}

/// Takes down the fields of a line of our own, under the rules that hold for all.
pub(super) struct Own<'a> {
    pub(super) fields: &'a mut Fields,
    pub(super) rules: &'a Rules,
}

impl Own<'_> {
    /// A text, redacted if its name asks for it.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.recorded(name, &Recorded::Text(text));
    }

    /// A value of any kind, redacted if its name asks for it.
    pub(super) fn recorded(&mut self, name: &str, recorded: &Recorded<'_>) -> Outcome {
        let redacted = Recorded::Text(REDACTED);
        let shown = if self.rules.redaction.hides(name) { &redacted } else { recorded };
        insert(self.fields, &Key::new(name), shown, self.rules)
    }

    pub(super) fn count(&mut self, name: &str, count: u64) {
        insert(self.fields, &Key::new(name), &Recorded::U64(count), self.rules);
    }

    /// Anything that can be shown, as a string.
    pub(super) fn shown(&mut self, name: &str, value: &dyn fmt::Display) {
        self.shown_to(name, value, self.rules.caps.string);
    }

    /// As [`Own::shown`], for a backtrace, which may be longer than other strings.
    pub(super) fn backtrace(&mut self, name: &str, backtrace: &dyn fmt::Display) {
        self.shown_to(name, backtrace, self.rules.caps.backtrace());
    }

    fn shown_to(&mut self, name: &str, value: &dyn fmt::Display, cap: usize) {
        self.fields.insert(&Key::new(name), |out| encode::displayed(out, value, cap, self.rules));
    }
}

fn redacted(out: &mut Vec<u8>) -> Outcome {
    out.push(b'"');
    out.extend_from_slice(REDACTED.as_bytes());
    out.push(b'"');
    Outcome::Whole
}

#[inline(always)]
fn insert(fields: &mut Fields, key: &Key, recorded: &Recorded<'_>, rules: &Rules) -> Outcome {
    match *recorded {
        Recorded::F64(float) if !float.is_finite() => fields.insert_with(key, null, Suffix::Text, |out| {
            out.push(b'"');
            out.extend_from_slice(encode::float_word(float));
            out.push(b'"');
            Outcome::Whole
        }),
        Recorded::Failure(error) if encode::has_source(error) => {
            let value = |out: &mut Vec<u8>| encode::value(out, &Recorded::Failure(error), rules);
            fields.insert_with(key, value, Suffix::Chain, |out| encode::chain(out, error, rules))
        }
        _ => {
            let begun = fields.begin(key);
            let outcome = encode::value(fields.value(), recorded, rules);
            fields.end(key, begun, outcome)
        }
    }
}

fn null(out: &mut Vec<u8>) -> Outcome {
    out.extend_from_slice(b"null");
    Outcome::Whole
}
