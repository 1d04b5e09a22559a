//! Portfolios: how long calculations take, how fresh and how right the data is, what providers are asked.
//!
//! | metric | what it says |
//! |---|---|
//! | `portfolio_calculation_duration_seconds{calculation,outcome}` | how long calculations take |
//! | `portfolio_updates_total{source,outcome}` | updates by source |
//! | `portfolio_last_update_timestamp_seconds{source}` | when the last one succeeded; absent until known |
//! | `portfolio_update_expected_interval_seconds{source}` | how often one is expected; 0: not now |
//! | `portfolio_data_checks_total{source,reference,result}` | comparisons with a reference |
//! | `portfolio_data_deviation_ratio{source,reference}` | how far the compared values were apart |
//! | `portfolio_open_breaks{reference,component}` | differences that nobody has resolved yet |
//! | `portfolio_oldest_break_timestamp_seconds{reference}` | since when the oldest of them is open |
//! | `portfolio_unreconciled_amount{reference,currency,sum}` | how much they are, gross and net |
//! | `portfolio_nav_coverage_ratio{reference}` | how much was compared at all |
//! | `portfolio_api_calls_total{provider,operation,outcome}` | calls of providers |
//! | `portfolio_api_quota_{limit,window_seconds,used,headroom_ratio}{provider}` | what a provider allows, and what is left |
//! | `portfolio_syncs_total{source,outcome}` | full synchronisations |
//!
//! How often the caches of portfolios are hit is in `cache_requests_total{cache,result}`, as of any cache: see
//! `Monitoring::cache`.

mod checks;
mod handles;
mod instruments;
mod labels;
mod pairing;
mod reconciliation;

#[cfg(test)]
mod tests;

pub use checks::{DataCheck, DataChecks, OpenBreaks};
pub use handles::Portfolio;
pub use labels::{Calculation, Component, Operation, Provider, Reference};
pub use pairing::{Accruals, AsOf, Comparisons, LIVE_PAIR_WITHIN, PairError, Tolerance, Valued};
pub use reconciliation::{Break, Coverage, CoverageError, Reconciled};

pub use super::quota::{Quota, QuotaUse};
