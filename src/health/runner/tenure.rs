//! What one process knows of one lease: pure decisions, by its own monotonic clock, which nobody else has to agree with.

use std::time::{Duration, Instant};

/// What the process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The lease is ours, in this epoch.
    Holding { epoch: u64 },
    /// It is another's.
    Following,
    /// The store does not say: each does what it must, as seldom as all of them can bear.
    Alone,
    /// Not known now, and soon it will be: nothing is done until then.
    Undecided,
}

/// From bid to bid.
#[derive(Debug)]
pub(super) struct Tenure {
    ttl: Duration,
    /// From one bid to the next, and how long one may take.
    step: Duration,
    /// What the latest bid that was answered came to.
    granted: Option<Grant>,
    latest: Latest,
    next_bid: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Grant {
    epoch: Option<u64>,
    /// When it began to be asked for: the store cannot have granted it earlier, so ours ends before its own does.
    asked: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Latest {
    Answered,
    Failed,
    Pending { asked: Instant, before: Before },
}

/// What had become of the bid before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Answered,
    Failed,
}

impl Tenure {
    /// A first bid is due at once.
    pub(super) const fn new(ttl: Duration, step: Duration, now: Instant) -> Self {
        Self { ttl, step, granted: None, latest: Latest::Answered, next_bid: now }
    }

    /// What an answer says is good for as long as a lease is granted, also that it is another's.
    pub(super) fn role(&self, now: Instant) -> Role {
        let is_fresh = |grant: &Grant| now < grant.asked + self.ttl;
        match (self.granted.filter(is_fresh), self.latest) {
            (Some(Grant { epoch: Some(epoch), .. }), _) => Role::Holding { epoch },
            (Some(Grant { epoch: None, .. }), _) => Role::Following,
            (None, Latest::Failed | Latest::Pending { before: Before::Failed, .. }) => Role::Alone,
            (None, Latest::Answered | Latest::Pending { before: Before::Answered, .. }) => Role::Undecided,
        }
    }

    pub(super) fn is_bid_due(&self, now: Instant) -> bool {
        !matches!(self.latest, Latest::Pending { .. }) && now >= self.next_bid
    }

    /// Whether the store has had its time.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        matches!(self.latest, Latest::Pending { asked, .. } if now >= asked + self.step)
    }

    /// A bid has begun.
    pub(super) fn asked(&mut self, now: Instant) {
        let before = if self.latest == Latest::Failed { Before::Failed } else { Before::Answered };
        self.latest = Latest::Pending { asked: now, before };
        self.next_bid = now + self.step;
    }

    /// The bid under way came to this; when it was asked.
    pub(super) fn answered(&mut self, epoch: Option<u64>) -> Option<Instant> {
        let Latest::Pending { asked, .. } = self.latest else {
            return None;
        };
        self.granted = Some(Grant { epoch, asked });
        self.latest = Latest::Answered;
        Some(asked)
    }

    /// The bid under way came to nothing.
    pub(super) fn failed(&mut self) {
        self.latest = Latest::Failed;
    }

    /// There is something to say or to ask that should not wait.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next_bid = now;
    }

    /// When something is due next.
    pub(super) fn next_deadline(&self) -> Instant {
        match self.latest {
            Latest::Pending { asked, .. } => asked + self.step,
            Latest::Answered | Latest::Failed => self.next_bid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const TTL: Duration = Duration::from_secs(15);
    const STEP: Duration = Duration::from_secs(5);

    /// Plays a script and shows the role after each step: `b`id, `h`eld by us in epoch 1, `H` in epoch 2, `o`thers',
    /// `f`ailed, a digit lets so many seconds pass.
    fn roles(script: &str) -> String {
        let mut now = ManualClock::new().clock().now();
        let mut tenure = Tenure::new(TTL, STEP, now);
        let mut after = |step: char| {
            match step {
                'b' => tenure.asked(now),
                'h' | 'H' => drop(tenure.answered(Some(if step == 'h' { 1 } else { 2 }))),
                'o' => drop(tenure.answered(None)),
                'f' => tenure.failed(),
                seconds => now += Duration::from_secs(seconds.to_digit(10).unwrap().into()),
            }
            match tenure.role(now) {
                Role::Holding { epoch: 1 } => 'h',
                Role::Holding { .. } => 'H',
                Role::Following => 'o',
                Role::Alone => 'a',
                Role::Undecided => '?',
            }
        };
        script.chars().map(&mut after).collect()
    }

    #[test]
    fn roles_follow_from_what_the_store_last_said_and_when() {
        for (script, expected) in [
            // Asked first, done then.
            ("bh", "?h"),
            ("bo", "?o"),
            ("bf", "?a"),
            // Renewed in time.
            ("bh5bh5bh", "?hhhhhhh"),
            // The lease is ours from when it was asked for, not from when the answer came.
            ("b5h9", "??hh"),
            ("b5h91", "??hh?"),
            // The store fails: what it said last is good until it expires, then each is alone, also while it asks again.
            ("bh5bf5bf5", "?hhhhhhha"),
            ("bo5bf5bf5b", "?oooooooaa"),
            // It comes back.
            ("bf5bo", "?aaao"),
            ("bf5bh", "?aaah"),
            // Paused for longer than the lease: nothing is believed and nothing is done before the store is asked.
            ("bh999b", "?hh???"),
            ("bh999bo", "?hh???o"),
            ("bh999bH", "?hh???H"),
            // Paused in the middle of a bid: its answer is as old as its question.
            ("bh5b99h", "?hhhh??"),
        ] {
            assert_eq!(roles(script), expected, "{script}");
        }
    }
}
