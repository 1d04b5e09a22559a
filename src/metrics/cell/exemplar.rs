//! Exemplars: traces that show what a histogram's numbers are made of.
//!
//! A series keeps two, so that a person who looks at it finds a typical request and a bad one: the latest sample, and the
//! largest of recent ones. Neither is a sample of its own; a lost one costs nothing but itself.

use std::time::{Duration, SystemTime};

use super::slot::Slot;
use crate::clock::Clock;
use crate::trace::{SampledSpan, SpanId, TraceId};

/// A sample whose trace is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::metrics) struct Exemplar {
    pub(in crate::metrics) span: SampledSpan,
    /// The bucket that counts the sample, from the lowest.
    pub(in crate::metrics) bucket: usize,
    /// In the family's unit.
    pub(in crate::metrics) value: f64,
    pub(in crate::metrics) unix_millis: u64,
}

/// The exemplars of one series.
pub(super) struct Exemplars {
    clock: Clock,
    largest: Slot<WORDS>,
    latest: Slot<WORDS>,
}

/// Two for the trace, and one each for span, bucket, value and time.
const WORDS: usize = 6;

/// Chosen: whoever scrapes once a minute, the longest interval in use, sees the largest sample of it.
const RECENT: Duration = Duration::from_secs(60);

/// Chosen: a write takes some nanoseconds, so more tries would only meet a writer that was put to sleep.
const TRIES: usize = 8;

