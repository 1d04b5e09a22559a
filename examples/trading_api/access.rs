//! Whether a wallet holds what its tier requires.
//!
//! A tier is worth a fixed number of dollars in tokens, so the number of tokens follows the token's price. It follows
//! in steps: a new number counts when it is more than [`MIN_ADJUSTMENT_PERCENT`] away from the present one, so that a
//! user at the edge does not flap with each tick.

use std::sync::{PoisonError, RwLock};

use serde::Serialize;

use crate::domain::{Tier, TokenAmount, Usd};

/// Smaller changes leave a requirement as it is.
const MIN_ADJUSTMENT_PERCENT: u64 = 2;

/// What a tier costs, in dollars of tokens held.
const fn dollars_worth(tier: Tier) -> i32 {
    match tier {
        Tier::Basic => 100,
        Tier::Pro => 1_000,
        Tier::Institutional => 25_000,
    }
}

/// The tokens that each tier requires at present.
#[derive(Debug)]
pub(crate) struct Requirements(RwLock<[TokenAmount; Tier::ALL.len()]>);

/// A requirement that has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Adjustment {
    pub(crate) tier: Tier,
    pub(crate) direction: Direction,
    pub(crate) required: TokenAmount,
}

impl Requirements {
    /// A token for each dollar, as when the platform opened; until a price is known.
    pub(crate) fn at_opening() -> Self {
        Self(RwLock::new(Tier::ALL.map(|tier| TokenAmount::from_tokens(dollars_worth(tier).unsigned_abs().into()))))
    }

    /// OK to ignore poison here and below: an amount is replaced as a whole.
    pub(crate) fn of(&self, tier: Tier) -> TokenAmount {
        self.0.read().unwrap_or_else(PoisonError::into_inner)[tier as usize]
    }

    /// Moves the requirements that a new price moves, and says which.
    pub(crate) fn follow(&self, price: Usd) -> Vec<Adjustment> {
        let mut requirements = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut adjustments = Vec::new();
        for tier in Tier::ALL {
            let present = &mut requirements[tier as usize];
            let Some(required) = tokens_for(tier, price) else { continue };
            if let Some(direction) = adjustment(*present, required) {
                *present = required;
                adjustments.push(Adjustment { tier, direction, required });
            }
        }
        adjustments
    }
}

/// Whole tokens that `tier` requires at `price`, rounded up; `None` for a price that is not positive.
fn tokens_for(tier: Tier, price: Usd) -> Option<TokenAmount> {
    let price = u64::try_from(price.ten_thousandths()).ok().filter(|&price| price > 0)?;
    let worth = Usd::from_dollars(dollars_worth(tier)).ten_thousandths().unsigned_abs();
    Some(TokenAmount::from_tokens(worth.div_ceil(price)))
}

/// Which way a requirement moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// The direction in which `fresh` replaces `present`, or `None` if it is too close to it.
fn adjustment(present: TokenAmount, fresh: TokenAmount) -> Option<Direction> {
    let (present, fresh) = (u128::from(present.smallest_units()), u128::from(fresh.smallest_units()));
    if fresh.abs_diff(present) * 100 <= present * u128::from(MIN_ADJUSTMENT_PERCENT) {
        None
    } else if fresh > present {
        Some(Direction::Up)
    } else {
        Some(Direction::Down)
    }
}

/// What is known of a wallet's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// The chain said so just now.
    Verified(TokenAmount),
    /// The chain did not answer; it said so not long ago.
    Cached(TokenAmount),
    /// The chain did not answer, and nothing is remembered.
    None,
}

/// An answer to the question whether a wallet may use its tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Access {
    pub(crate) decision: Decision,
    pub(crate) basis: Basis,
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Grant,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    Verified,
    Cached,
    Grace,
    FailClosed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    RequirementMet,
    GracePeriod,
    BalanceTooLow,
    BalanceUnknown,
}

impl Access {
    /// Held too little, and not for long.
    pub(crate) const GRACE: Self = Self { decision: Decision::Grant, basis: Basis::Grace, reason: Reason::GracePeriod };

