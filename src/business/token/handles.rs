//! The entrance to token metrics.

use std::sync::Arc;

use super::access::AccessDecisions;
use super::grace::{GracePeriods, TierGrace};
use super::instruments::Instruments;
use super::labels::{Direction, GraceCause, GraceResult, PriceRejection, Tier, TokenSymbol};
use super::price::PriceUpdates;
use super::requirement::{Requirement, TierRequirement};
use crate::business::counted::Counts;
use crate::business::{Counted, Freshness, Source, Timed};
use crate::clock::Clock;
use crate::metrics::{DefinitionError, LabelValue, Meter};
use crate::work::{PerValue, counters_by_outcome, timed};

/// Gives the handles of token metrics. Cloning shares it.
///
/// Resolving a handle takes a lock, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// use aistm7_monitoring::business::token::Token;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let verifications = token.balance_verifications();
/// verifications.execute(|| "1000000".parse::<u64>())?;
/// assert!(registry.render().contains("token_balance_verification_duration_seconds_count{outcome=\"ok\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Token(Arc<Instruments>);

impl Token {
    /// Registers the token metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self(Arc::new(Instruments::register(meter, clock)?)))
    }

    /// The price updates of a token from a source.
    pub fn price_updates(&self, token: impl Into<TokenSymbol>, source: impl Into<Source>) -> PriceUpdates {
        let token = token.into().resolve(&self.0.base.diagnostics);
        let source = source.into().resolve(&self.0.base.diagnostics);
        let labels = |outcome| [token.clone(), source.clone(), outcome];
        let attempts = Counts {
            base: self.0.base.clone(),
            by_outcome: counters_by_outcome(&self.0.price_updates, labels),
            refreshes: Some(self.price_freshness_of(token.clone())),
        };
        let rejections =
            PerValue::resolve(|rejection: PriceRejection| self.0.price_updates.series(labels(rejection.into())));
        PriceUpdates { attempts: Counted::new(attempts), rejections: Arc::new(rejections) }
    }

    /// When a price of the token was last taken, from whatever source, and how often that is expected.
    pub fn price_freshness(&self, token: impl Into<TokenSymbol>) -> Freshness {
        self.price_freshness_of(token.into().resolve(&self.0.base.diagnostics))
    }

    /// What a tier requires.
    pub fn requirement(&self, tier: impl Into<Tier>) -> Requirement {
        let tier = tier.into().resolve(&self.0.base.diagnostics);
        let adjustments = |direction: Direction| {
            let labels = |outcome| [tier.clone(), direction.into(), outcome];
            let counters = counters_by_outcome(&self.0.requirement_adjustments, labels);
            Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None })
        };
        Requirement(Arc::new(TierRequirement {
            base: self.0.base.clone(),
            amount: self.0.requirement_amount.series([tier.clone()]),
            freshness: Freshness {
                base: self.0.base.clone(),
                last_update: self.0.requirement_last_update.series([tier.clone()]),
                expected_interval: self.0.requirement_expected_interval.series([tier.clone()]),
            },
            adjustments: PerValue::resolve(adjustments),
        }))
    }

    /// The grace periods of a tier.
    pub fn grace_periods(&self, tier: impl Into<Tier>) -> GracePeriods {
        let tier = tier.into().resolve(&self.0.base.diagnostics);
        let started = |cause: GraceCause| self.0.grace_started.series([tier.clone(), cause.into()]);
        let ended = |result: GraceResult| self.0.grace_ended.series([tier.clone(), result.into()]);
        GracePeriods(Arc::new(TierGrace {
            base: self.0.base.clone(),
            active: self.0.grace_active.series([tier.clone()]),
            expiring: self.0.grace_expiring.series([tier.clone()]),
            paused: self.0.grace_paused.series([tier.clone()]),
            overdue: self.0.grace_overdue.series([tier.clone()]),
            started: PerValue::resolve(started),
            ended: PerValue::resolve(ended),
            utilization: self.0.grace_utilization.series([tier.clone()]),
        }))
    }

    /// Verifications of balances on the chain: how long they take, by outcome.
    pub fn balance_verifications(&self) -> Timed {
        timed(&self.0.base, &self.0.balance_verification, |outcome| [outcome])
    }

    /// Decisions on access.
    pub fn access_decisions(&self) -> AccessDecisions {
        AccessDecisions::new(&self.0.base, &self.0.access_decisions)
    }

    fn price_freshness_of(&self, token: LabelValue) -> Freshness {
        Freshness {
            base: self.0.base.clone(),
            last_update: self.0.price_last_update.series([token.clone()]),
            expected_interval: self.0.price_expected_interval.series([token]),
        }
    }
}
