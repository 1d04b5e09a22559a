//! The one source of time: real, or held by a test.
//!
//! Nothing else in the crate reads the system's clocks, so a test that holds a [`ManualClock`] decides when a check is
//! due, how long a request took and what a log line's timestamp is.

#[cfg(any(feature = "database", feature = "http"))]
mod moment;
#[cfg(any(feature = "database", feature = "http"))]
mod reckoned;
#[cfg(any(feature = "alert", feature = "health", feature = "log"))]
mod timestamp;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

#[cfg(any(feature = "database", feature = "http"))]
pub(crate) use moment::Moment;
#[cfg(any(feature = "database", feature = "http"))]
pub(crate) use reckoned::reckoned_unix_time;
#[cfg(any(feature = "alert", feature = "health", feature = "log"))]
pub(crate) use timestamp::Timestamp;
#[cfg(feature = "log")]
pub(crate) use timestamp::Timestamps;

/// Monotonic and wall time.
///
/// Cloning is cheap. [`Clock::system`] reads the machine; a [`ManualClock`] hands out clocks that stand still until
/// they are told to move.
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Manual>),
}

impl Clock {
    /// The machine's clocks.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Monotonic time, for durations and deadlines. Cost: about 20 ns.
    #[inline]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's monotonic clock")]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System => Instant::now(),
            Source::Manual(manual) => manual.base + manual.state().elapsed,
        }
    }

    /// Wall time, for timestamps that people and Prometheus read.
    #[inline]
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the machine's wall clock")]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Source::System => SystemTime::now(),
            Source::Manual(manual) => {
                let state = manual.state();
                state.wall + state.elapsed
            }
        }
    }

    /// Wall time as seconds since the Unix epoch, as timestamp gauges carry it.
    pub fn unix_seconds(&self) -> f64 {
        self.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock::System",
            Source::Manual(_) => "Clock::Manual",
        })
    }
}

/// A clock that a test holds: time stands still until [`ManualClock::advance`].
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::clock::ManualClock;
///
/// let held = ManualClock::new();
/// let clock = held.clock();
/// let before = clock.now();
/// held.advance(Duration::from_secs(3));
/// assert_eq!(clock.now() - before, Duration::from_secs(3));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Manual>);

struct Manual {
    base: Instant,
    state: Mutex<ManualState>,
}

struct ManualState {
    elapsed: Duration,
    wall: SystemTime,
    alarms: Vec<Weak<Alarm>>,
}

impl Manual {
    fn state(&self) -> MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ManualClock {
    /// A clock that stands at 2025-01-22T10:30:00Z, the moment of the guide's log line.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + GUIDE_MOMENT)
    }

    /// A clock that stands at `wall`.
    #[allow(clippy::disallowed_methods, reason = "an origin for the held monotonic time")]
    pub fn starting_at(wall: SystemTime) -> Self {
        let state = ManualState { elapsed: Duration::ZERO, wall, alarms: Vec::new() };
        Self(Arc::new(Manual { base: Instant::now(), state: Mutex::new(state) }))
    }

    /// A [`Clock`] that shows this clock's time.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }

    /// Moves time forward and wakes whoever waits for a deadline.
    pub fn advance(&self, by: Duration) {
        let alarms = {
            let mut state = self.0.state();
            state.elapsed += by;
            state.alarms.retain(|alarm| alarm.strong_count() > 0);
            state.alarms.clone()
        };
        for alarm in alarms.iter().filter_map(Weak::upgrade) {
            alarm.look_at_the_clock();
        }
    }
}

/// 2025-01-22T10:30:00Z.
const GUIDE_MOMENT: Duration = Duration::from_secs(1_737_541_800);

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("elapsed", &self.0.state().elapsed).finish_non_exhaustive()
    }
}

/// Where one thread waits until a moment of its [`Clock`] or until somebody rings.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    rung: Mutex<bool>,
    wake: Condvar,
}

impl Alarm {
    pub(crate) fn new(clock: &Clock) -> Arc<Self> {
        let alarm = Arc::new(Self { clock: clock.clone(), rung: Mutex::new(false), wake: Condvar::new() });
        if let Source::Manual(manual) = &clock.0 {
            manual.state().alarms.push(Arc::downgrade(&alarm));
        }
        alarm
    }

    /// Ends the present wait, or the next one if nobody waits.
    pub(crate) fn ring(&self) {
        *self.rung() = true;
        self.wake.notify_all();
    }

    /// Waits until rung, or until `deadline` has come; without a deadline only until rung.
    pub(crate) fn wait(&self, deadline: Option<Instant>) {
        let mut rung = self.rung();
        loop {
            if std::mem::take(&mut *rung) {
                return;
            }
            let left = deadline.map(|at| at.saturating_duration_since(self.clock.now()));
            rung = match (&self.clock.0, left) {
                (_, Some(Duration::ZERO)) => return,
                (Source::System, Some(left)) => {
                    self.wake.wait_timeout(rung, left).unwrap_or_else(PoisonError::into_inner).0
                }
                (Source::Manual(_), _) | (Source::System, None) => {
                    self.wake.wait(rung).unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    fn rung(&self) -> MutexGuard<'_, bool> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Taking the lock first means that a waiter has either not read the clock yet or is already waiting.
    fn look_at_the_clock(&self) {
        let _rung = self.rung();
        self.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarm_wakes_at_its_deadline_of_a_held_clock() {
        let held = ManualClock::new();
        let clock = held.clock();
        let alarm = Alarm::new(&clock);
        let deadline = clock.now() + Duration::from_secs(10);
        let waiter = {
            let alarm = Arc::clone(&alarm);
            std::thread::spawn(move || alarm.wait(Some(deadline)))
        };
        held.advance(Duration::from_secs(10));
        waiter.join().expect("the waiter does not panic");
        assert!(clock.now() >= deadline);
    }

    #[test]
    fn alarm_remembers_one_ring_that_came_before_the_wait() {
        let alarm = Alarm::new(&ManualClock::new().clock());
        alarm.ring();
        alarm.wait(None);
    }

    #[test]
    fn wall_time_moves_with_monotonic_time() {
        let held = ManualClock::new();
        held.advance(Duration::from_millis(1500));
        assert_eq!(held.clock().unix_seconds(), 1_737_541_801.5);
    }
}
