//! Numbers as the formats spell them, written without allocating.

use std::io::Write;

/// The digits of a whole number.
#[inline]
pub(super) fn push_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The rest of a line that ends in a whole number: its digits and the line's end. Those of most counts fit into one
/// word, which is appended without a call; with that a histogram takes a sixth less time.
#[derive(Clone, Copy)]
pub(super) enum LineEnd {
    /// The first byte is the lowest.
    Word {
        bytes: u64,
        len: usize,
    },
    Long(u64),
}

impl LineEnd {
    /// The first number with too many digits to share a word with the end of a line.
    const FIRST_LONG: u32 = 10_000_000;

    #[inline]
    pub(super) fn of(number: u64) -> Self {
        let Some(mut rest) = u32::try_from(number).ok().filter(|number| *number < Self::FIRST_LONG) else {
            return Self::Long(number);
        };
        let (mut bytes, mut len) = (u64::from(b'\n'), 1);
        loop {
            bytes = bytes << u8::BITS | u64::from(u32::from(b'0') + rest % 10);
            len += 1;
            rest /= 10;
            if rest == 0 {
                return Self::Word { bytes, len };
            }
        }
    }

    #[inline]
    pub(super) fn push(self, out: &mut Vec<u8>) {
        match self {
            Self::Word { bytes, len } => {
                let end = out.len() + len;
                out.extend_from_slice(&bytes.to_le_bytes());
                out.truncate(end);
            }
            Self::Long(number) => {
                push_u64(out, number);
                out.push(b'\n');
            }
        }
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds as seconds, exactly.
pub(super) fn push_seconds(out: &mut Vec<u8>, nanos: u64) {
    push_u64(out, nanos / NANOS_PER_SECOND);
    let rest = nanos % NANOS_PER_SECOND;
    if rest > 0 {
        // The one in front keeps the zeros that the fraction starts with; the point takes its place.
        let mut buffer = itoa::Buffer::new();
        let fraction = buffer.format(NANOS_PER_SECOND + rest).trim_end_matches('0');
        out.push(b'.');
        out.extend_from_slice(&fraction.as_bytes()[1..]);
    }
}

/// Nanoseconds as the number of seconds next to them: the one that [`push_seconds`] reads back as.
pub(in crate::metrics) fn seconds(nanos: u64) -> f64 {
    let whole = nanos as f64;
    if whole < EXACT {
        // One rounding, that of the division.
        return whole / NANOS_PER_SECOND as f64;
    }
    // The quotient with far more digits than an `f64` has, the last of which stands for all that follow, so that the
    // cast rounds as it would round the whole fraction. Scaling it back is exact.
    const SCALE: u32 = 63;
    let (scaled, divisor) = (u128::from(nanos) << SCALE, u128::from(NANOS_PER_SECOND));
    let quotient = (scaled / divisor) | u128::from(!scaled.is_multiple_of(divisor));
    quotient as f64 / (1u64 << SCALE) as f64
}

/// Below this every whole `f64` is the integer that it looks like.
const EXACT: f64 = (1u64 << f64::MANTISSA_DIGITS) as f64;

/// Any number; shortest digits that read back as the same.
pub(super) fn push_f64(out: &mut Vec<u8>, number: f64) {
    if number.is_infinite() {
        out.extend_from_slice(if number > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if number.fract() == 0.0 && number.abs() < EXACT && number.to_bits() != (-0.0f64).to_bits() {
        // The cast is exact, see the bound. This is a tenth of the cost of the general way.
        out.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else {
        // OK because a Vec takes every byte.
        write!(out, "{number}").expect("OK because a Vec takes every byte");
    }
}

/// The value of an `le` label in the canonical form of OpenMetrics, which Prometheus 3 gives it in both formats:
/// `1.0`, `0.25`, `1e-05`, `1.048576e+06`.
pub(super) fn bound(edge: f64) -> String {
    let scientific = format!("{edge:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{edge:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_spelled_like_this() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (-7.0, "-7"),
            (1.5, "1.5"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (9_007_199_254_740_992.0, "9007199254740992"),
        ] {
            assert_eq!(written(|out| push_f64(out, number)), text);
        }
        for (nanos, text) in
            [(0, "0"), (1, "0.000000001"), (1_250_000_000, "1.25"), (u64::MAX, "18446744073.709551615")]
        {
            assert_eq!(written(|out| push_seconds(out, nanos)), text);
        }
    }

    #[test]
    fn bounds_are_canonical() {
        for (edge, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (100_000.0, "100000.0"),
            (1_000_000.0, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(bound(edge), text);
        }
    }

    #[test]
    fn line_ends_are_digits_and_a_newline() {
        let powers = (0..20).map(|exponent| 10u64.pow(exponent));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX]) {
            assert_eq!(written(|out| LineEnd::of(number).push(out)), format!("{number}\n"));
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_themselves(number in any::<f64>(), nanos in any::<u64>()) {
            let read: f64 = written(|out| push_f64(out, number)).parse().unwrap();
            prop_assert!(read == number || number.is_nan());
            let parts = written(|out| push_seconds(out, nanos));
            let (whole, rest) = parts.split_once('.').unwrap_or((&parts, "0"));
            let read = whole.parse::<u64>().unwrap() * NANOS_PER_SECOND + format!("{rest:0<9}").parse::<u64>().unwrap();
            prop_assert_eq!(read, nanos);
            for nanos in [nanos, nanos >> 10, nanos >> 40] {
                prop_assert_eq!(seconds(nanos), written(|out| push_seconds(out, nanos)).parse::<f64>().unwrap());
            }
            prop_assert_eq!(bound(number).parse::<f64>().ok().filter(|read| !read.is_nan()), Some(number).filter(|n| !n.is_nan()));
        }
    }
}
