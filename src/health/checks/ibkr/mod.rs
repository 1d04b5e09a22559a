//! Whether Interactive Brokers can be traded through: the Client Portal gateway, and the socket of TWS and IB Gateway.

#[cfg(feature = "ibkr")]
mod portal;
mod tws;

use std::time::Duration;

use crate::health::{CheckOptions, Severity};

#[cfg(feature = "ibkr")]
pub use portal::{IbkrAccount, IbkrCheck, IbkrFollower};
pub use tws::{TwsCheck, TwsNotices};

/// The settings that fit every check of Interactive Brokers.
fn defaults() -> CheckOptions {
    CheckOptions::new()
        .interval(Duration::from_secs(30))
        .timeout(Duration::from_secs(5))
        .failure_threshold(2)
        .recovery_threshold(2)
        .severity(Severity::Critical)
        .dependency("ibkr")
}
