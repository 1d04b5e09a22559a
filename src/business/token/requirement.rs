//! What a tier requires.

use std::sync::Arc;

use super::amount::TokenAmount;
use super::labels::Direction;
use crate::business::{Counted, Freshness};
use crate::metrics::Gauge;
use crate::work::{Base, PerValue};

/// The tokens that one tier requires, and the changes of that. Cloning shares it; recording allocates nothing.
///
/// ```
/// use aistm7_monitoring::business::token::Direction;
/// # use aistm7_monitoring::{business::token::Token, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let pro = token.requirement("pro");
/// pro.adjustments(Direction::Up).execute(|| "1172".parse::<f64>().map(|tokens| pro.set_amount(tokens)))?;
/// assert!(registry.render().contains("token_requirement_amount{tier=\"pro\"} 1172\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Requirement(pub(super) Arc<TierRequirement>);

#[derive(Debug)]
pub(super) struct TierRequirement {
    pub(super) base: Base,
    pub(super) amount: Gauge,
    pub(super) freshness: Freshness,
    pub(super) adjustments: PerValue<Direction, Counted>,
}

impl Requirement {
    /// The tier requires so many tokens, as determined now. Absent until first set.
    ///
    /// Unit: whole tokens, so amounts in smallest units are divided first; the decision itself is made with integers.
    /// A negative amount or no finite number is refused and counted as `sample_rejected`, and sets no time either.
    pub fn set_amount(&self, tokens: f64) {
        if tokens.is_finite() && tokens >= 0.0 {
            self.0.amount.set(tokens);
            self.0.freshness.updated();
        } else {
            self.0.base.reject("a required amount is negative or no finite number");
        }
    }

    /// The tier requires this amount, as determined now; as [`Self::set_amount`], from an exact amount.
    pub fn set(&self, amount: TokenAmount) {
        self.set_amount(amount.to_f64());
    }

    /// The changes in one direction, by outcome.
    pub fn adjustments(&self, direction: Direction) -> &Counted {
        self.0.adjustments.of(direction)
    }

    /// When the requirement was last determined, and how often that is expected.
    pub fn freshness(&self) -> &Freshness {
        &self.0.freshness
    }
}
