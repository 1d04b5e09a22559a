//! Who looks at the workers: a thread of ours, since what runs on the runtime cannot see that it does not run.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

use super::instruments::StallInstruments;
use super::progress::{Event, Limits, Look, Worker};
use crate::clock::{Alarm, Clock};
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;
use crate::metrics::Counter;

/// A stall is measured to a fifth of what counts as one.
const LOOKS_A_STALL: u32 = 5;

/// Chosen: whoever is called because of it should not wait for an end that may never come.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Chosen: a service that blocks its workers all the time fills no disk with the news.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Watches the workers of one runtime; ends when dropped, or with the runtime.
pub(in crate::resource) struct Watch(Arc<Shared>);

struct Shared {
    alarm: Arc<Alarm>,
    stopped: AtomicBool,
}

impl Watch {
    /// Starts watching. Without a thread for it nothing is watched, which is counted.
    pub(in crate::resource) fn start(
        runtime: Handle,
        clock: &Clock,
        stalled_after: Duration,
        instruments: StallInstruments,
        diagnostics: &Diagnostics,
    ) -> Self {
        let shared = Arc::new(Shared { alarm: Alarm::new(clock), stopped: AtomicBool::new(false) });
        let limits = Limits { stalled_after, stuck_after: STUCK_AFTER.max(stalled_after * 2) };
        let lines = Lines::new(diagnostics.clone());
        let watcher = Watcher::new(runtime, clock.clone(), limits, instruments, lines, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("worker-watchdog".to_owned());
        if let Err(error) = thread.spawn(move || watcher.keep()) {
            diagnostics.report(Problem::SpawnFailed, &format!("worker watchdog: {error}"));
        }
        Self(shared)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Ordering: nothing but the flag is read because of it, and the alarm's lock orders the store before the wake.
        self.0.stopped.store(true, Ordering::Relaxed);
        self.0.alarm.ring();
    }
}

/// What the thread holds.
struct Watcher {
    shared: Arc<Shared>,
    runtime: Handle,
    metrics: RuntimeMetrics,
    clock: Clock,
    limits: Limits,
    workers: Vec<Worker>,
    stalls: Vec<Counter>,
    instruments: StallInstruments,
    looked: Instant,
    lines: Lines,
}

impl Watcher {
    fn new(
        runtime: Handle,
        clock: Clock,
        limits: Limits,
        instruments: StallInstruments,
        lines: Lines,
        shared: Arc<Shared>,
    ) -> Self {
        let (metrics, looked) = (runtime.metrics(), clock.now());
        let workers: Vec<_> =
            (0..metrics.num_workers()).map(|worker| Worker::new(look(&metrics, worker), looked)).collect();
        let stalls = instruments.of_workers(workers.len());
        Self { shared, runtime, metrics, clock, limits, workers, stalls, instruments, looked, lines }
    }

    fn keep(mut self) {
        let pause = self.limits.stalled_after / LOOKS_A_STALL;
        loop {
            self.shared.alarm.wait(self.looked.checked_add(pause));
            // Ordering: see where it is stored.
            if self.shared.stopped.load(Ordering::Relaxed) || self.look_at_all(pause).is_break() {
                return;
            }
        }
    }

    /// Looks at each worker; breaks off when the runtime is no more.
    fn look_at_all(&mut self, pause: Duration) -> ControlFlow<()> {
        let now = self.clock.now();
        let unseen = now.saturating_duration_since(self.looked).saturating_sub(pause);
        self.looked = now;
        for at in 0..self.workers.len() {
            let worker = &mut self.workers[at];
            if unseen > pause {
                // The whole process stood still, or the machine: no fault of a worker's.
                worker.forget(unseen);
            }
            match worker.seen(look(&self.metrics, at), now, self.limits) {
                Some(Event::Stalled) if has_ended(&self.runtime) => return ControlFlow::Break(()),
                Some(Event::Stalled) => self.stalls[at].increment(),
                Some(Event::StuckFor(stalled_for)) => self.lines.tell(at, stalled_for, now),
                Some(Event::BackAfter { stalled_for, told }) => {
                    self.instruments.ended_after(stalled_for);
                    if !told {
                        self.lines.tell(at, stalled_for, now);
                    }
                }
                None => {}
            }
        }
        self.instruments.are_stalled(self.workers.iter().filter(|worker| worker.is_stalled()).count());
        ControlFlow::Continue(())
    }
}

#[cfg(target_has_atomic = "64")]
fn look(metrics: &RuntimeMetrics, worker: usize) -> Look {
    Look {
        parks_and_unparks: metrics.worker_park_unpark_count(worker),
        busy: metrics.worker_total_busy_duration(worker),
    }
}

/// Where Tokio does not count, no worker is ever seen awake.
#[cfg(not(target_has_atomic = "64"))]
fn look(_: &RuntimeMetrics, _: usize) -> Look {
    Look { parks_and_unparks: 1, busy: Duration::ZERO }
}

/// The workers of a runtime that has shut down stand still too. It lets go of tasks at once.
fn has_ended(runtime: &Handle) -> bool {
    let (sent, held) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        let _ran = sent.send(());
    });
    matches!(held.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected))
}

