//! One recorded value as JSON, whatever its formatter does.

use std::error::Error;
use std::fmt::{self, Write as _};

use super::escape::{Escaper, Fit, escape};
use super::json::{Heard, listen};
use super::rules::Rules;
use super::structure;
use crate::fence::fenced;
use crate::redact::scrub_secrets;

/// Chosen: real chains are shorter, and a `source` that leads back to itself ends here.
const CHAIN_CAP: usize = 16;

/// How far beyond a cap a text is searched for secrets that begin before it. Chosen: longer than tokens and passwords.
const LOOKAHEAD: usize = 4 * 1024;

/// What stands for a value whose formatter failed.
pub(super) const FORMAT_ERROR: &[u8] = b"!(format error)";

/// How writing a value went. Whatever the answer, what was written is one whole JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Whole,
    /// Not all of it fit under its cap.
    Cut,
    /// A formatter failed or panicked; [`FORMAT_ERROR`] stands in its place.
    Failed,
}

impl From<Fit> for Outcome {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Whole => Self::Whole,
            Fit::Cut => Self::Cut,
        }
    }
}

/// A value as `tracing` hands it to a visitor.
pub(super) enum Recorded<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    I128(i128),
    U128(u128),
    F64(f64),
    Text(&'a str),
    Formatted(&'a dyn fmt::Debug),
    Failure(&'a (dyn Error + 'static)),
}

impl Outcome {
    /// That of two values together.
    pub(super) fn worse(self, other: Self) -> Self {
        self.max(other)
    }
}

/// The value as a JSON value: numbers that every reader keeps exact as numbers, structured values as they are, all else
/// as a string. Whatever the value, one kind of recorded value has one JSON type, or is `null`.
#[inline(always)]
pub(super) fn value(out: &mut Vec<u8>, recorded: &Recorded<'_>, rules: &Rules) -> Outcome {
    match *recorded {
        Recorded::Bool(value) => boolean(out, value),
        Recorded::I64(value) => integer(out, value),
        Recorded::U64(value) => integer(out, value),
        Recorded::F64(value) if value.is_finite() => float(out, value),
        Recorded::F64(_) => plain(out, b"null"),
        Recorded::Formatted(value) => formatted_or_structured(out, value, rules),
        Recorded::I128(_) | Recorded::U128(_) | Recorded::Text(_) | Recorded::Failure(_) => {
            out.push(b'"');
            let outcome = text(out, recorded, rules);
            out.push(b'"');
            outcome
        }
    }
}

/// The value as the inside of a JSON string.
#[inline(always)]
pub(super) fn text(out: &mut Vec<u8>, recorded: &Recorded<'_>, rules: &Rules) -> Outcome {
    let cap = rules.caps.string;
    match *recorded {
        Recorded::Text(value) => escaped(out, value, cap, rules),
        Recorded::Formatted(value) => formatted(out, format_args!("{value:?}"), cap, rules),
        Recorded::Failure(value) => formatted(out, format_args!("{value}"), cap, rules),
        Recorded::F64(value) if !value.is_finite() => plain(out, float_word(value)),
        Recorded::I128(value) => integer(out, value),
        Recorded::U128(value) => integer(out, value),
        // Their JSON has no character that a string would escape.
        Recorded::F64(value) => float(out, value),
        Recorded::I64(value) => integer(out, value),
        Recorded::U64(value) => integer(out, value),
        Recorded::Bool(value) => boolean(out, value),
    }
}

/// A text as a JSON string of at most `cap` bytes.
pub(super) fn string(out: &mut Vec<u8>, value: &str, cap: usize, rules: &Rules) -> Outcome {
    quoted(out, |out| escaped(out, value, cap, rules))
}

/// Anything that can be shown, as a JSON string of at most `cap` bytes.
pub(super) fn displayed(out: &mut Vec<u8>, value: &dyn fmt::Display, cap: usize, rules: &Rules) -> Outcome {
    quoted(out, |out| formatted(out, format_args!("{value}"), cap, rules))
}

