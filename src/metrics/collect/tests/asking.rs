//! Collectors that ask, and are answered, refused or left without a word.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{Bench, DEPTH};
use crate::metrics::collect::asking::ask_regularly;
use crate::metrics::collect::options::DEFAULT_FRESH_FOR;
use crate::metrics::{AskOptions, CollectFailure, Collected, Collection, CollectorError, Scope};

const INTERVAL: Duration = Duration::from_secs(30);

/// What the other process does when it is asked.
#[derive(Clone, Copy)]
enum Other {
    Answers(f64),
    Refuses,
    IsSilent,
}

struct Asking {
    bench: Bench,
    other: Arc<Mutex<(Other, u32)>>,
    _runtime: Runtime,
}

impl Asking {
    fn new() -> Self {
        let bench = Bench::new();
        let other = Arc::new(Mutex::new((Other::Answers(1.0), 0)));
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let depth: Collected<f64, 1> = bench.meter().collected(&DEPTH).unwrap();
        let asked = Arc::clone(&other);
        let ask = move || {
            let asked = Arc::clone(&asked);
            async move {
                let other = {
                    let mut asked = asked.lock().unwrap();
                    asked.1 += 1;
                    asked.0
                };
                match other {
                    Other::Answers(value) => Ok(value),
                    Other::Refuses => Err(CollectFailure::from("it refuses")),
                    Other::IsSilent => std::future::pending().await,
                }
            }
        };
        let give = move |value, collection: &mut Collection| collection.set(&depth, ["orders".into()], value);
        let options = AskOptions::new().interval(INTERVAL).timeout(Duration::from_millis(1)).scope(Scope::Instance);
        let _inside = runtime.enter();
        ask_regularly(&bench.meter(), &bench.clock.clock(), "asks", options, ask, give).unwrap();
        drop(_inside);
        Self { bench, other, _runtime: runtime }
    }

    /// Lets an interval go by and a run end; how often the other was asked by then, and what is shown.
    fn after(&self, other: Other, outcome: &str) -> (u32, Option<f64>) {
        self.other.lock().unwrap().0 = other;
        self.bench.clock.advance(INTERVAL);
        let before = self.bench.runs("asks", outcome);
        self.bench.registry.collect();
        super::eventually(|| self.bench.runs("asks", outcome) > before);
        self.bench.registry.collect();
        let shown = self.bench.registry.snapshot().value("depth", &[("queue", "orders")]);
        (self.other.lock().unwrap().1, shown)
    }
}

#[test]
fn who_refuses_or_is_silent_is_asked_less_and_less_and_is_never_zero() {
    let asking = Asking::new();
    assert_eq!(asking.after(Other::Answers(7.0), "ok"), (1, Some(7.0)));
    assert_eq!(asking.after(Other::Refuses, "failed"), (2, Some(7.0)), "it is fresh still");
    assert_eq!(asking.after(Other::IsSilent, "failed"), (3, None), "{DEFAULT_FRESH_FOR:?} are over");
    assert_eq!(asking.after(Other::IsSilent, "failed").0, 3, "two intervals after the second failure");
    assert_eq!(asking.after(Other::IsSilent, "failed").0, 4);
    for _ in 0..3 {
        assert_eq!(asking.after(Other::Answers(8.0), "failed").0, 4, "four after the third");
    }
    assert_eq!(asking.after(Other::Answers(8.0), "ok"), (5, Some(8.0)));
    assert_eq!(asking.after(Other::Refuses, "failed").0, 6);
    assert_eq!(asking.after(Other::Answers(9.0), "ok"), (7, Some(9.0)), "from the beginning");
}

#[test]
fn who_asks_needs_a_runtime() {
    let bench = Bench::new();
    let ask = || std::future::ready(Ok::<(), CollectFailure>(()));
    let registered = ask_regularly(&bench.meter(), &bench.clock.clock(), "asks", AskOptions::new(), ask, |(), _| ());
    assert!(matches!(registered, Err(CollectorError::NoRuntime { .. })), "{registered:?}");
}
