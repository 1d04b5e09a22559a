//! Runs of every check that somebody asked for: one round at a time, however many ask.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The rounds of one schedule.
pub(super) struct Refreshes {
    round: Mutex<Round>,
    /// How many rounds are over.
    finished: watch::Sender<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    None,
    Asked,
    Running,
}

impl Refreshes {
    pub(super) fn new() -> Self {
        Self { round: Mutex::new(Round::None), finished: watch::Sender::new(0) }
    }

    /// Asks for a round, or joins the one that there is. What is returned changes when the round is over.
    pub(super) fn ask(&self) -> watch::Receiver<u64> {
        let mut round = self.round();
        if *round == Round::None {
            *round = Round::Asked;
        }
        // Under the lock, so that the end of this very round cannot come before.
        self.finished.subscribe()
    }

    /// Whether a round has been asked for that has not begun; it has now.
    pub(super) fn begin(&self) -> bool {
        let mut round = self.round();
        let is_asked = *round == Round::Asked;
        if is_asked {
            *round = Round::Running;
        }
        is_asked
    }

    /// Every check has run, if a round was under way.
    pub(super) fn finish(&self) {
        let mut round = self.round();
        if *round == Round::Running {
            *round = Round::None;
            self.finished.send_modify(|finished| *finished += 1);
        }
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
