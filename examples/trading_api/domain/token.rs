//! The platform token and the tiers that require it.

use std::fmt;

use serde::{Serialize, Serializer};

/// An amount of the token in its smallest unit. Compared and summed as an integer, never as a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TokenAmount(u64);

impl TokenAmount {
    /// Decimal places of the token's mint.
    pub(crate) const DECIMALS: u8 = 9;
    /// Smallest units in one token.
    pub(crate) const ONE: Self = Self(10_u64.pow(Self::DECIMALS as u32));

    pub(crate) const fn from_smallest_units(units: u64) -> Self {
        Self(units)
    }

    /// Whole tokens; saturates at the most a mint can hold.
    pub(crate) const fn from_tokens(tokens: u64) -> Self {
        Self(tokens.saturating_mul(Self::ONE.0))
    }

    pub(crate) const fn smallest_units(self) -> u64 {
        self.0
    }

    /// `None` on overflow.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

/// Whole tokens and all nine places, so that two amounts compare at a glance.
impl fmt::Display for TokenAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / Self::ONE.0, self.0 % Self::ONE.0)
    }
}

/// A string of smallest units, as Solana writes amounts.
impl Serialize for TokenAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What a user has signed up for. As a number, its place in [`Tier::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    Basic,
    Pro,
    Institutional,
}

impl Tier {
    pub(crate) const ALL: [Self; 3] = [Self::Basic, Self::Pro, Self::Institutional];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Pro => "pro",
            Self::Institutional => "institutional",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_to_the_last_unit() {
        assert_eq!(TokenAmount::from_tokens(3).to_string(), "3.000000000");
        assert_eq!(TokenAmount::from_smallest_units(1).to_string(), "0.000000001");
        assert_eq!(TokenAmount::from_smallest_units(u64::MAX).to_string(), "18446744073.709551615");
        assert_eq!(TokenAmount::from_smallest_units(u64::MAX).plus(TokenAmount::ONE), None);
    }

    #[test]
    fn tiers_are_read_as_they_are_written() {
        for tier in Tier::ALL {
            assert_eq!(Tier::parse(tier.as_str()), Some(tier));
        }
        assert_eq!(Tier::parse("Basic"), None);
    }
}
