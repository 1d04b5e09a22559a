//! The latest observations of one forecast: each day once, in order, none sharing days with another.

use std::collections::VecDeque;

use super::observation::{Recorded, RejectionReason, VarObservation};
use super::spec::VarHorizon;
use crate::error::InvalidValue;

/// How many observations a back-test looks at: the latest ones. Observations, not days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize(usize);

impl WindowSize {
    /// A trading year, as the Basel committee has it.
    pub const DEFAULT: Self = Self(250);

    /// Chosen: forty years of days; memory is taken for all of them at once.
    const LARGEST: usize = 10_000;

    /// A window of so many observations.
    ///
    /// # Errors
    /// When they are fewer than [`BackTest::MIN_OBSERVATIONS`](super::BackTest::MIN_OBSERVATIONS) or more than 10,000.
    pub fn observations(observations: usize) -> Result<Self, InvalidValue> {
        if (super::BackTest::MIN_OBSERVATIONS..=Self::LARGEST).contains(&observations) {
            return Ok(Self(observations));
        }
        Err(InvalidValue::new("window of a back-test", observations, "100 to 10,000 observations"))
    }
}

impl Default for WindowSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Ascending by day; between any two neighbours the earlier is realised by the day that the later is as of.
#[derive(Debug)]
pub(super) struct Window {
    size: usize,
    horizon: VarHorizon,
    kept: VecDeque<VarObservation>,
}

impl Window {
    pub(super) fn new(size: WindowSize, horizon: VarHorizon) -> Self {
        Self { size: size.0, horizon, kept: VecDeque::with_capacity(size.0) }
    }

    /// Observations that share no days give the same window in whatever order and however often they come, as long as it
    /// is not full; from then on those come too late that are older than all in it. Of two that share days the first stays.
    pub(super) fn add(&mut self, observation: VarObservation) -> Result<Recorded, RejectionReason> {
        self.check(&observation)?;
        let place = match self.kept.binary_search_by_key(&observation.as_of, |kept| kept.as_of) {
            Ok(at) if self.kept[at] == observation => return Ok(Recorded::Replayed),
            Ok(_) => return Err(RejectionReason::Conflicting),
            Err(place) => place,
        };
        let is_full = self.kept.len() == self.size;
        if is_full && place == 0 {
            return Err(RejectionReason::BeforeWindow);
        }
        let is_before = |earlier: &VarObservation, later: &VarObservation| earlier.realised_on <= later.as_of;
        let fits = place.checked_sub(1).is_none_or(|before| is_before(&self.kept[before], &observation))
            && self.kept.get(place).is_none_or(|after| is_before(&observation, after));
        if !fits {
            return Err(RejectionReason::Overlapping);
        }
        if is_full {
            self.kept.pop_front();
        }
        // The front, which has gone, lay before it.
        self.kept.insert(place - usize::from(is_full), observation);
        Ok(if observation.is_breach() { Recorded::Breach } else { Recorded::NoBreach })
    }

    /// Whether each was a breach, by day.
    pub(super) fn breaches(&self) -> impl Iterator<Item = bool> {
        self.kept.iter().map(VarObservation::is_breach)
    }

    fn check(&self, observation: &VarObservation) -> Result<(), RejectionReason> {
        if !(observation.value_at_risk.is_finite() && observation.value_at_risk > 0.0) {
            return Err(RejectionReason::InvalidVar);
        }
        if !observation.profit.is_finite() {
            return Err(RejectionReason::InvalidProfit);
        }
        if observation.realised_on.days_since(observation.as_of) < i64::from(self.horizon.days()) {
            return Err(RejectionReason::TooEarly);
        }
        Ok(())
    }
}
