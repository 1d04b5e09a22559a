//! Portfolio, risk and token numbers: typed helpers that a service uses in one line.
//!
//! ```text
//! Portfolio | Risk | Token -> handle for a typed label set (resolved once, kept) -> Family -> GET /metrics
//!                              '-> Timer (RAII): ok, failed, cancelled, abandoned, panicked; finished exactly once
//! ```
//!
//! - [`portfolio`]: calculations, updates and their freshness, comparison with brokers, provider calls, syncs.
//! - [`risk`]: model executions, failures by whose fault they are, prediction errors, batches.
//! - [`token`]: prices, requirements, grace periods, balance verification, access decisions.
//!
//! # Labels
//! Closed sets are enums. Names (of models, sources, tiers, …) are types made of a `&'static str`, so they are written
//! in code: a user id, a wallet or a portfolio id has no way in. A name that breaks the rule of
//! [`check_name`](crate::error::check_name) is recorded as `_other` and counted as `unknown_label_value`; nothing
//! panics. Names that only the configuration knows are declared when the monitoring is built, and looked up in
//! [`Names`]. What a request brings does not compile:
//!
//! ```compile_fail,E0277
//! # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
//! # let risk = Risk::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
//! let user_id = String::from("user123");
//! risk.model(user_id); // no conversion from `String`
//! ```
//! ```compile_fail,E0597
//! # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
//! # let risk = Risk::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
//! # let user_id = String::from("user123");
//! risk.model(user_id.as_str()); // nor from text that does not live as long as the program
//! ```
//!
//! # Zero and absent
//! Resolving a handle creates its counters and histograms at 0, so that `rate()` sees the first event. Timestamps,
//! amounts and states are absent until they are known.
//!
//! # Bad numbers
//! NaN, infinite or negative numbers, fractions over 1 and times before 1970 are not recorded and are counted as
//! `sample_rejected`; what is counted beside them still is.

mod counted;
mod date;
mod failure;
mod freshness;
mod instruments;
mod known;
mod label;
mod money;
mod names;
pub mod portfolio;
mod quota;
pub mod risk;
mod sampled;
mod taken;
pub mod token;

#[cfg(test)]
mod auto_traits;

pub use counted::Counted;
pub use date::BusinessDate;
pub use failure::{FailureReason, Fault};
pub use freshness::Freshness;
pub use label::Source;
pub use money::{Currency, Money, MoneyError};
pub(crate) use names::{Declarations, DeclaredNames};
pub use names::{DeclareError, MOST_NAMES, Names, PerDeclared};
pub use taken::Entry;

pub use crate::work::{NameLabel, Outcome, Timed, Timer};
