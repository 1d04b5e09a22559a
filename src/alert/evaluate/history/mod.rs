//! The samples of exactly the series that rules look at, for as long as they look back.
//!
//! ```text
//! Snapshot -> Family -> Series -> Column (runs of equal samples) -> Samples (a window) -> a number
//!     '-> Timeline: when, once for all
//! ```
//!
//! A series is kept only if all samples that it may come to have, each different from the one before, have room: 16 bytes
//! each. So memory is bounded by what [`History::new`] is given, whatever the series do.

mod column;
mod family;
mod samples;
mod timeline;

use std::collections::BTreeMap;
use std::time::Duration;

use family::Family;
pub(super) use family::Series;
pub(super) use samples::Samples;
use timeline::Timeline;

use super::need::Need;
use super::vector::Group;
use crate::metrics::Snapshot;

/// How old the samples of an instant may be, which only counts where samples could not be taken. Prometheus' default.
pub(super) const LOOKBACK: Duration = Duration::from_secs(300);

/// What is kept of the registry.
#[derive(Debug)]
pub(super) struct History {
    timeline: Timeline,
    families: BTreeMap<String, Family>,
    memory: Memory,
    longest: i64,
}

/// Of the bytes that may be used, those that are spoken for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) limit: usize,
    pub(super) used: usize,
}

impl Memory {
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = self.used.saturating_add(bytes) <= self.limit;
        if fits {
            self.used += bytes;
        }
        fits
    }
}

/// What there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) series: usize,
    /// Series that rules look at and that there was no room for at the last tick.
    pub(super) dropped: usize,
    /// What the series that are kept may come to take.
    pub(super) bytes: usize,
}

impl History {
    /// For needs, with samples that are taken `every` so often, in at most so many bytes.
    pub(super) fn new(needs: Vec<Need>, identity: &BTreeMap<String, String>, every: Duration, bytes: usize) -> Self {
        let mut families = BTreeMap::new();
        let mut longest = 0;
        for need in needs {
            longest = longest.max(milliseconds(need.back));
            let family = families.entry(need.metric.clone()).or_insert_with(|| Family::new(identity.clone(), every));
            family.want(need);
        }
        Self { timeline: Timeline::default(), families, memory: Memory { limit: bytes, used: 0 }, longest }
    }

    /// Takes the samples of a moment, in milliseconds of monotonic time.
    pub(super) fn take(&mut self, snapshot: &Snapshot, now: i64) {
        let tick = self.timeline.push(now);
        self.timeline.forget_before(now - self.longest);
        for (name, family) in &mut self.families {
            let oldest = self.timeline.within(now - milliseconds(family.back()), now).start;
            family.take(snapshot.family(name), tick, oldest, &mut self.memory);
        }
    }

    pub(super) fn kept(&self) -> Kept {
        let sum = |of: fn(&Family) -> usize| self.families.values().map(of).sum();
        Kept { series: sum(Family::len), dropped: sum(Family::dropped), bytes: self.memory.used }
    }

    /// The groups of a need, each with its series.
    pub(super) fn groups(&self, need: &Need) -> impl Iterator<Item = (&Group, Members<'_>)> {
        let input = self.families.get(&need.metric).and_then(|family| Some((family, family.input(need)?)));
        input.into_iter().flat_map(|(family, input)| input.groups(family))
    }

    /// The bucket edges of a histogram, once it was seen.
    pub(super) fn edges(&self, metric: &str) -> &[f64] {
        self.families.get(metric).map_or(&[], Family::edges)
    }

    /// What a column had from one moment to another.
    pub(super) fn samples<'a>(&'a self, column: &'a column::Column, from: i64, to: i64) -> Samples<'a> {
        Samples::new(column, &self.timeline, from, to)
    }

    /// The sample of an instant: that of the last tick before, unless it had none.
    pub(super) fn instant(&self, column: &column::Column, at: i64) -> Option<f64> {
        let ticks = self.timeline.within(at - milliseconds(LOOKBACK), at);
        let last = ticks.end.checked_sub(1).filter(|last| ticks.contains(last))?;
        column.within(last..last + 1).next().map(|run| run.value)
    }
}

/// The series of a group.
pub(super) type Members<'a> = Vec<&'a Series>;

/// OK because no window is longer than the age of the universe.
pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests;
