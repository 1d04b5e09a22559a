//! A check's part in its lease: when it bids, and what comes of that.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Instant;

use super::run::{Abort, Bidding, RunEnd};
use super::tenure::{Role, Tenure};
use crate::redact::scrub_text;
use crate::store::lease::{Bid, Lease, LeaseError, LeaseInstruments, Publication, Published, Standing, Wish};

/// What a bid came to.
pub(super) type BidResult = Result<Standing, LeaseError>;

/// The part of one check in one lease.
pub(in crate::health) struct Share {
    lease: Lease,
    name: String,
    holder: Arc<str>,
    instruments: LeaseInstruments,
    tenure: Tenure,
    thread: Thread,
    /// As it was told last.
    role: Role,
    /// Where in a stretched interval this process runs: replicas that lose the store together do not run together.
    phase: f64,
}

/// The thread of the latest bid.
enum Thread {
    Ended,
    Asking {
        _abort: Abort,
    },
    /// Its answer is not waited for; no other bid starts before it has ended.
    Abandoned,
}

/// What a bid that ended tells.
pub(super) struct Heard {
    pub(super) published: Option<Published>,
    /// When it was asked: what was published is at least as old as it says, counted from here.
    pub(super) asked: Instant,
}

impl Share {
    pub(in crate::health) fn new(
        lease: Lease,
        job: &str,
        holder: Arc<str>,
        instruments: LeaseInstruments,
        now: Instant,
        phase: f64,
    ) -> Self {
        let tenure = Tenure::new(lease.granted_for(), lease.bid_interval(), now);
        let name = lease.name_of(job);
        Self { lease, name, holder, instruments, tenure, thread: Thread::Ended, role: Role::Undecided, phase }
    }

    pub(super) fn role(&self, now: Instant) -> Role {
        self.tenure.role(now)
    }

    pub(super) const fn phase(&self) -> f64 {
        self.phase
    }

    /// Lets go of a bid that takes too long.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.tenure.is_overdue(now) {
            self.thread = Thread::Abandoned;
            self.bid_failed("it does not answer in time");
        }
    }

    /// The bid that is due, if there is one. `state` is what to publish, once there is something.
    pub(super) fn bid(&mut self, wish: Wish, state: Option<impl FnOnce() -> String>, now: Instant) -> Option<Bidding> {
        if !self.tenure.is_bid_due(now) {
            return None;
        }
        self.tenure.asked(now);
        if matches!(self.thread, Thread::Abandoned) {
            self.bid_failed("an earlier bid blocks its thread");
            return None;
        }
        let publication = match (wish, self.tenure.role(now)) {
            (Wish::Hold, Role::Holding { epoch }) => state.map(|state| Publication { epoch, result: state() }),
            _ => None,
        };
        let bid = Bid { wish, publication, ..Bid::new(&*self.name, &*self.holder, self.lease.granted_for()) };
        Some(Bidding { lease: self.lease.clone(), bid })
    }

    /// The bid is under way, or could not begin.
    pub(super) fn asking(&mut self, abort: Option<Abort>) {
        match abort {
            Some(abort) => self.thread = Thread::Asking { _abort: abort },
            None => self.bid_failed("the system gives no thread to ask it on"),
        }
    }

    /// The thread of a bid has ended.
    pub(super) fn ended(&mut self, end: RunEnd<BidResult>) -> Option<Heard> {
        let is_late = matches!(self.thread, Thread::Abandoned);
        self.thread = Thread::Ended;
        match end {
            // Told when it was given up.
            _ if is_late => None,
            RunEnd::Answered(Ok(standing)) => {
                let asked = self.tenure.answered(standing.epoch)?;
                Some(Heard { published: standing.published, asked })
            }
            RunEnd::Answered(Err(error)) => {
                let source = error.source().map_or_else(String::new, |source| format!(": {source}"));
                self.bid_failed(&format!("{error}{source}"));
                None
            }
            RunEnd::Aborted | RunEnd::Panicked => {
                self.bid_failed("the bid panicked");
                None
            }
        }
    }

    /// What was published is not the state of a check.
    pub(super) fn cannot_read(&self) {
        self.instruments.failed();
    }

    /// There is news to publish, or somebody wants to know what was published.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.tenure.hurry(now);
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.tenure.next_deadline()
    }

    /// Whether the role is another one than when this was asked last; shows it.
    pub(super) fn changed_role(&mut self, now: Instant) -> Option<Role> {
        let role = self.tenure.role(now);
        let before = std::mem::replace(&mut self.role, role);
        if before == role {
            return None;
        }
        match role {
            Role::Holding { .. } => {
                self.instruments.acquired();
                self.instruments.is_held();
            }
            Role::Alone => self.instruments.is_fallback(),
            Role::Following | Role::Undecided => self.instruments.is_neither(),
        }
        Some(role)
    }

    fn bid_failed(&mut self, why: &str) {
        self.tenure.failed();
        self.instruments.failed();
        tracing::debug!(lease = &*self.name, why = scrub_text(why), "a bid for a lease failed");
    }

    /// Says once that the check is run without its lease.
    pub(super) fn tell_fallback(&self) {
        tracing::warn!(
            lease = &*self.name,
            "the store of a lease does not answer: the shared check is run at a stretched interval"
        );
    }
}
