//! Collectors under a clock that stands still until it is told to move.

mod asking;
mod giving;
mod running;
mod sharing;

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use super::options::DEFAULT_INTERVAL;
use super::{CollectFailure, Collected, Collection, CollectorOptions};
use crate::clock::ManualClock;
use crate::diagnostics::Diagnostics;
use crate::metrics::{Definition, Meter, Registry, RegistryOptions};

static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);
static OTHER: Definition = Definition::gauge("other", "Another collector's.");

const LIMIT: Duration = Duration::from_secs(1);

struct Bench {
    registry: Registry,
    clock: ManualClock,
    diagnostics: Diagnostics,
}

impl Bench {
    fn new() -> Self {
        Self::with(RegistryOptions::new())
    }

    fn with(options: RegistryOptions) -> Self {
        let (clock, diagnostics) = (ManualClock::new(), Diagnostics::new());
        let options = options.clock(clock.clock()).diagnostics(diagnostics.clone()).collect_within(LIMIT);
        Self { registry: Registry::with(options), clock, diagnostics }
    }

    fn meter(&self) -> Meter {
        Meter::new(&self.registry)
    }

    /// Registers a collector whose queues each run takes from a channel, where an empty channel blocks it; what the
    /// second channel says when a run begins.
    fn depths_on_demand(&self, name: &str, options: CollectorOptions) -> (Sender<Run>, Receiver<()>) {
        let depth: Collected<f64, 1> = self.meter().collected(&DEPTH).unwrap();
        let (orders, ordered) = mpsc::channel::<Run>();
        let (began, begun) = mpsc::channel();
        let collector = move |collection: &mut Collection| {
            began.send(()).unwrap();
            ordered.recv().unwrap()(&depth, collection)
        };
        self.meter().collector_with(name, collector, options).unwrap();
        (orders, begun)
    }

    /// Collects when every run that is due has been told what to do.
    fn collect(&self) -> String {
        // Past the interval of all collectors here.
        self.clock.advance(DEFAULT_INTERVAL);
        self.registry.collect();
        self.registry.render()
    }

    /// Collects while somebody blocks a run, until the limit is over; `others` waits for the runs that are in time.
    fn collect_past_the_limit(&self, begun: &Receiver<()>, others: impl FnOnce()) -> String {
        self.clock.advance(DEFAULT_INTERVAL);
        thread::scope(|scope| {
            let gather = scope.spawn(|| self.registry.collect());
            begun.recv().unwrap();
            others();
            self.clock.advance(LIMIT);
            gather.join().unwrap();
        });
        self.registry.render()
    }

    fn runs(&self, name: &str, outcome: &str) -> f64 {
        let labels = [("collector", name), ("outcome", outcome)];
        self.registry.snapshot().value("monitoring_collector_runs_total", &labels).unwrap()
    }

    /// Waits for the end of a run that nobody waits for.
    fn await_runs(&self, name: &str, count: f64) {
        let ended = || self.registry.snapshot().sum("monitoring_collector_duration_seconds", &[("collector", name)]);
        eventually(|| ended() == Some(count));
    }
}

/// Waits for a thread, which is not driven by the clock that a test holds.
#[track_caller]
fn eventually(is_so: impl Fn() -> bool) {
    const PAUSE: Duration = Duration::from_millis(1);
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        thread::park_timeout(PAUSE);
    }
    panic!("not within 20,000 pauses of {PAUSE:?}");
}

/// What a run does.
type Run = Box<dyn FnOnce(&Collected<f64, 1>, &mut Collection) -> Result<(), CollectFailure> + Send>;

fn depths(given: &'static [(&'static str, f64)]) -> Run {
    Box::new(move |depth, collection| {
        for (queue, value) in given {
            collection.set(depth, [(*queue).into()], *value);
        }
        Ok(())
    })
}

fn often() -> CollectorOptions {
    CollectorOptions::new().interval(Duration::ZERO)
}
