//! The token: its price, what a tier requires, grace periods, who gets access and why.
//!
//! | metric | what it says |
//! |---|---|
//! | `token_price_updates_total{token,source,outcome}` | price updates, and those rejected as `stale`, `outlier`, `bad_signature` |
//! | `token_price_last_update_timestamp_seconds{token}` | when a price was last accepted; absent until known |
//! | `token_price_update_expected_interval_seconds{token}` | how often one is expected; 0: not now |
//! | `token_price_source_last_update_timestamp_seconds{token,source}` | the same by source, so that one that is silent shows |
//! | `token_price_outliers_total{token,source,rule}` | outliers by the rule that they broke |
//! | `token_price_divergence_ratio{token}` | how far the fresh prices of its sources are apart |
//! | `token_requirement_amount{tier}` | tokens that a tier requires; absent until known |
//! | `token_requirement_last_update_timestamp_seconds{tier}`, `token_requirement_update_expected_interval_seconds{tier}` | as for prices |
//! | `token_requirement_adjustments_total{tier,direction,outcome}` | changes of the requirement |
//! | `token_grace_periods_{active,expiring,paused,overdue}{tier}` | states; absent until known |
//! | `token_grace_periods_started_total{tier,cause}`, `token_grace_periods_ended_total{tier,result}` | events |
//! | `token_grace_period_utilization_ratio{tier}` | the share used when a period ended |
//! | `token_holders{tier,state}` | who holds enough, is in grace, has expired |
//! | `token_balance_verification_duration_seconds{outcome}` | how long it takes to learn a balance |
//! | `token_balance_slot_lag` | how many slots the answers were behind the chain |
//! | `token_access_decisions_total{decision,basis,reason}` | grants and denials |
//!
//! # Grace periods
//! ```text
//! one process keeps a tier's periods: GraceLedger, seeded from the store -> counts, and states by the clock
//! several do:                          GracePeriods, each counts what it did -> counts
//!                                      Token::sample_grace_periods, asked of the store by one of them -> states
//! ```
//! A balance that cannot be verified begins no period and ends none: it pauses the one that is open.

mod access;
mod amount;
mod balance;
mod grace;
mod handles;
mod holders;
mod instruments;
mod labels;
mod ledger;
mod price;
mod quotes;
mod requirement;

#[cfg(test)]
mod tests;

pub use access::AccessDecisions;
pub use amount::TokenAmount;
pub use balance::{Slot, SlotLag};
pub use grace::{GraceCounts, GracePeriods};
pub use handles::Token;
pub use holders::{HolderCounts, Holders};
pub use labels::{
    AccessReason, Basis, Decision, Direction, GraceCause, GraceResult, OutlierRule, PriceRejection, Tier, TokenSymbol,
};
pub use ledger::{GraceError, GraceLedger, GraceSeed, GraceSpan, MOST_OPEN_PERIODS, OpenPeriod};
pub use price::PriceUpdates;
pub use quotes::PriceUnits;
pub use requirement::Requirement;