/// A number of a structured value, which is finite.
pub(super) fn number(out: &mut Vec<u8>, number: &serde_json::Number) {
    match serde_json::to_writer(out, number) {
        Ok(()) => {}
        Err(_) => unreachable!("writing a number to memory does not fail"),
    }
}

/// What is said of a float that JSON has no number for.
pub(super) fn float_word(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"Infinity"
    } else {
        b"-Infinity"
    }
}

/// Whether an error has causes to tell; a `source` that panics has none.
pub(super) fn has_source(error: &(dyn Error + 'static)) -> bool {
    fenced(|| error.source().is_some()).unwrap_or(false)
}

/// The causes of an error, nearest first, as a JSON array of strings.
pub(super) fn chain(out: &mut Vec<u8>, error: &(dyn Error + 'static), rules: &Rules) -> Outcome {
    let end = out.len() + rules.caps.string;
    let mut outcome = Outcome::Whole;
    let mut next = fenced(|| error.source()).flatten();
    out.push(b'[');
    for at in 0.. {
        let Some(cause) = next else { break };
        let room = end.saturating_sub(out.len());
        if at == CHAIN_CAP || room <= FORMAT_ERROR.len() {
            outcome = outcome.worse(Outcome::Cut);
            break;
        }
        if at > 0 {
            out.push(b',');
        }
        outcome = outcome.worse(displayed(out, cause, room, rules));
        next = fenced(|| cause.source()).flatten();
    }
    out.push(b']');
    outcome
}

/// A value that only its `Debug` tells of: a text, unless that hands over a structured value.
fn formatted_or_structured(out: &mut Vec<u8>, value: &dyn fmt::Debug, rules: &Rules) -> Outcome {
    let start = out.len();
    let as_text = |out: &mut Vec<u8>| quoted(out, |out| text(out, &Recorded::Formatted(value), rules));
    let (outcome, heard) = listen(|| as_text(out));
    match heard {
        Heard::Nothing => outcome,
        Heard::Value(structured) if out[start..] == *b"\"\"" => {
            out.truncate(start);
            structure::write(out, &structured, rules)
        }
        // Only a part of the value was structured, so all of it is a text.
        Heard::Value(_) => {
            out.truncate(start);
            as_text(out)
        }
        Heard::Failure => {
            out.truncate(start);
            out.extend_from_slice(b"null");
            Outcome::Failed
        }
    }
}

fn quoted(out: &mut Vec<u8>, inside: impl FnOnce(&mut Vec<u8>) -> Outcome) -> Outcome {
    out.push(b'"');
    let outcome = inside(out);
    out.push(b'"');
    outcome
}

/// A text without its secrets, if the rules ask for that.
#[inline]
fn escaped(out: &mut Vec<u8>, value: &str, cap: usize, rules: &Rules) -> Outcome {
    let start = out.len();
    let fit = escape(out, value, start + cap);
    if !rules.redaction.suspects(&out[start..]) {
        return fit.into();
    }
    out.truncate(start);
    scrubbed(out, value, cap)
}

#[cold]
fn scrubbed(out: &mut Vec<u8>, value: &str, cap: usize) -> Outcome {
    let searched = &value[..value.floor_char_boundary(cap + LOOKAHEAD)];
    let end = out.len() + cap;
    let fit = escape(out, &scrub_secrets(searched), end);
    if searched.len() < value.len() { Outcome::Cut } else { fit.into() }
}

/// Runs foreign formatting code. What it wrote before it failed is taken back. What it writes is escaped on its way; only
/// if that may hold a secret it runs once more, for the text as it was.
fn formatted(out: &mut Vec<u8>, arguments: fmt::Arguments<'_>, cap: usize, rules: &Rules) -> Outcome {
    let start = out.len();
    let mut escaper = Escaper::new(out, cap);
    let Some(Ok(())) = fenced(|| escaper.write_fmt(arguments)) else {
        return failed(out, start);
    };
    let fit = escaper.fit();
    if !rules.redaction.suspects(&out[start..]) {
        return fit.into();
    }
    let mut raw = Raw { text: String::new(), cap: cap + LOOKAHEAD };
    let Some(Ok(())) = fenced(|| raw.write_fmt(arguments)) else {
        return failed(out, start);
    };
    out.truncate(start);
    escaped(out, &raw.text, cap, rules).worse(fit.into())
}

fn failed(out: &mut Vec<u8>, start: usize) -> Outcome {
    out.truncate(start);
    out.extend_from_slice(FORMAT_ERROR);
    Outcome::Failed
}

/// Keeps the beginning of what is formatted into it. Past the cap it takes and discards.
struct Raw {
    text: String,
    cap: usize,
}

impl fmt::Write for Raw {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.cap.saturating_sub(self.text.len());
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        Ok(())
    }
}

fn plain(out: &mut Vec<u8>, json: &[u8]) -> Outcome {
    out.extend_from_slice(json);
    Outcome::Whole
}

fn boolean(out: &mut Vec<u8>, value: bool) -> Outcome {
    plain(out, if value { b"true" } else { b"false" })
}

fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) -> Outcome {
    plain(out, itoa::Buffer::new().format(value).as_bytes())
}

