//! When something was last updated, and how soon that is expected again.

use std::time::{Duration, SystemTime};

use crate::metrics::Gauge;
use crate::work::{Base, set_duration};

/// The age of some data: when it was last updated, and how often that is expected.
///
/// Both are absent until told. Data is overdue when its age passes three expected intervals, or when an interval is
/// expected and no update is known. Cloning shares it; setting is one atomic store.
///
/// ```
/// use std::time::Duration;
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
/// let prices = portfolio.freshness("price-feed");
/// prices.expect_every(Duration::from_secs(60)); // the market opens
/// portfolio.updates("price-feed").ok(); // sets the time of the last update
/// prices.expect_none(); // the market closes
/// # assert!(registry.render().contains("portfolio_update_expected_interval_seconds{source=\"price-feed\"} 0\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Freshness {
    pub(super) base: Base,
    pub(super) last_update: Gauge,
    pub(super) expected_interval: Gauge,
}

impl Freshness {
    /// The data was updated now.
    pub fn updated(&self) {
        self.base.set_to_now(&self.last_update);
    }

    /// The data was last updated then: for a process that starts with stored data. A time before 1970 is refused and
    /// counted as `sample_rejected`.
    pub fn updated_at(&self, at: SystemTime) {
        self.base.set_timestamp(&self.last_update, at);
    }

    /// An update is expected at least this often. Zero is the same as [`Freshness::expect_none`].
    pub fn expect_every(&self, interval: Duration) {
        set_duration(&self.expected_interval, interval);
    }

    /// No update is expected now, as when the market is closed: nothing is overdue.
    pub fn expect_none(&self) {
        set_duration(&self.expected_interval, Duration::ZERO);
    }
}
