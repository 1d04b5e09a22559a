//! State that is either set by hand or asked of a store, regularly and by one replica for all.

use std::sync::OnceLock;

use crate::metrics::{
    AskOptions, CollectFailure, Collected, Collection, CollectorError, Family, Gauge, LabelValue, Meter,
};
use crate::work::Base;

/// A gauge family whose series are set or sampled.
#[derive(Clone, Debug)]
pub(super) struct StateFamily<const N: usize> {
    by_hand: Family<Gauge, N>,
    sampled: Collected<f64, N>,
}

impl<const N: usize> StateFamily<N> {
    pub(super) fn new((by_hand, sampled): (Family<Gauge, N>, Collected<f64, N>)) -> Self {
        Self { by_hand, sampled }
    }

    /// A series to be set by hand; it begins to exist when it is.
    pub(super) fn series(&self, labels: [LabelValue; N]) -> StateGauge<N> {
        StateGauge { family: self.by_hand.clone(), labels, gauge: OnceLock::new() }
    }

    /// A series whose value is computed when it is read.
    pub(super) fn observe(&self, labels: [LabelValue; N], read: impl Fn() -> Option<f64> + Send + Sync + 'static) {
        self.by_hand.observe(labels, read);
    }

    /// Gives a series of a sample its number of things.
    pub(super) fn give(&self, collection: &mut Collection, labels: [LabelValue; N], count: u64) {
        // The cast is exact up to 2^53 things.
        collection.set(&self.sampled, labels, count as f64);
    }
}

/// A series that begins to exist when it is first set, so that a sample may take its place before.
#[derive(Debug)]
pub(super) struct StateGauge<const N: usize> {
    family: Family<Gauge, N>,
    labels: [LabelValue; N],
    gauge: OnceLock<Gauge>,
}

impl<const N: usize> StateGauge<N> {
    /// So many there are now.
    pub(super) fn set(&self, count: u64) {
        let gauge = self.gauge.get_or_init(|| self.family.series(self.labels.clone()));
        crate::work::set_count(gauge, count);
    }
}

/// Asks for a state regularly and gives what is told, see [`AskOptions`].
pub(super) fn sample<A, F, T, E>(
    (meter, base): (&Meter, &Base),
    name: &str,
    options: AskOptions,
    mut ask: A,
    give: impl FnMut(T, &mut Collection) + Send + 'static,
) -> Result<(), CollectorError>
where
    A: FnMut() -> F + Send + 'static,
    F: Future<Output = Result<T, E>>,
    E: Into<CollectFailure>,
{
    let ask = move || {
        let asked = ask();
        async move { asked.await.map_err(Into::into) }
    };
    crate::metrics::ask_regularly(meter, &base.clock, name, options, ask, give)
}