/// Shortest digits that read back the same, always with `.0` or an exponent, so that a key keeps one type.
fn float(out: &mut Vec<u8>, value: f64) -> Outcome {
    match serde_json::to_writer(out, &value) {
        Ok(()) => Outcome::Whole,
        Err(_) => unreachable!("writing a number to memory does not fail"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::caps::Caps;

    fn json(recorded: &Recorded<'_>) -> (String, Outcome) {
        let mut out = Vec::new();
        let outcome = value(&mut out, recorded, &Rules::default());
        (String::from_utf8(out).expect("UTF-8"), outcome)
    }

    #[test]
    fn numbers_keep_one_type_and_their_value() {
        for (recorded, expected) in [
            (Recorded::F64(1.0), "1.0"),
            (Recorded::F64(-0.5), "-0.5"),
            (Recorded::F64(1e300), "1e+300"),
            (Recorded::F64(f64::NAN), "null"),
            (Recorded::I64(i64::MIN), "-9223372036854775808"),
            (Recorded::U64(u64::MAX), "18446744073709551615"),
            (Recorded::I128(-5), "\"-5\""),
            (Recorded::U128(u128::MAX), "\"340282366920938463463374607431768211455\""),
            (Recorded::Bool(true), "true"),
        ] {
            assert_eq!(json(&recorded).0, expected);
        }
        for whole in [0.0, 1e15, 1e16, 1e17, 1e21, 1e22, f64::MAX, f64::MIN_POSITIVE] {
            let (shown, _) = json(&Recorded::F64(whole));
            assert!(shown.contains(['.', 'e']), "{shown}");
            assert_eq!(shown.parse(), Ok(whole));
        }
    }

    struct Bad(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

    impl fmt::Debug for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            (self.0)(f)
        }
    }

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("dropping the payload");
        }
    }

    #[test]
    fn failing_formatters_leave_nothing_behind() {
        let panics = |_: &mut fmt::Formatter<'_>| panic!("in Debug");
        let panics_again = |_: &mut fmt::Formatter<'_>| std::panic::panic_any(PanicsAgain);
        for bad in [Bad(|_| Err(fmt::Error)), Bad(panics), Bad(panics_again)] {
            assert_eq!(json(&Recorded::Formatted(&bad)), ("\"!(format error)\"".to_owned(), Outcome::Failed));
        }
    }

    #[test]
    fn formatter_that_insists_on_success_is_cut_without_a_panic() {
        let insists = Bad(|f| {
            for _ in 0..1_000 {
                write!(f, "0123456789").expect("a sink that takes all");
            }
            Ok(())
        });
        let (shown, outcome) = json(&Recorded::Formatted(&insists));
        assert_eq!((shown.len(), outcome), (Caps::DEFAULT_STRING_BYTES + 2, Outcome::Cut));
    }

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Endless)
        }
    }

    #[test]
    fn chain_that_leads_back_to_itself_ends() {
        let mut out = Vec::new();
        assert_eq!(chain(&mut out, &Endless, &Rules::default()), Outcome::Cut);
        let causes: Vec<String> = serde_json::from_slice(&out).expect("a JSON array");
        assert_eq!(causes.len(), CHAIN_CAP);
    }
}
