//! Quantiles of buckets whose counts are rates.

/// An estimate by the rule of PromQL's `histogram_quantile`, for `q` from 0 to 1; `cumulative` has one bucket more than there
/// are edges. What PromQL calls no number is none here.
pub(super) fn quantile(q: f64, edges: &[f64], cumulative: &mut [f64]) -> f64 {
    let Some(&highest) = edges.last() else { return f64::NAN };
    // Each bucket's rate is stretched to the window by itself, so a higher one may come out lower.
    for at in 1..cumulative.len() {
        cumulative[at] = cumulative[at].max(cumulative[at - 1]);
    }
    let Some(total) = cumulative.last().copied().filter(|total| *total > 0.0) else { return f64::NAN };
    let rank = q * total;
    let at = cumulative[..edges.len()].partition_point(|count| *count < rank);
    let Some(&end) = edges.get(at) else { return highest };
    if at == 0 && end <= 0.0 {
        return end;
    }
    let (start, below) = if at == 0 { (0.0, 0.0) } else { (edges[at - 1], cumulative[at - 1]) };
    start + (end - start) * ((rank - below) / (cumulative[at] - below))
}

#[cfg(test)]
mod tests {
    use super::quantile;
    use crate::metrics::Registry;

    /// The same numbers as of whole counts, which a snapshot gives.
    #[test]
    fn quantiles_are_those_of_snapshots() {
        let registry = Registry::new();
        metrics::with_local_recorder(&registry, || {
            for sample in [0.001, 0.2, 0.3, 0.3, 4.0, 90.0] {
                metrics::histogram!("wait_seconds").record(sample);
            }
        });
        let wait = registry.snapshot().histogram("wait_seconds", &[]).unwrap();
        let cumulative: Vec<f64> = wait
            .buckets
            .iter()
            .scan(0.0, |sum, count| {
                *sum += *count as f64;
                Some(*sum)
            })
            .collect();
        for q in [0.1, 0.5, 0.75, 0.95, 1.0] {
            assert_eq!(quantile(q, &wait.edges, &mut cumulative.clone()), wait.quantile(q).unwrap(), "{q}");
        }
    }

    #[test]
    fn no_samples_and_no_edges_have_no_quantile() {
        assert!(quantile(0.5, &[1.0], &mut [0.0, 0.0]).is_nan());
        assert!(quantile(0.5, &[], &mut [3.0]).is_nan());
        assert!(quantile(0.5, &[1.0], &mut [f64::NAN, f64::NAN]).is_nan());
    }
}