/// The log's lines about stalls.
struct Lines {
    diagnostics: Diagnostics,
    last: Option<Instant>,
    /// Stalls since the last line.
    untold: u64,
}

impl Lines {
    fn new(diagnostics: Diagnostics) -> Self {
        Self { diagnostics, last: None, untold: 0 }
    }

    fn tell(&mut self, worker: usize, stalled_for: Duration, now: Instant) {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_LINES) {
            self.untold += 1;
            return;
        }
        self.last = Some(now);
        let (blocked_seconds, untold) = (stalled_for.as_secs_f64(), std::mem::take(&mut self.untold));
        // The watch goes on whatever a subscriber of the host's does.
        let told = fenced(|| {
            tracing::warn!(
                parent: None,
                worker,
                blocked_seconds,
                untold,
                "A worker of the runtime was blocked: one of its tasks did not give way"
            );
        });
        if told.is_none() {
            self.diagnostics.count(Problem::SubscriberPanicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::subscriber::NoSubscriber;
    use tracing::{Dispatch, dispatcher};

    use super::*;
    use crate::clock::ManualClock;

    /// Lines in memory.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn stalls_are_a_line_at_a_time_and_those_in_between_are_counted() {
        let (memory, held) = (Memory::default(), ManualClock::new());
        let clock = held.clock();
        let sink = memory.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || sink.clone()).with_ansi(false).without_time().finish();
        // With two more of them `tracing` asks each whether it wants a line, not whoever meets the line first.
        let _bystanders = [NoSubscriber::new(), NoSubscriber::new()].map(Dispatch::new);
        dispatcher::with_default(&Dispatch::new(subscriber), || {
            let mut lines = Lines::new(Diagnostics::new());
            for (worker, millis) in [(3, 700), (1, 600), (0, 900)] {
                lines.tell(worker, Duration::from_millis(millis), clock.now());
            }
            held.advance(BETWEEN_LINES);
            lines.tell(2, Duration::from_millis(1_500), clock.now());
        });
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        let told: Vec<_> = text.lines().collect();
        assert_eq!(told.len(), 2, "{text}");
        for (line, parts) in [
            (told[0], ["WARN", "worker=3", "blocked_seconds=0.7", "untold=0"]),
            (told[1], ["WARN", "worker=2", "blocked_seconds=1.5", "untold=2"]),
        ] {
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        }
    }

    #[test]
    fn runtime_that_is_gone_is_no_stall_and_ends_the_watch() {
        let (held, registry) = (ManualClock::new(), crate::metrics::Registry::new());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let instruments = StallInstruments::register(&crate::metrics::Meter::new(&registry)).unwrap();
        let limit = Duration::from_millis(500);
        let handle = runtime.handle().clone();
        let watch = Watch::start(handle.clone(), &held.clock(), limit, instruments, &Diagnostics::new());
        assert!(!has_ended(&handle));
        drop(runtime);
        assert!(has_ended(&handle));
        let clock = Clock::system();
        let deadline = clock.now() + Duration::from_secs(20);
        while Arc::strong_count(&watch.0) > 1 {
            held.advance(limit / LOOKS_A_STALL);
            assert!(clock.now() < deadline, "the thread has not ended after 20 s");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(registry.snapshot().sum("tokio_worker_stalls_total", &[]), Some(0.0));
    }
}
