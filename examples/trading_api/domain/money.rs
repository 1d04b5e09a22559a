//! Amounts of US dollars, exact.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// US dollars in ten-thousandths, as quotes come. Written as a decimal with two to four places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Usd(i64);

/// Ten-thousandths in a dollar.
const SCALE: i64 = 10_000;

impl Usd {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) const fn from_ten_thousandths(amount: i64) -> Self {
        Self(amount)
    }

    pub(crate) const fn from_dollars(dollars: i32) -> Self {
        Self(dollars as i64 * SCALE)
    }

    pub(crate) const fn ten_thousandths(self) -> i64 {
        self.0
    }

    /// For statistics only; sums of money stay integers.
    pub(crate) fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    /// The nearest ten-thousandth; `None` for what is not finite or too large.
    pub(crate) fn from_f64(dollars: f64) -> Option<Self> {
        let scaled = (dollars * SCALE as f64).round();
        // Within 2^53 every integer has an exact f64, so the cast loses nothing.
        (scaled.abs() <= 9_007_199_254_740_992.0).then_some(Self(scaled as i64))
    }

    /// Price times quantity; `None` on overflow.
    pub(crate) fn times(self, quantity: i64) -> Option<Self> {
        self.0.checked_mul(quantity).map(Self)
    }

    /// `None` on overflow.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        let (dollars, fraction) = (amount / scale, amount % scale);
        if fraction % 100 == 0 {
            write!(f, "{sign}{dollars}.{:02}", fraction / 100)
        } else if fraction % 10 == 0 {
            write!(f, "{sign}{dollars}.{:03}", fraction / 10)
        } else {
            write!(f, "{sign}{dollars}.{fraction:04}")
        }
    }
}

/// A string, because a JSON number is a float to most readers.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not a plain decimal number of dollars with at most four places.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal amount of dollars with at most four places")]
pub(crate) struct InvalidUsd;

impl FromStr for Usd {
    type Err = InvalidUsd;

    fn from_str(text: &str) -> Result<Self, InvalidUsd> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 4 {
            return Err(InvalidUsd);
        }
        let whole: i64 = whole.parse().map_err(|_| InvalidUsd)?;
        let fraction: i64 = format!("{fraction:0<4}").parse().map_err(|_| InvalidUsd)?;
        let amount = whole.checked_mul(SCALE).and_then(|scaled| scaled.checked_add(fraction)).ok_or(InvalidUsd)?;
        Ok(Self(if negative { -amount } else { amount }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_two_to_four_places() {
        for (amount, text) in [
            (0, "0.00"),
            (1, "0.0001"),
            (-1, "-0.0001"),
            (10_000, "1.00"),
            (1_684_200, "168.42"),
            (8_530, "0.853"),
            (i64::MIN, "-922337203685477.5808"),
        ] {
            assert_eq!(Usd(amount).to_string(), text);
        }
    }

    #[test]
    fn amounts_are_read_exactly_or_refused() {
        assert_eq!("168.42".parse(), Ok(Usd(1_684_200)));
        assert_eq!("-0.0001".parse(), Ok(Usd(-1)));
        assert_eq!("7".parse(), Ok(Usd(70_000)));
        for text in ["", ".", "1.", ".5", "1e3", "1.00005", "NaN", "C168.42", "--1", "1_0"] {
            assert_eq!(text.parse::<Usd>(), Err(InvalidUsd), "{text:?}");
        }
        assert_eq!("99999999999999999999".parse::<Usd>(), Err(InvalidUsd), "overflow");
    }

    #[test]
    fn floats_round_to_the_nearest_or_are_refused() {
        assert_eq!(Usd::from_f64(1.000_049), Some(Usd(10_000)));
        assert_eq!(Usd::from_f64(-2.5), Some(Usd(-25_000)));
        for value in [f64::NAN, f64::INFINITY, 1e30] {
            assert_eq!(Usd::from_f64(value), None, "{value}");
        }
    }
}
