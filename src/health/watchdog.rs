//! Whether the host's runtime runs its tasks: a thread of ours hands it one a second and looks how long that waits.
//!
//! Code that blocks every worker stops requests, timers and checks alike, and nothing that runs on the runtime can say
//! so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::instruments::StallInstruments;
use crate::clock::{Alarm, Clock};
use crate::diagnostics::{Diagnostics, Problem};

/// What watches one runtime; ends when dropped.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    alarm: Arc<Alarm>,
    beat: Mutex<Beat>,
    stopped: AtomicBool,
}

/// The task that was handed to the runtime last.
#[derive(Clone, Copy)]
enum Beat {
    /// Since when it waits.
    Waiting(Instant),
    Ran,
    /// The runtime has let it go: it is shutting down.
    Dropped,
}

/// Chosen: a second is what a health probe waits, and far above what a busy runtime delays a task by.
pub(super) const STALLED_AFTER: Duration = Duration::from_secs(1);

/// Chosen: a stall is seen within two seconds, for a task a second.
const INTERVAL: Duration = Duration::from_secs(1);

impl Watchdog {
    /// Watches `runtime`. Without a thread for it nothing is watched, which is counted.
    pub(super) fn start(
        runtime: Handle,
        clock: &Clock,
        instruments: StallInstruments,
        diagnostics: &Diagnostics,
    ) -> Self {
        let shared =
            Arc::new(Shared { alarm: Alarm::new(clock), beat: Mutex::new(Beat::Ran), stopped: AtomicBool::new(false) });
        let watch = Watch { shared: Arc::clone(&shared), runtime, clock: clock.clone(), instruments };
        let thread = std::thread::Builder::new().name("runtime-watchdog".to_owned());
        if let Err(error) = thread.spawn(move || watch.keep()) {
            diagnostics.report(Problem::SpawnFailed, &format!("runtime watchdog: {error}"));
        }
        Self { shared }
    }

    /// How long the runtime has run nothing, at a moment; `None` while it does.
    pub(super) fn stalled_for(&self, now: Instant) -> Option<Duration> {
        match self.shared.beat() {
            Beat::Waiting(since) => {
                Some(now.saturating_duration_since(since)).filter(|waited| *waited >= STALLED_AFTER)
            }
            Beat::Ran | Beat::Dropped => None,
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Ordering: nothing but the flag is read because of it, and the alarm's lock orders the store before the wake.
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.alarm.ring();
    }
}

impl Shared {
    fn beat(&self) -> Beat {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, beat: Beat) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = beat;
    }
}

/// What the thread holds.
struct Watch {
    shared: Arc<Shared>,
    runtime: Handle,
    clock: Clock,
    instruments: StallInstruments,
}

impl Watch {
    fn keep(self) {
        loop {
            let sent = self.clock.now();
            self.shared.set(Beat::Waiting(sent));
            let signal = Signal { shared: Arc::clone(&self.shared), end: Beat::Dropped };
            self.runtime.spawn(async move { signal.ran() });
            match self.wait_for_beat(Some(sent + STALLED_AFTER)) {
                Some(Beat::Ran) => self.instruments.delayed(self.since(sent)),
                Some(Beat::Waiting(_)) => {
                    self.stalled(sent);
                    let Some(Beat::Ran) = self.wait_for_beat(None) else {
                        return;
                    };
                    self.instruments.delayed(self.since(sent));
                    self.recovered(sent);
                }
                Some(Beat::Dropped) | None => return,
            }
            if !self.rest(sent + INTERVAL) {
                return;
            }
        }
    }

    /// What has become of the beat by the deadline, or ever; `None` if nobody wants to know any more.
    fn wait_for_beat(&self, deadline: Option<Instant>) -> Option<Beat> {
        loop {
            if self.shared.stopped.load(Ordering::Relaxed) {
                return None;
            }
            match self.shared.beat() {
                Beat::Waiting(_) if deadline.is_none_or(|deadline| self.clock.now() < deadline) => {
                    self.shared.alarm.wait(deadline);
                }
                beat => return Some(beat),
            }
        }
    }

