//! The token: its price, what a tier requires, grace periods, who gets access and why.
//!
//! | metric | what it says |
//! |---|---|
//! | `token_price_updates_total{token,source,outcome}` | price updates, and those rejected as `stale`, `outlier`, `bad_signature` |
//! | `token_price_last_update_timestamp_seconds{token}` | when a price was last accepted; absent until known |
//! | `token_price_update_expected_interval_seconds{token}` | how often one is expected; 0: not now |
//! | `token_requirement_amount{tier}` | tokens that a tier requires; absent until known |
//! | `token_requirement_last_update_timestamp_seconds{tier}`, `token_requirement_update_expected_interval_seconds{tier}` | as for prices |
//! | `token_requirement_adjustments_total{tier,direction,outcome}` | changes of the requirement |
//! | `token_grace_periods_{active,expiring,paused,overdue}{tier}` | states; absent until known |
//! | `token_grace_periods_started_total{tier,cause}`, `token_grace_periods_ended_total{tier,result}` | events |
//! | `token_grace_period_utilization_ratio{tier}` | the share used when a period ended |
//! | `token_balance_verification_duration_seconds{outcome}` | how long it takes to learn a balance |
//! | `token_access_decisions_total{decision,basis,reason}` | grants and denials |

mod access;
mod grace;
mod handles;
mod instruments;
mod labels;
mod price;
mod requirement;

#[cfg(test)]
mod tests;

pub use access::AccessDecisions;
pub use grace::{GraceCounts, GracePeriods};
pub use handles::Token;
pub use labels::{
    AccessReason, Basis, Decision, Direction, GraceCause, GraceResult, PriceRejection, Tier, TokenSymbol,
};
pub use price::PriceUpdates;
pub use requirement::Requirement;
