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

/// What somebody who comes has to do.
pub(super) enum Part<'a> {
    Lead(Lead<'a>),
    Follow(Follow<'a>),
}

impl Turn {
    pub(super) fn join(&self) -> Part<'_> {
        let mut state = self.state();
        if std::mem::replace(&mut state.is_taken, true) {
            return Part::Follow(Follow { turn: self, present: state.ended });
        }
        Part::Lead(Lead(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn, which ends when this is dropped: a panic leaves nobody waiting.
pub(super) struct Lead<'a>(&'a Turn);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_taken = false;
        state.ended = state.ended.wrapping_add(1);
        drop(state);
        self.0.ended.notify_all();
    }
}

/// A share in somebody else's turn.
pub(super) struct Follow<'a> {
    turn: &'a Turn,
    present: u64,
}

impl Follow<'_> {
    /// Waits until that turn has ended.
    pub(super) fn wait(self) {
        let mut state = self.turn.state();
        while state.ended == self.present {
            state = self.turn.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hundred_who_come_during_a_turn_share_it() {
        let turn = Turn::default();
        let Part::Lead(lead) = turn.join() else { panic!("nobody has the turn") };
        let followers: Vec<_> = (0..100)
            .map(|_| match turn.join() {
                Part::Follow(follow) => follow,
                Part::Lead(_) => panic!("two have the turn"),
            })
            .collect();
        drop(lead);
        let Part::Lead(next) = turn.join() else { panic!("nobody has the turn") };
        // They wait for the turn that they came in, and no other.
        followers.into_iter().for_each(Follow::wait);
        drop(next);
    }

    #[test]
    fn followers_wait_until_the_turn_ends_also_by_a_panic() {
        let turn = Turn::default();
        std::thread::scope(|scope| {
            let Part::Lead(lead) = turn.join() else { panic!("nobody has the turn") };
            let Part::Follow(follow) = turn.join() else { panic!("two have the turn") };
            let follower = scope.spawn(|| follow.wait());
            let led = scope.spawn(move || {
                let _lead = lead;
                panic!("the leader's own");
            });
            assert!(led.join().is_err());
            follower.join().expect("the turn has ended");
        });
    }
}
