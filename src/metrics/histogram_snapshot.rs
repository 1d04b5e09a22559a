//! The buckets of a histogram at one moment, and what can be estimated from them.

use std::sync::Arc;

/// The buckets of a histogram. The count is their sum, so `+Inf` always equals it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HistogramSnapshot {
    /// Upper bounds, inclusive, without `+Inf`.
    pub edges: Arc<[f64]>,
    /// Samples in each bucket alone, the last one above every edge.
    pub buckets: Vec<u64>,
    /// Sum of all samples.
    pub sum: f64,
}

impl HistogramSnapshot {
    /// The number of samples.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// An estimate of the `q`-quantile, by the rule of PromQL's `histogram_quantile`: samples are taken to lie evenly in
    /// their bucket, the lowest bucket starts at 0 if its end is above 0, and what lies above every edge counts as the
    /// highest edge.
    ///
    /// `None` where PromQL gives no number: without samples, for a `q` that is not from 0 to 1, and for `q` 0 while
    /// the lowest bucket is empty.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&q) || self.count() == 0 {
            return None;
        }
        // Casts of counts are exact up to 2^53, as PromQL's numbers are.
        let mut rank = q * self.count() as f64;
        let mut cumulative = 0u64;
        let at = self.buckets.iter().position(|bucket| {
            cumulative = bucket.saturating_add(cumulative);
            cumulative as f64 >= rank
        });
        // A rank that rounding lifted above the count is in the last bucket too.
        let Some((at, end)) = at.and_then(|at| Some((at, *self.edges.get(at)?))) else {
            return self.edges.last().copied();
        };
        if at == 0 && end <= 0.0 {
            return Some(end);
        }
        let start = if at == 0 { 0.0 } else { self.edges[at - 1] };
        let inside = self.buckets[at];
        rank -= (cumulative - inside) as f64;
        let estimate = start + (end - start) * (rank / inside as f64);
        (!estimate.is_nan()).then_some(estimate)
    }

    /// What was recorded after `earlier`; `None` if this one is no later state of it.
    pub(super) fn since(&self, earlier: &Self) -> Option<Self> {
        if self.edges != earlier.edges {
            return None;
        }
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        let buckets = pairs.map(|(now, before)| now.checked_sub(*before)).collect::<Option<_>>()?;
        Some(Self { edges: Arc::clone(&self.edges), buckets, sum: self.sum - earlier.sum })
    }

    /// The sum of two histograms of one family, which have the same edges.
    pub(super) fn merged(mut self, other: Self) -> Self {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket = bucket.saturating_add(more);
        }
        self.sum += other.sum;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(edges: &[f64], buckets: &[u64]) -> HistogramSnapshot {
        HistogramSnapshot { edges: edges.into(), buckets: buckets.to_vec(), sum: 0.0 }
    }

    #[test]
    fn quantiles_follow_promql() {
        // The expected numbers are those of Prometheus for the same buckets.
        let latency = histogram(&[0.1, 0.2, 0.4], &[10, 20, 10, 0]);
        for (q, expected) in [(0.0, 0.0), (0.125, 0.05), (0.25, 0.1), (0.5, 0.15), (0.75, 0.2), (1.0, 0.4)] {
            let estimate = latency.quantile(q).unwrap();
            assert!((estimate - expected).abs() < 1e-12, "{q}: {estimate}");
        }
        assert_eq!(histogram(&[0.1, 0.2], &[0, 0, 5]).quantile(0.5), Some(0.2), "above every edge");
        assert_eq!(histogram(&[-1.0, 1.0], &[4, 0, 0]).quantile(0.5), Some(-1.0), "below zero");
        assert_eq!(histogram(&[1.0, 2.0], &[0, 4, 0]).quantile(0.5), Some(1.5), "an empty bucket below");
    }

    #[test]
    fn what_has_no_quantile_gives_none() {
        let latency = histogram(&[1.0], &[0, 1]);
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(latency.quantile(q), None);
        }
        assert_eq!(latency.quantile(0.0), None, "0 of 0 samples, as in PromQL");
        assert_eq!(histogram(&[1.0], &[0, 0]).quantile(0.5), None);
    }
}
