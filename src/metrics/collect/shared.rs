//! Collectors that replicas share: one of them measures, the others show what it found.
//!
//! Who measures is decided above, where leases are known. Here is what they ask and what goes between them.

use std::sync::Arc;
use std::time::Duration;

use super::collection::Collection;
use super::{CollectFailure, Collector};
use crate::metrics::registry::Directory;

/// What the collectors of a registry know of the other replicas.
pub(super) struct Fleet {
    pub(super) replicas: u32,
    pub(super) sharing: Option<Arc<dyn Sharing>>,
}

/// How replicas agree.
pub(crate) trait Sharing: Send + Sync {
    /// The part of this process in the collector of this name.
    fn part_in(&self, collector: &str, timing: Timing) -> Box<dyn Part>;
}

/// When a shared collector measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    /// The least time between two measurements by whomever.
    pub(crate) interval: Duration,
    /// The same between two by this process, when nobody can agree with anybody.
    pub(crate) stretched: Duration,
    /// How long a measurement is shown.
    pub(crate) fresh_for: Duration,
}

/// A process's part in one collector.
pub(crate) trait Part: Send {
    /// What to do now. Asks the other replicas, and waits for that.
    fn turn(&mut self) -> Turn;

    /// Tells the others what was measured; `None` if it is too much to be told.
    fn publish(&mut self, measured: Option<String>);
}

/// What a run of a shared collector does.
#[cfg_attr(not(feature = "health"), allow(dead_code, reason = "who decides it comes with the leases of health"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Measure,
    /// Another replica measured this, so long ago.
    Show {
        measured: String,
        age: Duration,
    },
    /// Nothing new is known.
    Keep,
}

/// A collector that measures when it is its turn.
pub(super) struct Shared {
    pub(super) collector: Box<dyn Collector>,
    pub(super) part: Box<dyn Part>,
    /// Where the families are that others measured.
    pub(super) directory: Directory,
}

impl Collector for Shared {
    fn collect(&mut self, collection: &mut Collection) -> Result<(), CollectFailure> {
        match self.part.turn() {
            Turn::Measure => {
                self.collector.collect(collection)?;
                let published = collection.published();
                collection.unshared = published.as_ref().err().copied();
                self.part.publish(published.ok());
            }
            Turn::Show { measured, age } => collection.show(&measured, age, &self.directory)?,
            Turn::Keep => collection.keep(),
        }
        Ok(())
    }
}
