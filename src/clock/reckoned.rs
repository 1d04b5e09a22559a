//! Wall time that is asked for with every request.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use super::Clock;
use super::moment::{self, Moment};

/// How long a thread goes by its last look at the system's wall clock. Chosen: a step of that clock is seen as soon, and
/// the counter's rate is off by at most 10 µs over it.
const FRESH: Duration = Duration::from_millis(10);

/// When a thread looked, and what it saw.
#[derive(Clone, Copy)]
struct Look {
    at: Moment,
    unix: Duration,
}

/// The machine's time since 1970, reckoned from a look at its clock of less than 10 ms ago. Cost: about 10 ns where
/// [`Clock::moment`] has the processor's counter, a third of that look.
#[inline]
pub(crate) fn reckoned_unix_time() -> Duration {
    thread_local! {
        static LAST: Cell<Option<Look>> = const { Cell::new(None) };
    }
    let clock = Clock::system();
    if let Some(Look { at, unix }) = LAST.get() {
        let past = clock.since(at);
        if past < FRESH {
            return unix + past;
        }
    }
    let unix = clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // What makes requests has the counter calibrated; nobody else is to wait for that here.
    if moment::is_calibrated() {
        LAST.set(Some(Look { at: clock.moment(), unix }));
    }
    unix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_that_of_the_system_however_long_it_is_reckoned() {
        let clock = Clock::system();
        clock.calibrate();
        let system = || clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let began = clock.now();
        while clock.now() - began < 5 * FRESH {
            let (before, reckoned, after) = (system(), reckoned_unix_time(), system());
            // What the counter's rate may be off, many times over.
            assert!((before - FRESH / 10..after + FRESH / 10).contains(&reckoned), "{before:?} {reckoned:?} {after:?}");
        }
    }
}
