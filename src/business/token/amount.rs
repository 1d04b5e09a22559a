//! Amounts of tokens, exact.

use std::cmp::Ordering;
use std::fmt;

use crate::error::InvalidValue;

/// An amount of a token in its smallest unit, with the decimal places of its mint. Compared exactly.
///
/// ```
/// use aistm7_monitoring::business::token::TokenAmount;
///
/// let required = TokenAmount::new(1_172_000_000_000, 9)?; // 1,172 tokens
/// let held = TokenAmount::new(1_171_999_999_999, 9)?;
/// assert!(held < required);
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokenAmount {
    units: u64,
    decimals: u8,
}

impl TokenAmount {
    /// The most decimal places that an amount has: those of 10^18 units in a token, twice what is usual on Solana.
    pub const MOST_DECIMALS: u8 = 18;

    /// An amount of so many smallest units.
    ///
    /// # Errors
    /// When there are more decimal places than [`Self::MOST_DECIMALS`].
    pub fn new(units: u64, decimals: u8) -> Result<Self, InvalidValue> {
        if decimals > Self::MOST_DECIMALS {
            return Err(InvalidValue::new("decimal places of a token", decimals, "18 at most"));
        }
        Ok(Self { units, decimals })
    }

    /// The amount in the smallest unit.
    pub const fn units(self) -> u64 {
        self.units
    }

    /// In tokens, for a gauge. Exact to 15 digits.
    pub fn to_f64(self) -> f64 {
        // The cast rounds to 53 bits, as a gauge does.
        self.units as f64 / 10_f64.powi(self.decimals.into())
    }

    /// In the smallest unit of all tokens. It fits: 2^64 times 10^18 is less than 2^124.
    fn in_finest_units(self) -> u128 {
        u128::from(self.units) * 10_u128.pow(u32::from(Self::MOST_DECIMALS - self.decimals))
    }
}

impl Ord for TokenAmount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.in_finest_units().cmp(&other.in_finest_units())
    }
}

impl PartialOrd for TokenAmount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for TokenAmount {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for TokenAmount {}

/// In tokens, with all decimal places.
impl fmt::Display for TokenAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.decimals);
        if places == 0 {
            return write!(f, "{}", self.units);
        }
        let scale = 10_u64.pow(self.decimals.into());
        write!(f, "{}.{:0places$}", self.units / scale, self.units % scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(units: u64, decimals: u8) -> TokenAmount {
        TokenAmount::new(units, decimals).unwrap()
    }

    #[test]
    fn amounts_compare_exactly_whatever_their_decimals() {
        // As floats these are equal.
        assert!(amount(9_007_199_254_740_993, 9) > amount(9_007_199_254_740_992, 9));
        assert_eq!(amount(1_000_000, 6), amount(1_000_000_000, 9));
        assert!(amount(u64::MAX, 0) > amount(u64::MAX, 18));
        assert!(TokenAmount::new(1, 19).is_err());
    }

    #[test]
    fn amounts_are_written_with_all_places() {
        for (amount, text) in [
            (amount(1, 9), "0.000000001"),
            (amount(1_172_000_000, 6), "1172.000000"),
            (amount(7, 0), "7"),
            (amount(u64::MAX, 18), "18.446744073709551615"),
        ] {
            assert_eq!(amount.to_string(), text);
        }
    }
}
