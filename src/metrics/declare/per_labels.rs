//! The handles of a family whose labels are all closed.

use std::sync::Arc;

use super::closed::ClosedLabel;
use crate::metrics::{Family, Handle, LabelValue};

/// Chosen: what is resolved at once should be few enough to be read; a family's own cap is ten times that.
pub const MOST_SERIES: usize = 1_000;

/// A handle for each combination of closed labels, resolved together. Cloning shares them.
#[derive(Debug)]
pub struct PerLabels<H, const N: usize> {
    /// How many values each label has.
    sizes: [usize; N],
    /// As numbers count: the last label changes first.
    handles: Arc<[H]>,
}

impl<H: Handle, const N: usize> PerLabels<H, N> {
    /// Creates every series of a family, so that its counters exist at 0.
    pub fn resolve(family: &Family<H, N>, values: [Vec<LabelValue>; N]) -> Self {
        let sizes = values.each_ref().map(Vec::len);
        let series = (0..sizes.iter().product()).map(|place| {
            let mut rest: usize = place;
            // From the last label to the first.
            let mut labels: [LabelValue; N] = [const { LabelValue::empty() }; N];
            for label in (0..N).rev() {
                labels[label] = values[label][rest % sizes[label]].clone();
                rest /= sizes[label];
            }
            family.series(labels)
        });
        Self { handles: series.collect(), sizes }
    }
}

impl<H, const N: usize> PerLabels<H, N> {
    /// The handle for the values at these places. Cost: an addition and a multiplication for each label.
    ///
    /// # Panics
    /// When a place is none of its label, which no enum of [`closed_label!`](crate::closed_label) gives.
    #[inline]
    pub fn of(&self, places: [usize; N]) -> &H {
        let place = places.iter().zip(self.sizes).fold(0, |place, (own, size)| place * size + own);
        &self.handles[place]
    }
}

impl<H, const N: usize> Clone for PerLabels<H, N> {
    fn clone(&self) -> Self {
        Self { sizes: self.sizes, handles: Arc::clone(&self.handles) }
    }
}

/// The values of a closed label.
pub fn every_value<L: ClosedLabel>() -> Vec<LabelValue> {
    L::EVERY.iter().map(|value| (*value).into()).collect()
}
