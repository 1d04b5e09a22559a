//! One RPC address: what it is asked, and what is remembered of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::answer::{Genesis, NoAnswer, Present, Questions};
use super::cluster::SolanaCluster;
use super::slot::{Position, SlotWatch};
use crate::clock::Clock;
use crate::health::checks::asking::{Pause, failure_of};
use crate::health::{CheckFailure, CheckReport};
use crate::transport::Endpoint;

/// A node, or a pool of them behind one address.
pub(super) struct Rpc {
    pub(super) endpoint: Endpoint,
    pub(super) role: Role,
    limit: Pause,
    memory: Mutex<Memory>,
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The service uses it.
    Used,
    /// The others are compared with it.
    Reference,
}

#[derive(Debug, Default)]
struct Memory {
    slots: SlotWatch,
    /// The slot of the run before, and when it was seen.
    previous: Option<(u64, SystemTime)>,
    /// Whether it has proven to be of the expected cluster.
    is_known: bool,
}

/// What an address says for itself.
pub(super) enum Look {
    At(Seen),
    RateLimited(CheckReport),
    Failed(CheckFailure),
}

/// A node that answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) position: Position,
    /// How old its newest block was when the run before looked.
    pub(super) block_age: Option<Duration>,
}

impl Look {
    /// `None` if it did not say where it is.
    pub(super) const fn seen(&self) -> Option<Seen> {
        match self {
            Self::At(seen) => Some(*seen),
            Self::RateLimited(_) | Self::Failed(_) => None,
        }
    }
}

impl Rpc {
    pub(super) fn new(endpoint: Endpoint, role: Role) -> Self {
        Self { endpoint, role, limit: Pause::default(), memory: Mutex::default() }
    }

    /// Where it is, for people.
    pub(super) fn host(&self) -> &str {
        self.endpoint.uri().host().unwrap_or_default()
    }

    /// Asks it for its slot and nothing more.
    pub(super) async fn look_at_slot(&self, clock: &Clock) -> Look {
        self.look(Questions::Slot, None, clock).await
    }

    /// Asks it all.
    pub(super) async fn look_closely(&self, expected: Option<&SolanaCluster>, clock: &Clock) -> Look {
        let questions = {
            let memory = self.memory();
            let genesis = if expected.is_some() && !memory.is_known { Genesis::Asked } else { Genesis::NotAsked };
            Questions::Batch { block_time_of: memory.previous.map(|(slot, _)| slot), genesis }
        };
        self.look(questions, expected, clock).await
    }

    async fn look(&self, questions: Questions, expected: Option<&SolanaCluster>, clock: &Clock) -> Look {
        if let Some(waiting) = self.limit.pending(clock) {
            return Look::RateLimited(waiting);
        }
        let answer = match self.endpoint.post_json(questions.body()).await {
            Ok(answer) => answer,
            Err(error) => return Look::Failed(failure_of(error, "unreachable")),
        };
        match questions.read(answer.status, &answer.body) {
            Ok(present) => self.take_in(&present, expected, clock),
            Err(NoAnswer::Failed(failure)) => Look::Failed(failure),
            Err(NoAnswer::RateLimited) => {
                Look::RateLimited(self.limit.begin(clock, wait_after(answer.retry_after_seconds)))
            }
        }
    }

    fn take_in(&self, present: &Present, expected: Option<&SolanaCluster>, clock: &Clock) -> Look {
        let mut memory = self.memory();
        if let (Some(expected), Some(found)) = (expected, &present.cluster) {
            memory.is_known = found == expected;
            if !memory.is_known {
                let message = format!("the node is of {found}, and not of {expected}");
                return Look::Failed(CheckFailure::new("wrong_cluster", message).conclusive());
            }
        }
        let age = |(_, seen_at): (u64, SystemTime)| Some(age_of_block(present.block_time?, seen_at));
        let block_age = memory.previous.and_then(age);
        let position = memory.slots.see(present.slot, clock.now());
        memory.is_known &= memory.previous.is_none_or(|(slot, _)| slot.abs_diff(present.slot) <= SAME_LEDGER);
        memory.previous = Some((present.slot, clock.wall()));
        Look::At(Seen { position, block_age })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Chosen: minutes of slots. A node that is further away from where it was may be another one, of another cluster.
const SAME_LEDGER: u64 = 1000;

/// Chosen: several of the ten-second windows that public nodes count requests in.
const USUAL_WAIT: Duration = Duration::from_secs(60);

/// How long a node that refuses more requests is left alone.
pub(super) fn wait_after(asked_seconds: Option<u64>) -> Duration {
    asked_seconds.map_or(USUAL_WAIT, Duration::from_secs)
}

/// Nothing for a block of the future: clocks differ.
fn age_of_block(block_time: i64, seen_at: SystemTime) -> Duration {
    // A time before 1970 is none of a block: it is as old as can be. One past the end of time is of the future.
    let made_at = UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(block_time).unwrap_or(0)));
    made_at.and_then(|made_at| seen_at.duration_since(made_at).ok()).unwrap_or_default()
}
