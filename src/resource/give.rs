//! What was found goes into a collection, and nothing for what was not.

use crate::metrics::{Collected, Collection, LabelValue, Reading};

/// Gives a series its value, if there is one.
pub(super) fn give<V: Reading, const N: usize>(
    collection: &mut Collection,
    metric: &Collected<V, N>,
    labels: [LabelValue; N],
    value: Option<V>,
) {
    if let Some(value) = value {
        collection.set(metric, labels, value);
    }
}

/// Gives a gauge a whole number, if there is one.
pub(super) fn give_whole<const N: usize>(
    collection: &mut Collection,
    metric: &Collected<f64, N>,
    labels: [LabelValue; N],
    value: Option<u64>,
) {
    // Exact up to 2^53, which as bytes is eight pebibytes.
    give(collection, metric, labels, value.map(|value| value as f64));
}
