//! Times of requests and queries, by the processor's own counter where the kernel goes by it too.
//!
//! A look at it costs less than half of one at the system's monotonic clock, which is made of it and takes care of more
//! than a duration needs. Each is looked at twice.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::{Clock, Source};

/// Where a measured time begins: ticks of the counter, or nanoseconds. Of use only to the clock that it is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(u64);

enum Ticker {
    /// Calibrated once against the monotonic clock.
    Counter(quanta::Clock),
    /// Nanoseconds since an origin.
    Monotonic(Instant),
}

static TICKER: LazyLock<Ticker> = LazyLock::new(|| {
    if kernel_goes_by_the_counter() {
        Ticker::Counter(quanta::Clock::new())
    } else {
        Ticker::Monotonic(Clock::system().now())
    }
});

/// Linux itself goes by the counter of an x86-64 only while it is constant and alike on all cores, which a program
/// cannot find out.
fn kernel_goes_by_the_counter() -> bool {
    const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
        && std::fs::read_to_string(CLOCK_SOURCE).is_ok_and(|source| source.trim_end() == "tsc")
}

/// Whether a moment is to be had without waiting.
#[inline]
pub(super) fn is_calibrated() -> bool {
    LazyLock::get(&TICKER).is_some()
}

impl Clock {
    /// Does once in a process what the first moment would have to wait for: about a millisecond, at most 0.2 s on a
    /// machine that is busy elsewhere.
    pub(crate) fn calibrate(&self) {
        LazyLock::force(&TICKER);
    }

    /// Now, to measure a time from. Cost: about 10 ns where the kernel goes by the processor's counter, else that of
    /// [`Clock::now`].
    #[inline]
    pub(crate) fn moment(&self) -> Moment {
        Moment(match &self.0 {
            Source::System => TICKER.now(),
            Source::Manual(manual) => nanos(manual.state().elapsed),
        })
    }

    /// How long a moment is past, never less than nothing. Cost: as that of [`Clock::moment`].
    #[inline]
    pub(crate) fn since(&self, Moment(began): Moment) -> Duration {
        Duration::from_nanos(match &self.0 {
            Source::System => TICKER.since(began),
            Source::Manual(manual) => nanos(manual.state().elapsed).saturating_sub(began),
        })
    }
}

impl Ticker {
    #[inline]
    fn now(&self) -> u64 {
        match self {
            Self::Counter(counter) => counter.raw(),
            Self::Monotonic(origin) => nanos(Clock::system().now().saturating_duration_since(*origin)),
        }
    }

    #[inline]
    fn since(&self, began: u64) -> u64 {
        match self {
            Self::Counter(counter) => counter.delta_as_nanos(began, counter.raw()),
            Self::Monotonic(_) => self.now().saturating_sub(began),
        }
    }
}

/// The cast keeps what lasts less than 584 years.
fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::super::ManualClock;
    use super::*;

    #[test]
    fn held_clock_decides_how_long_a_moment_is_past() {
        let held = ManualClock::new();
        let clock = held.clock();
        held.advance(Duration::from_secs(7));
        let moment = clock.moment();
        assert_eq!(clock.since(moment), Duration::ZERO);
        held.advance(Duration::from_nanos(1_500_000_001));
        assert_eq!(clock.since(moment), Duration::from_nanos(1_500_000_001));
    }

    /// However long the thread is away between two looks, a time that lies within another is not longer, but for what
    /// the counter's rate is off.
    #[test]
    fn counter_and_monotonic_clock_agree_whichever_there_is() {
        let monotonic = Ticker::Monotonic(Clock::system().now());
        for ticker in [&*TICKER, &monotonic] {
            let clock = Clock::system();
            let (before, began, after) = (clock.now(), ticker.now(), clock.now());
            while clock.now() - after < Duration::from_millis(20) {
                std::hint::spin_loop();
            }
            let (inner, measured, outer) = (after.elapsed(), ticker.since(began), before.elapsed());
            let [inner, outer] = [inner, outer].map(|time| time.as_nanos() as f64);
            assert!((0.999 * inner..1.001 * outer).contains(&(measured as f64)), "{inner} {measured} {outer}");
            assert_eq!(ticker.since(u64::MAX), 0, "a moment that is yet to come");
        }
    }
}
