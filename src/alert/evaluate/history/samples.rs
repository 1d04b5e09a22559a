//! What PromQL works out from the samples of a window, by the rules of Prometheus 2.42.

use super::column::{Column, Run};
use super::timeline::Timeline;

/// The samples of one number within a span of time, both ends included.
pub(crate) struct Samples<'a> {
    column: &'a Column,
    timeline: &'a Timeline,
    from: i64,
    to: i64,
}

/// How much a counter rose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rise {
    /// Between its first and its last sample.
    seen: f64,
    /// By how much longer than between them the window is, as far as the counter is taken to have gone on.
    stretched: f64,
    /// Seconds of the window.
    window: f64,
}

impl Rise {
    /// In the whole window.
    pub(crate) fn increase(self) -> f64 {
        self.seen * self.stretched
    }

    /// A second.
    pub(crate) fn rate(self) -> f64 {
        self.seen * (self.stretched / self.window)
    }
}

/// Up to so many average distances between samples, the window's end is taken to be one that a sample nearly reached.
const NEAR: f64 = 1.1;

impl<'a> Samples<'a> {
    pub(super) fn new(column: &'a Column, timeline: &'a Timeline, from: i64, to: i64) -> Self {
        Self { column, timeline, from, to }
    }

    fn runs(&self) -> impl Iterator<Item = Run> + 'a {
        self.column.within(self.timeline.within(self.from, self.to))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs().next().is_none()
    }

    /// The latest.
    pub(crate) fn last(&self) -> Option<f64> {
        self.runs().last().map(|run| run.value)
    }

    /// The value of a counter that is lower than before is counted from 0. Two samples are needed.
    pub(crate) fn rise(&self) -> Option<Rise> {
        let mut runs = self.runs();
        let first = runs.next()?;
        let (mut last, mut count, mut lost) = (first, first.samples(), 0.0);
        for run in runs {
            count += run.samples();
            if run.value < last.value {
                lost += last.value;
            }
            last = run;
        }
        if count < 2 {
            return None;
        }
        let seen = last.value - first.value + lost;
        let (began, ended) = (self.timeline.moment(first.first), self.timeline.moment(last.last));
        let covered = seconds(ended - began);
        let distance = covered / f64::from(count - 1);
        let mut before = seconds(began - self.from);
        if seen > 0.0 && first.value >= 0.0 {
            // It was never below 0.
            before = before.min(covered * (first.value / seen));
        }
        let reached = |gap: f64| if gap < distance * NEAR { gap } else { distance / 2.0 };
        let reaches = covered + reached(before) + reached(seconds(self.to - ended));
        Some(Rise { seen, stretched: reaches / covered, window: seconds(self.to - self.from) })
    }

    /// The value `ahead` seconds after the window's end on the line that is nearest to the samples. Two are needed.
    pub(crate) fn forecast(&self, ahead: f64) -> Option<f64> {
        let samples = || {
            self.runs().flat_map(|run| {
                (run.first..=run.last).map(move |tick| (seconds(self.timeline.moment(tick) - self.to), run.value))
            })
        };
        let (mut count, mut sum_of_times, mut sum) = (0.0, 0.0, 0.0);
        for (time, value) in samples() {
            count += 1.0;
            sum_of_times += time;
            sum += value;
        }
        if count < 2.0 {
            return None;
        }
        let first = self.runs().next()?.value;
        if self.runs().all(|run| run.value == first) {
            return Some(if first.is_finite() { first } else { f64::NAN });
        }
        let (middle, mean) = (sum_of_times / count, sum / count);
        let (mut together, mut spread) = (0.0, 0.0);
        for (time, value) in samples() {
            together += (time - middle) * (value - mean);
            spread += (time - middle) * (time - middle);
        }
        let slope = together / spread;
        Some(slope * ahead + (mean - slope * middle))
    }
}

/// Exact up to 2^53 milliseconds.
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}
