//! What this service measures of its business: every handle, resolved once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::portfolio::Quota;
use aistm7_monitoring::business::risk::ModelExecutions;
use aistm7_monitoring::business::token::{
    self, AccessDecisions, AccessReason, PriceUpdates, Requirement, Slot, SlotLag,
};
use aistm7_monitoring::business::{Counted, Timed};
use aistm7_monitoring::cache::CacheMetrics;
use aistm7_monitoring::database::Query;

use crate::access::{Access, Adjustment, Basis, Decision, Direction, Reason, Requirements};
use crate::domain::{Tier, TokenAmount};
use crate::feed::{Feed, QuoteFeed, TokenPriceFeed};
use crate::handlers::risk;

/// The pool of the store.
pub(crate) const DATABASE: &str = "trading";
/// Where the prices of portfolios come from.
const PRICE_FEED: &str = "price-feed";
/// Whose quotes they are.
const IBKR: &str = "ibkr";
/// The token, and where its price comes from.
const TOKEN: &str = "AIS";
const POOL: &str = "pool";
/// The model behind every value at risk.
pub(crate) const VAR_MODEL: &str = "historical-var";

/// Requests that IBKR's gateway allows within this time.
const IBKR_ALLOWS: (u64, Duration) = (10, Duration::from_secs(1));

/// The handles of the API's handlers.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) valuation: Timed,
    pub(crate) var: ModelExecutions,
    pub(crate) balance_verifications: Timed,
    slot_lag: SlotLag,
    /// The latest slot of any answer.
    latest_slot: AtomicU64,
    decisions: AccessDecisions,
}

impl Instruments {
    pub(crate) fn new(monitoring: &Monitoring) -> Self {
        let token = monitoring.token();
        monitoring.risk().set_model_version(VAR_MODEL, env!("CARGO_PKG_VERSION"));
        let decisions = token.access_decisions();
        decisions.declare(&Access::ALL.map(labels));
        Self {
            valuation: monitoring.portfolio().calculation("valuation"),
            var: monitoring.risk().model(VAR_MODEL).declare_failures(&risk::FAILURES),
            balance_verifications: token.balance_verifications(),
            slot_lag: token.balance_slot_lag(),
            latest_slot: AtomicU64::new(0),
            decisions,
        }
    }

    /// Records how far the answer of this slot is behind the latest one seen.
    pub(crate) fn balance_of(&self, slot: u64) {
        // Ordering: a lone number that guards nothing else.
        let seen = self.latest_slot.fetch_max(slot, Ordering::Relaxed).max(slot);
        self.slot_lag.record(Slot::new(slot), Slot::new(seen));
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
        let (calls, window) = IBKR_ALLOWS;
        portfolio.quota(IBKR, Quota::new(calls, window).expect("OK because it allows calls"));
        Self { snapshots: portfolio.api_calls(IBKR, "marketdata_snapshot"), updates: portfolio.updates(PRICE_FEED) }
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
            requirement.set(exact(requirements.of(*tier)));
            for adjustment in moved.iter().filter(|adjustment| adjustment.tier == *tier) {
                requirement.adjustments(adjustment.direction.into()).ok();
            }
        }
    }
}

/// An amount as the metrics have it.
fn exact(amount: TokenAmount) -> token::TokenAmount {
    let exact = token::TokenAmount::new(amount.smallest_units(), TokenAmount::DECIMALS);
    exact.expect("OK because amounts have up to 18 decimal places")
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
        Basis::Grace => token::Basis::Grace,
        Basis::FailClosed => token::Basis::FailClosed,
    };
    let reason = match access.reason {
        Reason::RequirementMet => "requirement_met",
        Reason::GracePeriod => "grace_period",
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
