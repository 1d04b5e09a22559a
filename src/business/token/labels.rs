//! The labels of token metrics.

use crate::error::{InvalidValue, check_name};
use crate::work::{closed_label, name_label};

name_label! {
    /// A token's symbol, such as `SOL` or `wstETH`: the `token` label. 1 to 20 of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`,
    /// starting with a letter or digit: too short for an address.
    pub struct TokenSymbol, "token symbol", check_symbol
}

name_label! {
    /// A class of access, such as `pro`: the `tier` label.
    pub struct Tier, "tier", check_name
}

name_label! {
    /// Why access was granted or denied, such as `balance_too_low`: the `reason` label.
    pub struct AccessReason, "access reason", check_name
}

name_label! {
    /// The rule by which a price was an outlier, such as `jump`: the `rule` label.
    pub struct OutlierRule, "outlier rule", check_name
}

closed_label! {
    /// Whether a user holds what the tier requires: the `state` label.
    pub(super) enum HolderState {
        /// Enough.
        Eligible = "eligible",
        /// Too little, within a grace period.
        Grace = "grace",
        /// Too little, without access.
        Expired = "expired",
    }
}

closed_label! {
    /// Why the price that a source gave was not taken: an `outcome` of price updates.
    pub enum PriceRejection {
        /// Too old.
        Stale = "stale",
        /// Too far from what the rules allow.
        Outlier = "outlier",
        /// Its signature does not fit.
        BadSignature = "bad_signature",
    }
}

closed_label! {
    /// Which way a requirement moves: the `direction` label.
    pub enum Direction {
        /// More tokens are required.
        Up = "up",
        /// Fewer tokens are required.
        Down = "down",
    }
}

closed_label! {
    /// What began a grace period: the `cause` label. A balance that could not be verified begins none.
    pub enum GraceCause {
        /// The user holds fewer tokens.
        BalanceDropped = "balance_dropped",
        /// The tier requires more tokens.
        RequirementRaised = "requirement_raised",
        /// The price moved, and the requirement with it.
        PriceMoved = "price_moved",
    }
}

closed_label! {
    /// How a grace period ended: the `result` label. A balance that could not be verified ends none.
    pub enum GraceResult {
        /// The user holds enough again.
        Recovered = "recovered",
        /// Its time ran out.
        Expired = "expired",
        /// It was taken back before its end.
        Revoked = "revoked",
        /// A person decided otherwise.
        Overridden = "overridden",
    }
}

closed_label! {
    /// What a request for access was told: the `decision` label.
    pub enum Decision {
        /// Access.
        Grant = "grant",
        /// No access.
        Deny = "deny",
    }
}

closed_label! {
    /// What a decision rests on: the `basis` label. It tells our own faults from a user who does not hold enough.
    pub enum Basis {
        /// The balance, as the chain gave it just now.
        Verified = "verified",
        /// The balance, as it was remembered.
        Cached = "cached",
        /// A running grace period.
        Grace = "grace",
        /// Nothing: the balance could not be learned, and the rule is to grant.
        FailOpen = "fail_open",
        /// Nothing: the balance could not be learned, and the rule is to deny.
        FailClosed = "fail_closed",
        /// A person's decision.
        Override = "override",
    }
}

/// Chosen: longer than the symbols in use, shorter than an address (32 to 44 characters on Solana).
const SYMBOL_BYTES: usize = 20;

fn check_symbol(what: &'static str, symbol: &str) -> Result<(), InvalidValue> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let starts_well = symbol.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if starts_well && symbol.len() <= SYMBOL_BYTES && symbol.bytes().all(allowed) {
        return Ok(());
    }
    Err(InvalidValue::new(what, symbol, "1 to 20 of a-z, A-Z, 0-9, '-', '_' and '.', starting with a letter or digit"))
}

#[cfg(test)]
mod tests {
    use super::check_symbol;

    #[test]
    fn symbol_may_have_capitals_and_is_no_address() {
        for symbol in ["SOL", "wstETH", "1INCH", "BRK.B"] {
            assert_eq!(check_symbol("token symbol", symbol), Ok(()), "{symbol}");
        }
        for bad in ["", "_other", "$WIF", "S OL", "So11111111111111111111111111111111111111112"] {
            assert!(check_symbol("token symbol", bad).is_err(), "{bad:?}");
        }
    }
}
