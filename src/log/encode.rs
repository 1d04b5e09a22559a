//! One recorded value as JSON, whatever its formatter does.

use std::error::Error;
use std::fmt::{self, Write as _};

use super::escape::{Escaper, Fit, escape};
use crate::fence::fenced;

/// Longest string of a line, in bytes of escaped text. Chosen: three such strings and the message fit into a line.
pub(super) const STRING_CAP: usize = 4 * 1024;

/// Chosen: real chains are shorter, and a `source` that leads back to itself ends here.
const CHAIN_CAP: usize = 16;

/// What stands for a value whose formatter failed.
pub(super) const FORMAT_ERROR: &[u8] = b"!(format error)";

/// How writing a value went. Whatever the answer, what was written is one whole JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The value as a JSON value: numbers as numbers, all else as a string.
pub(super) fn value(out: &mut Vec<u8>, recorded: &Recorded<'_>) -> Outcome {
    match *recorded {
        Recorded::Bool(value) => plain(out, if value { b"true" } else { b"false" }),
        Recorded::I64(value) => plain(out, itoa::Buffer::new().format(value).as_bytes()),
        Recorded::U64(value) => plain(out, itoa::Buffer::new().format(value).as_bytes()),
        Recorded::I128(value) => exact(out, itoa::Buffer::new().format(value), value.unsigned_abs()),
        Recorded::U128(value) => exact(out, itoa::Buffer::new().format(value), value),
        Recorded::F64(value) if value.is_finite() => float(out, value),
        Recorded::F64(_) => plain(out, b"null"),
        Recorded::Text(_) | Recorded::Formatted(_) | Recorded::Failure(_) => quoted(out, |out| text(out, recorded)),
    }
}

/// The value as the inside of a JSON string.
pub(super) fn text(out: &mut Vec<u8>, recorded: &Recorded<'_>) -> Outcome {
    match *recorded {
        Recorded::Text(value) => {
            let end = out.len() + STRING_CAP;
            escape(out, value, end).into()
        }
        Recorded::Formatted(value) => formatted(out, format_args!("{value:?}"), STRING_CAP),
        Recorded::Failure(value) => formatted(out, format_args!("{value}"), STRING_CAP),
        Recorded::F64(value) if !value.is_finite() => plain(out, float_word(value)),
        Recorded::I128(value) => plain(out, itoa::Buffer::new().format(value).as_bytes()),
        Recorded::U128(value) => plain(out, itoa::Buffer::new().format(value).as_bytes()),
        // Their JSON is bare and has no character that a string would escape.
        Recorded::Bool(_) | Recorded::I64(_) | Recorded::U64(_) | Recorded::F64(_) => value(out, recorded),
    }
}

/// A text as a JSON string of at most `cap` bytes.
pub(super) fn string(out: &mut Vec<u8>, value: &str, cap: usize) -> Outcome {
    quoted(out, |out| {
        let end = out.len() + cap;
        escape(out, value, end).into()
    })
}

/// Anything that can be shown, as a JSON string of at most `cap` bytes.
pub(super) fn displayed(out: &mut Vec<u8>, value: &dyn fmt::Display, cap: usize) -> Outcome {
    quoted(out, |out| formatted(out, format_args!("{value}"), cap))
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
pub(super) fn chain(out: &mut Vec<u8>, error: &(dyn Error + 'static)) -> Outcome {
    let end = out.len() + STRING_CAP;
    let mut outcome = Outcome::Whole;
    let mut next = fenced(|| error.source()).flatten();
    out.push(b'[');
    for at in 0.. {
        let Some(cause) = next else { break };
        let room = end.saturating_sub(out.len());
        if at == CHAIN_CAP || room <= FORMAT_ERROR.len() {
            outcome = worse(outcome, Outcome::Cut);
            break;
        }
        if at > 0 {
            out.push(b',');
        }
        outcome = worse(outcome, quoted(out, |out| formatted(out, format_args!("{cause}"), room)));
        next = fenced(|| cause.source()).flatten();
    }
    out.push(b']');
    outcome
}

fn worse(a: Outcome, b: Outcome) -> Outcome {
    match (a, b) {
        (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
        (Outcome::Cut, _) | (_, Outcome::Cut) => Outcome::Cut,
        (Outcome::Whole, Outcome::Whole) => Outcome::Whole,
    }
}

fn quoted(out: &mut Vec<u8>, inside: impl FnOnce(&mut Vec<u8>) -> Outcome) -> Outcome {
    out.push(b'"');
    let outcome = inside(out);
    out.push(b'"');
    outcome
}

/// Runs foreign formatting code. What it wrote before it failed is taken back.
fn formatted(out: &mut Vec<u8>, arguments: fmt::Arguments<'_>, cap: usize) -> Outcome {
    let start = out.len();
    let mut escaper = Escaper::new(out, cap);
    if let Some(Ok(())) = fenced(|| escaper.write_fmt(arguments)) {
        return escaper.fit().into();
    }
    out.truncate(start);
    out.extend_from_slice(FORMAT_ERROR);
    Outcome::Failed
}

fn plain(out: &mut Vec<u8>, json: &[u8]) -> Outcome {
    out.extend_from_slice(json);
    Outcome::Whole
}

/// 2^53: every reader of JSON keeps whole numbers up to here.
const EXACT: u128 = 1 << 53;

fn exact(out: &mut Vec<u8>, digits: &str, magnitude: u128) -> Outcome {
    if magnitude <= EXACT { plain(out, digits.as_bytes()) } else { quoted(out, |out| plain(out, digits.as_bytes())) }
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

    fn json(recorded: &Recorded<'_>) -> (String, Outcome) {
        let mut out = Vec::new();
        let outcome = value(&mut out, recorded);
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
            (Recorded::I128(-(1 << 53)), "-9007199254740992"),
            (Recorded::I128(-(1 << 53) - 1), "\"-9007199254740993\""),
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
        assert_eq!((shown.len(), outcome), (STRING_CAP + 2, Outcome::Cut));
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
        assert_eq!(chain(&mut out, &Endless), Outcome::Cut);
        let causes: Vec<String> = serde_json::from_slice(&out).expect("a JSON array");
        assert_eq!(causes.len(), CHAIN_CAP);
    }
}
