//! One at a time; who comes meanwhile shares what the present one does.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose turn it is.
#[derive(Default)]
pub(super) struct Turn {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    is_taken: bool,
    /// How many turns have ended.
    ended: u64,
}

impl Turn {
    /// Does it, or, if somebody does it already, waits until that has ended.
    pub(super) fn share(&self, act: impl FnOnce()) {
        let mut state = self.state();
        if state.is_taken {
            let present = state.ended;
            while state.ended == present {
                state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            return;
        }
        state.is_taken = true;
        drop(state);
        let _taken = Taken(self);
        act();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the turn when dropped, so that a panic leaves nobody waiting.
struct Taken<'a>(&'a Turn);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_taken = false;
        state.ended = state.ended.wrapping_add(1);
        drop(state);
        self.0.ended.notify_all();
    }
}
