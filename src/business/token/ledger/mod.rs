//! The ledger of a tier's grace periods: each is started once and ended once, whatever is replayed.

mod period;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use self::period::{GraceSpan, OpenPeriod};
use super::grace::{GraceCounts, GracePeriods};
use super::labels::{GraceCause, GraceResult};
use crate::business::Entry;
use crate::business::taken::Taken;

/// Open periods of one tier that a ledger keeps. Chosen: more users than one tier has, in a few megabytes.
pub const MOST_OPEN_PERIODS: usize = 100_000;

/// Ended periods of one tier whose keys are remembered. Chosen: as many as can be open.
const MOST_ENDED_PERIODS: usize = MOST_OPEN_PERIODS;

/// How far ahead a period is expiring.
const EXPIRING_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What a ledger starts with: the state of the store.
#[derive(Clone, Debug)]
pub struct GraceSeed<K> {
    as_of: SystemTime,
    open: Vec<(K, OpenPeriod)>,
}

impl<K> GraceSeed<K> {
    /// The store had these periods open at this time, and no others. Events of this time and before are in it, so that
    /// to hear of them again changes nothing.
    pub fn new(as_of: SystemTime, open: impl IntoIterator<Item = (K, OpenPeriod)>) -> Self {
        Self { as_of, open: open.into_iter().collect() }
    }
}

/// Why a ledger refuses an event. Nothing is counted then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraceError {
    /// Its end is not after its start.
    #[error("a grace period ends at or before its start: its end is its start and its length")]
    EmptySpan,
    /// No period of this key is open, nor is one known that was.
    #[error("no grace period of this key is open: start it first, or seed the ledger with it")]
    NotOpen,
    /// It is paused, and what is not verified expires nothing.
    #[error("the grace period is paused since its balance cannot be verified: resume it before it expires")]
    Paused,
    /// It has time left.
    #[error("the grace period has {left:?} left: only one that is over expires")]
    NotOver {
        /// How much.
        left: Duration,
    },
    /// There are too many.
    #[error("{MOST_OPEN_PERIODS} grace periods of the tier are open, which is as many as a ledger keeps")]
    Full,
}

/// The grace periods of one tier, by keys of the caller's, such as the primary key of their row. Cloning shares it.
///
/// A key is an idempotency key: an event that was counted before changes nothing. At any time
/// `seeded + started = ended + active`. The gauges are computed when they are read, so a period expires and is overdue by
/// the clock alone; they are absent once the last clone is gone. Its keys are never shown.
///
/// For the one process that keeps the periods of a tier. Where several do, each counts what it did itself with
/// [`GracePeriods`], and the states come from the store, see
/// [`Token::sample_grace_periods`](super::Token::sample_grace_periods).
///
/// Cost: a lock and a look-up among the open periods; reading a gauge looks at each of them.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::business::Entry;
/// use aistm7_monitoring::business::token::{GraceCause, GraceResult, GraceSeed, GraceSpan};
/// # use aistm7_monitoring::{business::token::Token, clock::ManualClock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let held = ManualClock::new();
/// # let token = Token::new(&Meter::new(&registry), held.clock())?;
/// # let now = held.clock().wall();
///
/// let pro = token.grace_periods("pro").ledger(GraceSeed::new(now, []))?; // what the store knows
/// # held.advance(Duration::from_secs(1));
/// # let now = held.clock().wall();
/// let span = GraceSpan { from: now, until: now + Duration::from_secs(5 * 24 * 3600) };
/// assert_eq!(pro.start(7, GraceCause::BalanceDropped, span)?, Entry::New);
/// assert_eq!(pro.start(7, GraceCause::BalanceDropped, span)?, Entry::Known); // a replay
/// pro.pause(&7)?; // the balance cannot be verified
/// pro.resume(&7)?;
/// assert_eq!(pro.end(&7, GraceResult::Recovered)?, Entry::New);
/// # assert!(registry.render().contains("token_grace_periods_active{tier=\"pro\"} 0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GraceLedger<K> {
    grace: GracePeriods,
    book: Arc<Mutex<Book<K>>>,
}

#[derive(Debug)]
struct Book<K> {
    open: BTreeMap<K, OpenPeriod>,
    ended: Taken<K>,
}

