//! How much of a provider's quota is used.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::error::InvalidValue;

/// How many calls a provider allows in a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub(super) calls: u64,
    pub(super) window: Duration,
}

impl Quota {
    /// So many calls in this time.
    ///
    /// # Errors
    /// When either is nothing.
    pub fn new(calls: u64, window: Duration) -> Result<Self, InvalidValue> {
        if calls == 0 || window.is_zero() {
            let shown = format!("{calls} calls in {window:?}");
            return Err(InvalidValue::new("quota", shown, "at least one call, in a time that is not zero"));
        }
        Ok(Self { calls, window })
    }
}

/// What is used of a provider's quota by this process. Cloning shares it.
///
/// Calls count when they end, however they end, and for the window and up to a sixtieth of it longer. The quota of several
/// replicas is used up by all of them: in a query, the sum of `portfolio_api_quota_used` over
/// `portfolio_api_quota_limit`.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::business::portfolio::Quota;
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
///
/// let ibkr = portfolio.quota("ibkr", Quota::new(10, Duration::from_secs(1))?);
/// portfolio.api_calls("ibkr", "positions").ok();
/// assert_eq!((ibkr.used(), ibkr.left()), (1, 9));
/// assert!(registry.render().contains("portfolio_api_quota_headroom_ratio{provider=\"ibkr\"} 0.9\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuotaUse(pub(super) Arc<Spending>);

impl QuotaUse {
    /// Calls within the window.
    pub fn used(&self) -> u64 {
        self.0.used().unwrap_or_default()
    }

    /// Calls that are left now.
    pub fn left(&self) -> u64 {
        self.0.limit().unwrap_or_default().saturating_sub(self.used())
    }
}

/// The calls of one provider, counted against its quota once there is one.
#[derive(Debug)]
pub(crate) struct Spending {
    clock: Clock,
    window: OnceLock<Window>,
}

#[derive(Debug)]
struct Window {
    quota: Quota,
    began: Instant,
    slots: Mutex<Slots>,
}

/// Chosen: fine enough to pace by, and half a kilobyte.
const SLOTS: u32 = 60;

#[derive(Debug)]
struct Slots {
    calls: [u64; SLOTS as usize],
    /// The number of the slot that is filled now, counted from the beginning.
    latest: u128,
}

impl Spending {
    pub(super) fn new(clock: &Clock) -> Arc<Self> {
        Arc::new(Self { clock: clock.clone(), window: OnceLock::new() })
    }

    /// From now on calls count; whether nobody declared a quota before.
    pub(super) fn declare(&self, quota: Quota) -> bool {
        let slots = Mutex::new(Slots { calls: [0; SLOTS as usize], latest: 0 });
        self.window.set(Window { quota, began: self.clock.now(), slots }).is_ok()
    }

    pub(crate) fn spend(&self, calls: u64) {
        if let Some(window) = self.window.get() {
            window.at(self.clock.now(), |slots, present| {
                slots.calls[present] = slots.calls[present].saturating_add(calls)
            });
        }
    }

    pub(super) fn used(&self) -> Option<u64> {
        let window = self.window.get()?;
        Some(
            window.at(self.clock.now(), |slots, _| {
                slots.calls.iter().fold(0, |sum: u64, calls| sum.saturating_add(*calls))
            }),
        )
    }

    pub(super) fn limit(&self) -> Option<u64> {
        self.window.get().map(|window| window.quota.calls)
    }

    /// 1 − used / limit; below 0 for more calls than are allowed.
    pub(super) fn headroom(&self) -> Option<f64> {
        // The casts round to 53 bits, as a gauge does.
        Some(1.0 - self.used()? as f64 / self.limit()? as f64)
    }
}

impl Window {
    /// Looks at the slots once those that are over are empty; also gives the place of the present one.
    fn at<T>(&self, now: Instant, look: impl FnOnce(&mut Slots, usize) -> T) -> T {
        let elapsed = now.saturating_duration_since(self.began).as_nanos();
        let present = elapsed * u128::from(SLOTS) / self.window_nanos();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that another thread read later may have been here first.
        let present = present.max(slots.latest);
        let over = (present - slots.latest).min(SLOTS.into());
        for slot in 1..=over {
            let place = place_of(slots.latest + slot);
            slots.calls[place] = 0;
        }
        slots.latest = present;
        look(&mut slots, place_of(present))
    }

    /// OK to divide by: it is not zero.
    fn window_nanos(&self) -> u128 {
        self.quota.window.as_nanos()
    }
}

fn place_of(slot: u128) -> usize {
    // The cast is lossless: the remainder is below 60.
    (slot % u128::from(SLOTS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::business::portfolio::Portfolio;
    use crate::clock::ManualClock;
    use crate::metrics::{Meter, Registry};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn calls_are_used_for_one_window_and_are_free_again_after_it() {
        let (registry, held) = (Registry::new(), ManualClock::new());
        let portfolio = Portfolio::new(&Meter::new(&registry), held.clock()).unwrap();
        let calls = portfolio.api_calls("ibkr", "positions");
        calls.ok(); // before there is a quota
        registry.snapshot().assert_absent("portfolio_api_quota_headroom_ratio", &[]);
        let quota = portfolio.quota("ibkr", Quota::new(10, MINUTE).unwrap());
        let headroom = || registry.snapshot().value("portfolio_api_quota_headroom_ratio", &[("provider", "ibkr")]);
        assert_eq!((quota.used(), headroom()), (0, Some(1.0)));
        calls.ok();
        held.advance(MINUTE / 2);
        calls.failed();
        portfolio.api_calls("ibkr", "orders").record_many(crate::business::Outcome::Ok, 3);
        portfolio.api_calls("other", "orders").ok();
        assert_eq!((quota.used(), quota.left(), headroom()), (5, 5, Some(0.5)));
        held.advance(MINUTE / 2);
        assert_eq!(quota.used(), 4, "the first one is over");
        held.advance(MINUTE / 2);
        assert_eq!((quota.used(), headroom()), (0, Some(1.0)));
        calls.record_many(crate::business::Outcome::Ok, 15);
        assert_eq!((quota.left(), headroom()), (0, Some(-0.5)));
        held.advance(MINUTE * 1_000);
        assert_eq!(quota.used(), 0);
        registry.snapshot().assert_value("portfolio_api_quota_limit", &[("provider", "ibkr")], 10);
    }

    #[test]
    fn first_declaration_counts_and_nothing_is_no_quota() {
        let portfolio = Portfolio::new(&Meter::new(&Registry::new()), Clock::system()).unwrap();
        let first = portfolio.quota("ibkr", Quota::new(10, MINUTE).unwrap());
        let second = portfolio.quota("ibkr", Quota::new(20, MINUTE).unwrap());
        assert_eq!((first.left(), second.left()), (10, 10));
        assert!(Quota::new(0, MINUTE).is_err() && Quota::new(1, Duration::ZERO).is_err());
    }
}
