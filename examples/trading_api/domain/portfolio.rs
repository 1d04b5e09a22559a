//! A user's portfolio and the prices of what it holds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Day, Usd};

/// An opaque portfolio id that came in over the wire and passed the rule for ids.
///
/// It may stand in log details and in cache keys; it is never a metric label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PortfolioId(String);

/// Longest id accepted; ours have two characters.
const MAX_ID_LENGTH: usize = 32;

/// An id outside the rule. It does not carry the text: that is not ours to repeat.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a portfolio id has 1 to {MAX_ID_LENGTH} characters of a-z, A-Z, 0-9, '-' and '_'")]
pub(crate) struct InvalidPortfolioId;

impl PortfolioId {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPortfolioId> {
        let permitted = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(permitted) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPortfolioId)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PortfolioId {
    type Error = InvalidPortfolioId;

    fn try_from(text: String) -> Result<Self, InvalidPortfolioId> {
        Self::parse(&text)
    }
}

impl fmt::Display for PortfolioId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is held, and since when the account is ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Portfolio {
    pub(crate) id: PortfolioId,
    /// Day on which the account was linked, in days since the epoch.
    pub(crate) opened: i32,
    /// By symbol, ascending.
    pub(crate) holdings: Vec<Holding>,
}

impl Portfolio {
    pub(crate) const fn opened(&self) -> Day {
        Day::from_epoch_days(self.opened)
    }
}

/// A number of shares of one instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holding {
    pub(crate) symbol: String,
    pub(crate) quantity: i64,
}

/// The closing price of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) day: Day,
    pub(crate) price: Usd,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_plain_words() {
        for id in ["1", "20", "user123", "a-b_C", "x".repeat(32).as_str()] {
            assert!(PortfolioId::parse(id).is_ok(), "{id:?}");
        }
        for id in ["", " ", "1 ", "../1", "a/b", "é", "1\n", "1\0", "'--", "x".repeat(33).as_str()] {
            assert_eq!(PortfolioId::parse(id), Err(InvalidPortfolioId), "{id:?}");
        }
    }
}
