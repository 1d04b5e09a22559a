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
//! | `portfolio_api_calls_total{provider,operation,outcome}` | calls of providers |
//! | `portfolio_syncs_total{source,outcome}` | full synchronisations |

mod checks;
mod handles;
mod instruments;
mod labels;

#[cfg(test)]
mod tests;

pub use checks::{DataCheck, DataChecks, OpenBreaks};
pub use handles::Portfolio;
pub use labels::{Calculation, Component, Operation, Provider, Reference};
