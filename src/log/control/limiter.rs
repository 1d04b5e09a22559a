//! Holds back what callsites repeat, and tells how much that was.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Level};

use super::repeats::{Pace, Repeats};
use super::source::{Key, Place, Source};
use crate::clock::{Alarm, Clock};
use crate::log::callsite::Site;
use crate::log::core::Core;
use crate::log::encode::Recorded;
use crate::log::line::Head;
use crate::log::scratch;
use crate::log::visitor::Own;

/// How long after the first line that was held back all are told. Chosen: a storm of one callsite adds a line each ten
/// seconds.
const TELL_AFTER: Duration = Duration::from_secs(10);

/// How many places in code that log by the `log` crate are remembered before all are forgotten, which lets a burst of
/// each through. Chosen: more than a program has, unless its targets are made up while it runs.
const MOST_RECORDS: usize = 4 * 1024;

/// What a callsite has used up: the time, in nanoseconds since the log began, until which its lines are paid for.
#[derive(Debug, Default)]
pub(in crate::log) struct Bucket(AtomicU64);

impl Bucket {
    /// Pays for a line, unless too much is owed already (the generic cell rate algorithm).
    fn take(&self, now: u64, pace: Pace) -> bool {
        let pay = |paid_until: u64| {
            let from = paid_until.max(now);
            (from - now <= pace.ahead).then(|| from.saturating_add(pace.line))
        };
        // Ordering: nothing else is read by it.
        self.0.try_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }
}

/// Decides for one log, and keeps what is to be told.
#[derive(Debug)]
pub(in crate::log) struct Limiter {
    repeats: Repeats,
    pace: Pace,
    clock: Clock,
    began: Instant,
    records: Mutex<HashMap<Key, Bucket>>,
    held_back: Mutex<HashMap<Key, HeldBack>>,
    alarm: Arc<Alarm>,
    stopped: AtomicBool,
}

/// What one place in code could not say.
#[derive(Debug)]
struct HeldBack {
    place: Place,
    lines: u64,
    since: Instant,
}

impl Limiter {
    pub(in crate::log) fn new(repeats: Repeats, clock: &Clock) -> Self {
        Self {
            pace: repeats.pace(),
            repeats,
            clock: clock.clone(),
            began: clock.now(),
            records: Mutex::default(),
            held_back: Mutex::default(),
            alarm: Alarm::new(clock),
            stopped: AtomicBool::new(false),
        }
    }

    fn holds_back(&self, event: &Event<'_>, site: &Site) -> bool {
        if !self.repeats.may_hold_back(*event.metadata().level()) {
            return false;
        }
        let now = self.clock.now();
        // The cast keeps five hundred years of nanoseconds.
        let nanos = now.saturating_duration_since(self.began).as_nanos() as u64;
        let source = Source::of(event);
        let passes = match source.key {
            Key::Callsite(_) => site.bucket.take(nanos, self.pace),
            Key::Text(_) => self.record_passes(source.key, nanos),
        };
        if passes || source.target.is_some_and(|target| self.repeats.exempts(target)) {
            return false;
        }
        self.keep(source, now);
        true
    }

    fn record_passes(&self, record: Key, nanos: u64) -> bool {
        let mut records = lock(&self.records);
        if records.len() >= MOST_RECORDS {
            records.clear();
        }
        records.entry(record).or_default().take(nanos, self.pace)
    }

    fn keep(&self, source: Source<'_>, now: Instant) {
        let mut held_back = lock(&self.held_back);
        let is_first = held_back.is_empty();
        let new = || HeldBack { place: source.to_place(), lines: 0, since: now };
        held_back.entry(source.key).or_insert_with(new).lines += 1;
        drop(held_back);
        if is_first {
            self.alarm.ring();
        }
    }

    /// When to tell what is kept now.
    fn due(&self) -> Option<Instant> {
        lock(&self.held_back).values().map(|held_back| held_back.since + TELL_AFTER).min()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// Whether this event repeats its callsite too often. Then it is counted, and told of later.
    pub(in crate::log) fn holds_back(&self, event: &Event<'_>, site: &Site) -> bool {
        let held_back = self.limiter.as_ref().is_some_and(|limiter| limiter.holds_back(event, site));
        if held_back {
            self.instruments.suppressed(*event.metadata().level()).increment();
            self.tallies.held_back(&Source::of(event), self.clock.wall());
        }
        held_back
    }

    /// Writes a line for each place in code that was held back since the last time.
    pub(in crate::log) fn tell_held_back(&self) {
        let Some(limiter) = &self.limiter else { return };
        let held_back = std::mem::take(&mut *lock(&limiter.held_back));
        let mut told: Vec<_> = held_back.into_values().collect();
        told.sort_by(|a, b| (a.since, &a.place.callsite).cmp(&(b.since, &b.place.callsite)));
        let now = limiter.clock.now();
        for HeldBack { place, lines, since } in told {
            let message = format!("suppressed {lines} repeated lines");
            let seconds = now.saturating_duration_since(since).as_secs();
            self.write_own(place.level, &message, |own| {
                own.count("suppressed", lines);
                own.text("target", &place.target);
                if let Some(callsite) = &place.callsite {
                    own.text("callsite", callsite);
                }
                own.count("seconds", seconds);
            });
        }
    }

    /// Tells what is left and ends the thread that tells.
    pub(in crate::log) fn end_holding_back(&self) {
        self.tell_held_back();
        if let Some(limiter) = &self.limiter {
            // Ordering: the alarm's lock orders it before the thread looks.
            limiter.stopped.store(true, Ordering::Relaxed);
            limiter.alarm.ring();
        }
    }

    fn write_own(&self, level: Level, message: &str, fill: impl FnOnce(&mut Own<'_>)) {
        scratch::with(|scratch| {
            scratch.message.set(&Recorded::Text(message), &self.rules);
            fill(&mut Own { fields: &mut scratch.fields, rules: &self.rules });
            // What is dropped is counted.
            let _ = self.submit(Head { wall: self.clock.wall(), level, trace: None }, scratch);
        });
    }
}

/// Starts the thread that tells, if anything is held back at all.
pub(in crate::log) fn start_telling(core: &Arc<Core>) -> io::Result<()> {
    let Some(limiter) = &core.limiter else { return Ok(()) };
    let (core, alarm) = (Arc::clone(core), Arc::clone(&limiter.alarm));
    let run = move || {
        while let Some(limiter) = core.limiter.as_ref().filter(|limiter| !limiter.stopped.load(Ordering::Relaxed)) {
            match limiter.due() {
                Some(due) if due <= limiter.clock.now() => core.tell_held_back(),
                due => alarm.wait(due),
            }
        }
    };
    std::thread::Builder::new().name("log-repeats".to_owned()).spawn(run).map(drop)
}