impl Exemplars {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, largest: Slot::new(), latest: Slot::new() }
    }

    /// Notes a sample that was counted. Of samples that meet at a place, one stays.
    #[inline(never)]
    pub(super) fn offer(&self, span: SampledSpan, bucket: usize, value: f64) {
        let exemplar = Exemplar { span, bucket, value, unix_millis: self.unix_millis() };
        let words = exemplar.to_words();
        if let Some((version, largest)) = self.largest.read()
            && Exemplar::from_words(largest).is_none_or(|largest| exemplar.takes_the_place_of(&largest))
        {
            self.largest.replace(version, words);
        }
        self.latest.replace(self.latest.version(), words);
    }

    /// The largest and the latest, but at most one a bucket. What is being written all the time is left out.
    ///
    /// Of two in one bucket it is the largest, which stays there until a later sample takes its place. So the times of
    /// the exemplars that a bucket shows never go back, as Prometheus wants it, which refuses older ones.
    pub(super) fn read(&self) -> [Option<Exemplar>; 2] {
        let read = |slot: &Slot<WORDS>| (0..TRIES).find_map(|_| slot.read()).map(|(_, words)| words);
        let Some(largest) = read(&self.largest).map(Exemplar::from_words) else {
            return [None; 2];
        };
        let latest = read(&self.latest).and_then(Exemplar::from_words);
        let is_elsewhere = |latest: &Exemplar| largest.is_none_or(|largest| largest.bucket != latest.bucket);
        [largest, latest.filter(is_elsewhere)]
    }

    /// Wall time, since a person finds the trace by it, and age is told by it too, so that one look at a clock is enough.
    fn unix_millis(&self) -> u64 {
        let since_epoch = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Exemplar {
    /// Whether it is at least as large, or the other is no longer recent. A wall clock that was set back makes it so too.
    fn takes_the_place_of(&self, other: &Self) -> bool {
        let apart = Duration::from_millis(self.unix_millis.abs_diff(other.unix_millis));
        self.value >= other.value || apart >= RECENT
    }

    fn to_words(self) -> [u64; WORDS] {
        let trace = u128::from_be_bytes(self.span.trace_id.to_bytes());
        let span = u64::from_be_bytes(self.span.span_id.to_bytes());
        // The casts cut the trace id into its halves; a bucket's number is a few dozen.
        [(trace >> 64) as u64, trace as u64, span, self.bucket as u64, self.value.to_bits(), self.unix_millis]
    }

    /// `None` for the zeros of an empty slot: ids of zero are none.
    fn from_words([high, low, span, bucket, value, unix_millis]: [u64; WORDS]) -> Option<Self> {
        let trace = u128::from(high) << 64 | u128::from(low);
        let trace_id = TraceId::from_bytes(trace.to_be_bytes())?;
        let span = SampledSpan { trace_id, span_id: SpanId::from_bytes(span.to_be_bytes())? };
        // The cast undoes the one above.
        Some(Self { span, bucket: bucket as usize, value: f64::from_bits(value), unix_millis })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    struct Bench {
        exemplars: Exemplars,
        clock: ManualClock,
    }

    impl Bench {
        fn new() -> Self {
            let clock = ManualClock::new();
            Self { exemplars: Exemplars::new(clock.clock()), clock }
        }

        /// A second later, in a bucket a unit wide.
        fn offer(&self, value: f64) {
            self.clock.advance(SECOND);
            self.exemplars.offer(span(value), value as usize, value);
        }

        /// The largest and the latest.
        fn values(&self) -> [Option<f64>; 2] {
            self.exemplars.read().map(|shown| {
                let shown = shown?;
                assert_eq!((shown.span, shown.bucket), (span(shown.value), shown.value as usize));
                Some(shown.value)
            })
        }
    }

    fn span(value: f64) -> SampledSpan {
        let id = value.to_bits();
        SampledSpan {
            trace_id: TraceId::from_bytes((u128::from(id) << 64 | u128::from(!id)).to_be_bytes()).unwrap(),
            span_id: SpanId::from_bytes(id.to_be_bytes()).unwrap(),
        }
    }

    #[test]
    fn latest_and_largest_are_kept() {
        let bench = Bench::new();
        assert_eq!(bench.values(), [None, None]);
        for (offered, shown) in [
            (2.5, [Some(2.5), None]),
            (1.5, [Some(2.5), Some(1.5)]),
            (7.5, [Some(7.5), None]),
            (3.5, [Some(7.5), Some(3.5)]),
            (0.5, [Some(7.5), Some(0.5)]),
        ] {
            bench.offer(offered);
            assert_eq!(bench.values(), shown, "after {offered}");
        }
    }

    #[test]
    fn no_bucket_has_two() {
        let bench = Bench::new();
        for (offered, shown) in [(7.5, 7.5), (7.25, 7.5), (7.75, 7.75), (7.75, 7.75)] {
            bench.offer(offered);
            assert_eq!(bench.values(), [Some(shown), None]);
        }
    }

    #[test]
    fn largest_goes_once_it_is_no_longer_recent() {
        let bench = Bench::new();
        bench.offer(9.5);
        bench.clock.advance(RECENT - 2 * SECOND);
        bench.offer(1.5);
        assert_eq!(bench.values(), [Some(9.5), Some(1.5)]);
        assert_eq!(bench.values(), [Some(9.5), Some(1.5)], "reading changes nothing");
        bench.offer(2.5);
        assert_eq!(bench.values(), [Some(2.5), None]);
    }

    #[test]
    fn wall_clock_that_was_set_back_keeps_nothing_for_long() {
        let at = |unix_millis| Exemplar { span: span(1.0), bucket: 0, value: 1.0, unix_millis };
        let smaller = |unix_millis| Exemplar { value: 0.5, ..at(unix_millis) };
        assert!(smaller(100_000).takes_the_place_of(&at(200_000)));
        assert!(!smaller(100_000).takes_the_place_of(&at(101_000)));
        assert!(at(100_000).takes_the_place_of(&at(101_000)));
    }

    #[test]
    fn times_that_a_bucket_shows_never_go_back() {
        let bench = Bench::new();
        let mut shown = [0; 10];
        for _ in 0..2_000 {
            bench.offer(fastrand::f64() * 10.0);
            for exemplar in bench.exemplars.read().into_iter().flatten() {
                assert!(exemplar.unix_millis >= shown[exemplar.bucket]);
                shown[exemplar.bucket] = exemplar.unix_millis;
            }
        }
        assert!(shown.iter().all(|millis| *millis > 0));
    }
}
