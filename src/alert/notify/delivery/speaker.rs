//! Which of the replicas speaks: the one that holds a lease, which is also where it is remembered what was said.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::super::spool::{Entry, Subject, as_text, of_text};
use crate::clock::Clock;
use crate::fence::fenced;
use crate::store::lease::{Bid, LONGEST_RESULT, Lease, LeaseError, LeaseInstruments, Publication, Standing, Wish};

/// One replica's part in the lease.
pub(super) struct Speaker {
    lease: Lease,
    name: String,
    /// No other process has it, also not the same one after a restart.
    holder: String,
    clock: Clock,
    runtime: Handle,
    instruments: LeaseInstruments,
    tenure: Mutex<Tenure>,
}

/// What is known of the lease, and what was said by whoever held it.
#[derive(Default)]
struct Tenure {
    held: Option<Held>,
    said: BTreeMap<Subject, Entry>,
}

/// The lease is ours.
#[derive(Clone, Copy)]
struct Held {
    epoch: u64,
    /// By our own clock, counted from when it was asked for: earlier than for anybody else.
    until: Instant,
}

/// What a renewal comes to.
pub(super) enum Renewal {
    /// It is ours from now on, with what was said before: [`Speaker::begin`].
    Gained(Gained),
    /// It is still ours.
    Kept,
    /// It is another's, or nobody knows.
    NotOurs,
}

pub(super) struct Gained {
    held: Held,
    pub(super) said: Vec<(Subject, Entry)>,
}

/// How much of what was said those know who may speak next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    Whole,
    /// There is more of it than the store of a lease takes.
    InPart,
}

/// It is not for this replica to speak.
#[derive(Debug)]
pub(super) struct NotOurs;

/// What the job of speaking is called in the store.
const JOB: &str = "alerts";

impl Speaker {
    pub(super) fn new(lease: Lease, clock: Clock, runtime: Handle, instruments: LeaseInstruments) -> Self {
        let holder = format!("{}-{:032x}", std::process::id(), fastrand::u128(..));
        let name = lease.name_of(JOB);
        Self { lease, name, holder, clock, runtime, instruments, tenure: Mutex::default() }
    }

    /// From one renewal to the next; also how long a call may take, so that none lasts longer than the lease.
    pub(super) fn interval(&self) -> Duration {
        self.lease.bid_interval()
    }

    /// Whether a call may begin now: it ends before the lease does.
    pub(super) fn may_speak(&self) -> bool {
        let now = self.clock.now();
        self.tenure().held.is_some_and(|held| now + self.interval() <= held.until)
    }

    /// Asks for the lease, or for more of it. Blocks.
    pub(super) fn renew(&self) -> Renewal {
        let mut tenure = self.tenure();
        let asked_at = self.clock.now();
        let (publication, _) = tenure.publication();
        let standing = self.bid(Wish::Hold, publication);
        let Ok(standing) = standing else {
            self.instruments.is_neither();
            if self.still_held(&tenure) {
                return Renewal::Kept;
            }
            // What is ours again later is gone on with anew.
            tenure.held = None;
            return Renewal::NotOurs;
        };
        let before = tenure.held.map(|held| held.epoch);
        let Some(epoch) = standing.epoch else {
            tenure.held = None;
            self.instruments.is_neither();
            return Renewal::NotOurs;
        };
        self.instruments.is_held();
        let held = Held { epoch, until: asked_at + self.lease.granted_for() };
        if before == Some(epoch) {
            tenure.held = Some(held);
            return Renewal::Kept;
        }
        self.instruments.acquired();
        tenure.held = None;
        tenure.said = standing.published.map(|published| of_text(&published.result)).unwrap_or_default();
        Renewal::Gained(Gained { held, said: tenure.said.clone().into_iter().collect() })
    }

    /// Takes the part, once everybody here knows what was said before.
    pub(super) fn begin(&self, gained: &Gained) {
        self.tenure().held = Some(gained.held);
    }

    /// Gives the lease up, with what was said: another replica may speak at once. Blocks.
    pub(super) fn end(&self) {
        let mut tenure = self.tenure();
        let (publication, _) = tenure.publication();
        if tenure.held.take().is_some() {
            // If that fails, it ends by itself.
            let _counted = self.bid(Wish::Yield, publication);
            self.instruments.is_neither();
        }
    }

    /// Publishes what is new, so that whoever speaks next knows. Blocks.
    ///
    /// # Errors
    /// When it is not known to be published: then nothing may be said that depends on it.
    pub(super) fn remember(
        &self,
        news: impl IntoIterator<Item = (Subject, Option<Entry>)>,
    ) -> Result<Remembered, NotOurs> {
        let mut tenure = self.tenure();
        for (subject, entry) in news {
            match entry {
                Some(entry) => drop(tenure.said.insert(subject, entry)),
                None => drop(tenure.said.remove(&subject)),
            }
        }
        let Some(held) = tenure.held else { return Err(NotOurs) };
        let asked_at = self.clock.now();
        let (publication, remembered) = tenure.publication();
        match self.bid(Wish::Hold, publication) {
            Ok(standing) if standing.epoch == Some(held.epoch) => {
                tenure.held = Some(Held { until: asked_at + self.lease.granted_for(), ..held });
                Ok(remembered)
            }
            Ok(_) => {
                tenure.held = None;
                Err(NotOurs)
            }
            Err(_) => Err(NotOurs),
        }
    }

    fn still_held(&self, tenure: &Tenure) -> bool {
        let now = self.clock.now();
        tenure.held.is_some_and(|held| now < held.until)
    }

    fn bid(&self, wish: Wish, publication: Option<Publication>) -> Result<Standing, LeaseError> {
        let bid = Bid { wish, publication, ..Bid::new(&*self.name, &*self.holder, self.lease.granted_for()) };
        let asked = async { tokio::time::timeout(self.lease.bid_limit(), self.lease.bid(bid)).await };
        // A runtime that is shut down panics.
        let answer = fenced(|| self.runtime.block_on(asked)).ok_or_else(|| LeaseError::store("the bid panicked"));
        let answer = answer.and_then(|answer| answer.unwrap_or_else(|elapsed| Err(LeaseError::store(elapsed))));
        if let Err(error) = &answer {
            self.instruments.failed();
            tracing::debug!(lease = &*self.name, error = %error, "a bid for the lease of alerts failed");
        }
        answer
    }

    fn tenure(&self) -> MutexGuard<'_, Tenure> {
        self.tenure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenure {
    /// What is to be published, if it is ours to publish.
    fn publication(&self) -> (Option<Publication>, Remembered) {
        let Some(Held { epoch, .. }) = self.held else { return (None, Remembered::Whole) };
        let (result, left_out) = as_text(&self.said, LONGEST_RESULT);
        let remembered = if left_out == 0 { Remembered::Whole } else { Remembered::InPart };
        (Some(Publication { epoch, result }), remembered)
    }
}
