//! Caches: whether they are hit, what loading costs, why entries go, how full they are.
//!
//! ```text
//! Caches -> named("portfolios") -> CacheMetrics: hit | miss, loads (RAII, ended once), inserted, removed
//!                                    |- sample(closure) --> entries, weight, capacity, when somebody reads
//!                                    '- wrapped by moka_0_12::{SyncCache, FutureCache}
//! ```
//!
//! A cache has a name that is written in code, never one from a key. The hit ratio is
//! `hit / (hit + miss)` of `cache_requests_total`; what a load costs, and how it ended, is in
//! `cache_load_duration_seconds`.

mod handles;
mod instruments;
mod labels;
mod metrics;
#[cfg(feature = "moka-0_12")]
pub mod moka_0_12;
#[cfg(feature = "redis")]
pub mod redis;
mod size;
#[cfg(test)]
mod tests;

pub use handles::Caches;
pub use labels::{CacheName, CacheResult, Removal};
pub use metrics::CacheMetrics;
pub use size::CacheSize;

pub use crate::work::{Outcome, Timed, Timer};
