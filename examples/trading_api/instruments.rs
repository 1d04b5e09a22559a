//! What this service measures of its business: every handle, resolved once.

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::risk::ModelExecutions;
use aistm7_monitoring::business::token::{self, AccessDecisions, AccessReason, PriceUpdates, Requirement};
use aistm7_monitoring::business::{Counted, Timed};
use aistm7_monitoring::cache::CacheMetrics;
use aistm7_monitoring::database::Query;

use crate::access::{Access, Adjustment, Basis, Decision, Direction, Reason, Requirements};
use crate::domain::Tier;
use crate::feed::{Feed, QuoteFeed, TokenPriceFeed};
use crate::handlers::risk;

/// The pool of the store.
pub(crate) const DATABASE: &str = "trading";
/// Where the prices of portfolios come from.
const PRICE_FEED: &str = "price-feed";
/// The token, and where its price comes from.
const TOKEN: &str = "AIS";
const POOL: &str = "pool";

/// The handles of the API's handlers.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    pub(crate) valuation: Timed,
    pub(crate) var: ModelExecutions,
    pub(crate) balance_verifications: Timed,
    decisions: AccessDecisions,
}

impl Instruments {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let token = monitoring.token();
        let decisions = token.access_decisions();
        decisions.declare(&Access::ALL.map(labels));
        Self {
            valuation: monitoring.portfolio().calculation("valuation"),
            var: monitoring.risk().model("historical-var").declare_failures(&risk::FAILURES),
            balance_verifications: token.balance_verifications(),
            decisions,
        }
    }

    /// Counts a decision on access.
    pub(crate) fn decided(&self, access: Access) {
        let (decision, basis, reason) = labels(access);
        self.decisions.record(decision, basis, reason);
    }
}

/// What is remembered of the store.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) portfolios: CacheMetrics,
    pub(crate) closes: CacheMetrics,
}

impl Memory {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let caches = monitoring.cache();
        Self { portfolios: caches.named("portfolios"), closes: caches.named("closes") }
    }
}

/// What the store is asked.
#[derive(Clone, Debug)]
pub(crate) struct Queries {
    pub(crate) load_portfolio: Query,
    pub(crate) load_closes: Query,
    pub(crate) load_last_day: Query,
    pub(crate) load_tier: Query,
}

impl Queries {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let pool = monitoring.database().pool(DATABASE);
        Self {
            load_portfolio: pool.query("load_portfolio"),
            load_closes: pool.query("load_closes"),
            load_last_day: pool.query("load_last_day"),
            load_tier: pool.query("load_tier"),
        }
    }
}

/// The handles of the quotes that come in.
#[derive(Clone, Debug)]
pub(crate) struct QuoteMetrics {
    pub(crate) snapshots: Counted,
    pub(crate) updates: Counted,
}

impl QuoteMetrics {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let portfolio = monitoring.portfolio();
        portfolio.freshness(PRICE_FEED).expect_every(QuoteFeed::INTERVAL);
        Self { snapshots: portfolio.api_calls("ibkr", "marketdata_snapshot"), updates: portfolio.updates(PRICE_FEED) }
    }
}

/// The handles of the token's price and of the requirements that follow it.
#[derive(Clone, Debug)]
pub(crate) struct TokenMetrics {
    pub(crate) price: PriceUpdates,
    requirements: [(Tier, Requirement); Tier::ALL.len()],
}

impl TokenMetrics {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let token = monitoring.token();
        token.price_freshness(TOKEN).expect_every(TokenPriceFeed::INTERVAL);
        Self {
            price: token.price_updates(TOKEN, POOL),
            requirements: Tier::ALL.map(|tier| (tier, token.requirement(tier.as_str()))),
        }
    }

    /// Shows what each tier requires, and counts what has moved.
    pub(crate) fn required(&self, requirements: &Requirements, moved: &[Adjustment]) {
        for (tier, requirement) in &self.requirements {
            requirement.set_amount(requirements.of(*tier).to_f64());
            for adjustment in moved.iter().filter(|adjustment| adjustment.tier == *tier) {
                requirement.adjustments(adjustment.direction.into()).ok();
            }
        }
    }
}

/// A decision in the words of the metrics.
fn labels(access: Access) -> (token::Decision, token::Basis, AccessReason) {
    let decision = match access.decision {
        Decision::Grant => token::Decision::Grant,
        Decision::Deny => token::Decision::Deny,
    };
    let basis = match access.basis {
        Basis::Verified => token::Basis::Verified,
        Basis::Cached => token::Basis::Cached,
        Basis::FailClosed => token::Basis::FailClosed,
    };
    let reason = match access.reason {
        Reason::RequirementMet => "requirement_met",
        Reason::BalanceTooLow => "balance_too_low",
        Reason::BalanceUnknown => "balance_unknown",
    };
    (decision, basis, reason.into())
}

impl From<Direction> for token::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
        }
    }
}
