//! Which traces are of a share: of those that are written, or of those that are sampled.

use super::id::TraceId;
use crate::error::InvalidValue;

/// The right-most bits of a trace id that are random, as W3C trace context level 2 has them.
const RANDOM_BITS: u32 = 56;
const RANGE: u64 = 1 << RANDOM_BITS;

/// A share of all traces: those whose random bits are not below a threshold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    least: u64,
}

impl Share {
    /// All traces.
    pub(super) const ALL: Self = Self { least: 0 };

    /// # Errors
    /// When `share`, which is called `what`, is not 0.0 to 1.0.
    pub(crate) fn of(what: &'static str, share: f64) -> Result<Self, InvalidValue> {
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidValue::new(what, share, "0.0 to 1.0"));
        }
        // The cast cuts a fraction of 2^-56 off.
        Ok(Self { least: ((1.0 - share) * RANGE as f64) as u64 })
    }

    /// Whether a trace is of the share. Chance decides about what has no trace.
    pub(crate) fn has(self, trace: Option<TraceId>) -> bool {
        self.least <= trace.map_or_else(|| fastrand::u64(..RANGE), random_bits)
    }
}

fn random_bits(trace: TraceId) -> u64 {
    // The lower half is the right-most eight bytes; the cast leaves the others.
    u128::from_be_bytes(trace.to_bytes()) as u64 % RANGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(share: f64) -> Share {
        Share::of("share", share).expect("0.0 to 1.0")
    }

    fn trace(random: u64) -> Option<TraceId> {
        // The other nine bytes must not matter.
        TraceId::from_bytes((u128::MAX << RANDOM_BITS | u128::from(random)).to_be_bytes())
    }

    #[test]
    fn share_of_traces_is_exact_and_larger_shares_hold_smaller_ones() {
        const TRACES: u64 = 1000;
        let evenly = || (0..TRACES).map(|number| number * (RANGE / TRACES) + RANGE / TRACES / 2);
        let mut smaller: Vec<u64> = Vec::new();
        for (part, expected) in [(0.0, 0), (0.001, 1), (0.1, 100), (0.25, 250), (0.999, 999), (1.0, 1000)] {
            let kept: Vec<_> = evenly().filter(|random| share(part).has(trace(*random))).collect();
            assert_eq!(kept.len(), expected, "{part}");
            assert!(smaller.iter().all(|random| kept.contains(random)), "{part}");
            smaller = kept;
        }
    }

    #[test]
    fn edges_are_of_the_share_they_belong_to() {
        let half = share(0.5);
        assert!(half.has(trace(RANGE / 2)) && !half.has(trace(RANGE / 2 - 1)));
        assert!(share(1.0).has(trace(0)) && !share(0.0).has(trace(RANGE - 1)));
        assert!(share(1.0).has(None) && !share(0.0).has(None));
    }

    #[test]
    fn random_ids_are_kept_in_their_share() {
        let kept = (0..10_000).filter(|_| share(0.3).has(Some(TraceId::random()))).count();
        // 45.8 is the standard deviation; ten of them come never.
        assert!((2542..=3458).contains(&kept), "{kept}");
    }
}
