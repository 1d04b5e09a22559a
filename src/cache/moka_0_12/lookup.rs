//! One look-up that may load.

use crate::cache::{CacheMetrics, Outcome, Timer};

/// A look-up, and whether it has begun to load.
pub(super) struct Lookup<'a> {
    metrics: &'a CacheMetrics,
    loads: Loads,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Loads {
    NotYet,
    /// And so it was a miss, which is counted.
    Itself,
}

/// What a load brought.
#[derive(Clone, Copy)]
pub(super) enum Loaded {
    /// A value, which the cache keeps.
    Value,
    /// That there is none.
    Nothing,
    Error,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(metrics: &'a CacheMetrics) -> Self {
        Self { metrics, loads: Loads::NotYet }
    }

    /// Loads, on behalf of this look-up.
    pub(super) fn load<T>(&mut self, load: impl FnOnce() -> T, judge: impl FnOnce(&T) -> Loaded) -> T {
        self.missed();
        let timer = self.metrics.loads().start();
        let value = load();
        self.loaded(timer, judge(&value));
        value
    }

    /// As [`load`](Self::load), for a future; counted from when it is first polled.
    pub(super) async fn load_async<T>(&mut self, load: impl Future<Output = T>, judge: impl FnOnce(&T) -> Loaded) -> T {
        self.missed();
        let timer = self.metrics.loads().start_in_future();
        let value = load.await;
        self.loaded(timer, judge(&value));
        value
    }

    /// The look-up ended; what it found was there, or was loaded for another, unless it loaded itself.
    pub(super) fn ended(self, found: Loaded) {
        if self.loads == Loads::NotYet {
            match found {
                Loaded::Value => self.metrics.hit(),
                Loaded::Nothing | Loaded::Error => self.metrics.miss(),
            }
        }
    }

    fn missed(&mut self) {
        self.loads = Loads::Itself;
        self.metrics.miss();
    }

    fn loaded(&self, timer: Timer, loaded: Loaded) {
        match loaded {
            Loaded::Value => {
                timer.finish(Outcome::Ok);
                self.metrics.inserted();
            }
            Loaded::Nothing => timer.finish(Outcome::Ok),
            Loaded::Error => timer.finish(Outcome::Failed),
        }
    }
}

impl Loaded {
    /// Of a load that always has a value.
    pub(super) fn of_value<T>(_: &T) -> Self {
        Self::Value
    }

    pub(super) fn of_option<T>(value: &Option<T>) -> Self {
        if value.is_some() { Self::Value } else { Self::Nothing }
    }

    pub(super) fn of_result<T, E>(value: &Result<T, E>) -> Self {
        if value.is_ok() { Self::Value } else { Self::Error }
    }
}