    /// Waits for the next beat's time; `false` if there is none.
    fn rest(&self, until: Instant) -> bool {
        while self.clock.now() < until {
            if self.shared.stopped.load(Ordering::Relaxed) {
                return false;
            }
            self.shared.alarm.wait(Some(until));
        }
        true
    }

    fn since(&self, sent: Instant) -> Duration {
        self.clock.now().saturating_duration_since(sent)
    }

    fn stalled(&self, sent: Instant) {
        self.instruments.stalled();
        let waited_seconds = self.since(sent).as_secs_f64();
        tracing::warn!(waited_seconds, "the runtime does not run its tasks: something blocks every worker");
    }

    fn recovered(&self, sent: Instant) {
        self.instruments.recovered();
        let lasted_seconds = self.since(sent).as_secs_f64();
        tracing::warn!(lasted_seconds, "the runtime runs its tasks again");
    }
}

/// Says what became of a task, exactly once.
struct Signal {
    shared: Arc<Shared>,
    end: Beat,
}

impl Signal {
    fn ran(mut self) {
        self.end = Beat::Ran;
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        self.shared.set(self.end);
        self.shared.alarm.ring();
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::{Meter, Registry};

    fn eventually(what: &str, holds: impl Fn() -> bool) {
        let clock = Clock::system();
        let deadline = clock.now() + Duration::from_secs(20);
        while !holds() {
            assert!(clock.now() < deadline, "not within 20 s: {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn runtime_that_runs_nothing_is_stalled_until_it_does() {
        let (held, registry) = (ManualClock::new(), Registry::new());
        // Nobody drives it, so that nothing runs on it until somebody does.
        let runtime = Builder::new_current_thread().build().unwrap();
        let instruments = StallInstruments::register(&Meter::new(&registry)).unwrap();
        let clock = held.clock();
        let watchdog = Watchdog::start(runtime.handle().clone(), &clock, instruments, &Diagnostics::new());
        let value = |name| registry.snapshot().value(name, &[]);
        eventually("the first beat is sent", || matches!(watchdog.shared.beat(), Beat::Waiting(_)));
        assert_eq!((value("tokio_stalled"), value("tokio_stalls_total")), (Some(0.0), Some(0.0)));
        assert_eq!(watchdog.stalled_for(clock.now()), None);

        held.advance(Duration::from_secs(5));
        eventually("the stall is seen", || value("tokio_stalled") == Some(1.0));
        assert_eq!(watchdog.stalled_for(clock.now()), Some(Duration::from_secs(5)));

        eventually("it runs again", || {
            runtime.block_on(tokio::task::yield_now());
            value("tokio_stalled") == Some(0.0)
        });
        assert_eq!(value("tokio_stalls_total"), Some(1.0));
        let delays = registry.snapshot().histogram("tokio_scheduling_delay_seconds", &[]).unwrap();
        // Held time stands still, so that whatever beat runs besides waits for nothing.
        assert_eq!(delays.sum, 5.0);

        let weak = Arc::downgrade(&watchdog.shared);
        drop(watchdog);
        // A beat that waits on the runtime holds on until that runs or ends.
        eventually("the thread ends", || {
            runtime.block_on(tokio::task::yield_now());
            weak.strong_count() == 0
        });
    }

    #[test]
    fn watch_ends_with_the_runtime() {
        let (held, registry) = (ManualClock::new(), Registry::new());
        let runtime = Builder::new_current_thread().build().unwrap();
        let instruments = StallInstruments::register(&Meter::new(&registry)).unwrap();
        let watchdog = Watchdog::start(runtime.handle().clone(), &held.clock(), instruments, &Diagnostics::new());
        drop(runtime);
        eventually("only the handle is left", || Arc::strong_count(&watchdog.shared) == 1);
        assert_eq!(watchdog.stalled_for(held.clock().now() + Duration::from_secs(60)), None);
    }
}