impl<K: Clone + Ord + Send + 'static> GraceLedger<K> {
    pub(super) fn new(grace: &GracePeriods, seed: GraceSeed<K>) -> Result<Self, GraceError> {
        let mut book = Book { open: BTreeMap::new(), ended: Taken::new(MOST_ENDED_PERIODS) };
        book.ended.settle(seed.as_of);
        for (key, period) in seed.open {
            book.admit(key, period)?;
        }
        let book = Arc::new(Mutex::new(book));
        // Weakly: numbers keep no ledger alive, and one that is gone is absent, not empty.
        let (seen, clock) = (Arc::downgrade(&book), grace.0.base.clock.clone());
        grace.observe(move || Some(locked(&*seen.upgrade()?).counts(clock.wall())));
        Ok(Self { grace: grace.clone(), book })
    }

    /// A period started.
    ///
    /// # Errors
    /// When its span is empty, or too many are open.
    pub fn start(&self, key: K, cause: GraceCause, span: GraceSpan) -> Result<Entry, GraceError> {
        let mut book = locked(&self.book);
        if book.open.contains_key(&key) {
            return Ok(Entry::Known);
        }
        let entry = book.ended.look_up(&key, span.from);
        if entry == Entry::New {
            book.admit(key, OpenPeriod::new(span))?;
            self.grace.started(cause);
        }
        Ok(entry)
    }

    /// Its balance cannot be verified, by our fault: it stands still from now on. One that does already is
    /// [`Entry::Known`].
    ///
    /// # Errors
    /// When no such period is open.
    pub fn pause(&self, key: &K) -> Result<Entry, GraceError> {
        let now = self.now();
        let mut book = locked(&self.book);
        let period = book.open.get_mut(key).ok_or(GraceError::NotOpen)?;
        if period.paused_since.is_some() {
            return Ok(Entry::Known);
        }
        period.paused_since = Some(now);
        Ok(Entry::New)
    }

    /// Its balance is verified again, and still too low: it goes on, and ends later by as long as it was paused. One that
    /// is not paused is [`Entry::Known`].
    ///
    /// # Errors
    /// When no such period is open.
    pub fn resume(&self, key: &K) -> Result<Entry, GraceError> {
        let now = self.now();
        let mut book = locked(&self.book);
        let period = book.open.get_mut(key).ok_or(GraceError::NotOpen)?;
        if period.paused_since.is_none() {
            return Ok(Entry::Known);
        }
        period.paused_for = period.paused_by(now);
        period.paused_since = None;
        Ok(Entry::New)
    }

    /// A period ended, now. The share of it that was used is recorded; it is 1 for one that ends late.
    ///
    /// # Errors
    /// When no such period is open; for [`GraceResult::Expired`] also when it is paused, or not over.
    pub fn end(&self, key: &K, result: GraceResult) -> Result<Entry, GraceError> {
        let now = self.now();
        let mut book = locked(&self.book);
        let Some(period) = book.open.get(key).copied() else {
            return if book.ended.contains(key) { Ok(Entry::Known) } else { Err(GraceError::NotOpen) };
        };
        if result == GraceResult::Expired {
            period.check_is_over(now)?;
        }
        book.open.remove(key);
        book.ended.take(key.clone(), period.span.from);
        self.grace.ended(result, period.used_by(now));
        Ok(Entry::New)
    }

    /// The keys of the periods that are over and not paused: whose access is to be withdrawn now.
    pub fn overdue(&self) -> Vec<K> {
        let now = self.now();
        let book = locked(&self.book);
        let overdue = book.open.iter().filter(|(_, period)| period.check_is_over(now).is_ok());
        overdue.map(|(key, _)| key.clone()).collect()
    }

    /// The period of a key, while it is open.
    pub fn find(&self, key: &K) -> Option<OpenPeriod> {
        locked(&self.book).open.get(key).copied()
    }

    fn now(&self) -> SystemTime {
        self.grace.0.base.clock.wall()
    }
}

impl<K> Clone for GraceLedger<K> {
    fn clone(&self) -> Self {
        Self { grace: self.grace.clone(), book: Arc::clone(&self.book) }
    }
}

/// Without its keys, which may be users'.
impl<K> fmt::Debug for GraceLedger<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraceLedger").field("open", &locked(&self.book).open.len()).finish_non_exhaustive()
    }
}

/// OK to go on after a panic: each change is one insertion or removal after all checks.
fn locked<K>(book: &Mutex<Book<K>>) -> MutexGuard<'_, Book<K>> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Ord> Book<K> {
    fn admit(&mut self, key: K, period: OpenPeriod) -> Result<(), GraceError> {
        if period.span.until <= period.span.from {
            return Err(GraceError::EmptySpan);
        }
        if self.open.len() >= MOST_OPEN_PERIODS {
            return Err(GraceError::Full);
        }
        self.open.insert(key, period);
        Ok(())
    }

    fn counts(&self, now: SystemTime) -> GraceCounts {
        let mut counts = GraceCounts::default();
        for period in self.open.values() {
            counts.active += 1;
            match period.time_left(now) {
                None => counts.paused += 1,
                Some(Duration::ZERO) => counts.overdue += 1,
                Some(left) => counts.expiring += u64::from(left <= EXPIRING_WITHIN),
            }
        }
        counts
    }
}
