//! The wall clock, asked in one place.

use std::time::Duration;

/// Time since the Unix epoch; zero if the machine's clock is set before it.
pub(crate) fn unix_time() -> Duration {
    #[allow(clippy::disallowed_methods, reason = "the one place where this service asks for the wall time")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// [`unix_time`] in whole milliseconds, the unit of IBKR's and of our own ticks.
pub(crate) fn unix_millis() -> u64 {
    u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX)
}