    /// Every answer that there is.
    pub(crate) const ALL: [Self; 6] = [
        Self::GRACE,
        Self { decision: Decision::Grant, basis: Basis::Verified, reason: Reason::RequirementMet },
        Self { decision: Decision::Grant, basis: Basis::Cached, reason: Reason::RequirementMet },
        Self { decision: Decision::Deny, basis: Basis::Verified, reason: Reason::BalanceTooLow },
        Self { decision: Decision::Deny, basis: Basis::Cached, reason: Reason::BalanceTooLow },
        Self { decision: Decision::Deny, basis: Basis::FailClosed, reason: Reason::BalanceUnknown },
    ];
}

/// Decides by integers of the smallest unit; without any evidence the answer is no.
pub(crate) fn decide(required: TokenAmount, evidence: Evidence) -> Access {
    let (balance, basis) = match evidence {
        Evidence::Verified(balance) => (balance, Basis::Verified),
        Evidence::Cached(balance) => (balance, Basis::Cached),
        Evidence::None => {
            return Access { decision: Decision::Deny, basis: Basis::FailClosed, reason: Reason::BalanceUnknown };
        }
    };
    if balance >= required {
        Access { decision: Decision::Grant, basis, reason: Reason::RequirementMet }
    } else {
        Access { decision: Decision::Deny, basis, reason: Reason::BalanceTooLow }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_round_up_to_whole_tokens() {
        let price = Usd::from_ten_thousandths(8_530); // 0.853
        assert_eq!(tokens_for(Tier::Basic, price), Some(TokenAmount::from_tokens(118)));
        assert_eq!(tokens_for(Tier::Pro, Usd::from_dollars(1)), Some(TokenAmount::from_tokens(1_000)));
        assert_eq!(tokens_for(Tier::Basic, Usd::ZERO), None);
        assert_eq!(tokens_for(Tier::Basic, Usd::from_ten_thousandths(-1)), None);
    }

    #[test]
    fn requirements_move_only_by_more_than_two_percent() {
        let present = TokenAmount::from_tokens(1_000);
        for (tokens, expected) in
            [(1_000, None), (1_020, None), (1_021, Some(Direction::Up)), (980, None), (979, Some(Direction::Down))]
        {
            assert_eq!(adjustment(present, TokenAmount::from_tokens(tokens)), expected, "{tokens}");
        }
        assert_eq!(adjustment(TokenAmount::default(), TokenAmount::ONE), Some(Direction::Up), "from nothing");
    }

    #[test]
    fn requirements_follow_the_price_and_say_so_once() {
        let requirements = Requirements::at_opening();
        assert_eq!(requirements.of(Tier::Pro), TokenAmount::from_tokens(1_000));
        let price = Usd::from_ten_thousandths(8_000);
        let moved = requirements.follow(price);
        assert_eq!(
            moved.iter().map(|moved| (moved.tier, moved.direction)).collect::<Vec<_>>(),
            Tier::ALL.map(|tier| (tier, Direction::Up))
        );
        assert_eq!(requirements.of(Tier::Pro), TokenAmount::from_tokens(1_250));
        assert_eq!(requirements.follow(price), []);
    }

    #[test]
    fn one_unit_decides() {
        let required = TokenAmount::from_tokens(100);
        let short = TokenAmount::from_smallest_units(required.smallest_units() - 1);
        let access = decide(required, Evidence::Verified(required));
        assert_eq!((access.decision, access.basis), (Decision::Grant, Basis::Verified));
        let access = decide(required, Evidence::Cached(short));
        assert_eq!(
            (access.decision, access.basis, access.reason),
            (Decision::Deny, Basis::Cached, Reason::BalanceTooLow)
        );
    }

    #[test]
    fn every_answer_is_known_beforehand() {
        let (less, more) = (TokenAmount::default(), TokenAmount::ONE);
        for evidence in [
            Evidence::Verified(less),
            Evidence::Verified(more),
            Evidence::Cached(less),
            Evidence::Cached(more),
            Evidence::None,
        ] {
            assert!(Access::ALL.contains(&decide(more, evidence)), "{evidence:?}");
        }
    }

    #[test]
    fn without_evidence_the_answer_is_no_by_our_own_fault() {
        let access = decide(TokenAmount::default(), Evidence::None);
        assert_eq!(
            (access.decision, access.basis, access.reason),
            (Decision::Deny, Basis::FailClosed, Reason::BalanceUnknown)
        );
    }
}
