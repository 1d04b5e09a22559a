//! What takes a change of levels back: one thread that lives no longer than the change does.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::levels::Shared;
use crate::clock::{Alarm, Clock};

/// When the present change is taken back.
pub(super) struct Reverting {
    clock: Clock,
    alarm: Arc<Alarm>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    due: Option<Instant>,
    thread: Thread,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Thread {
    #[default]
    None,
    Waits,
}

impl Reverting {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), alarm: Alarm::new(clock), state: Mutex::default() }
    }

    pub(super) fn left(&self) -> Option<Duration> {
        self.state().due.map(|due| due.saturating_duration_since(self.clock.now()))
    }

    pub(super) fn is_due(&self) -> bool {
        self.state().due.is_some_and(|due| due <= self.clock.now())
    }

    /// Nothing is to be taken back any more.
    pub(super) fn cancel(&self) {
        self.state().due = None;
        self.alarm.ring();
    }

    /// The next moment to wait for; `None` ends the thread, which a later change starts anew.
    fn next(&self) -> Option<Instant> {
        let mut state = self.state();
        if state.due.is_none() {
            state.thread = Thread::None;
        }
        state.due
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the change that holds from now on back after `time`, in place of an earlier one.
pub(super) fn begin(levels: &Arc<Shared>, time: Duration) -> io::Result<()> {
    let reverting = levels.reverting();
    let mut state = reverting.state();
    if state.thread == Thread::None {
        let (levels, alarm) = (Arc::downgrade(levels), Arc::clone(&reverting.alarm));
        std::thread::Builder::new().name("log-levels".to_owned()).spawn(move || run(&levels, &alarm))?;
        state.thread = Thread::Waits;
    }
    state.due = Some(reverting.clock.now() + time);
    reverting.alarm.ring();
    Ok(())
}

/// Keeps nothing alive while it waits.
fn run(levels: &Weak<Shared>, alarm: &Alarm) {
    while let Some(due) = next(levels) {
        alarm.wait(Some(due));
    }
}

fn next(levels: &Weak<Shared>) -> Option<Instant> {
    let levels = levels.upgrade()?;
    levels.revert_if_due();
    levels.reverting().next()
}
