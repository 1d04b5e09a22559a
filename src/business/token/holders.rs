//! Who holds what a tier requires.

use std::sync::Arc;

use super::labels::HolderState;
use crate::business::sampled::StateGauge;
use crate::work::PerValue;

/// How many users of a tier hold what it requires, and how many do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HolderCounts {
    /// They hold enough.
    pub eligible: u64,
    /// They hold too little and still have access.
    pub grace: u64,
    /// They hold too little and have lost access.
    pub expired: u64,
}

impl HolderCounts {
    pub(super) fn of(&self, state: HolderState) -> u64 {
        match state {
            HolderState::Eligible => self.eligible,
            HolderState::Grace => self.grace,
            HolderState::Expired => self.expired,
        }
    }
}

/// The users of one tier by state. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Holders(pub(super) Arc<PerValue<HolderState, StateGauge<2>>>);

impl Holders {
    /// There are so many now. Absent until first set.
    pub fn set(&self, counts: HolderCounts) {
        for state in HolderState::ALL {
            self.0.of(*state).set(counts.of(*state));
        }
    }
}
