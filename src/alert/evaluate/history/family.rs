//! The series of one metric that rules look at.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Memory;
use super::column::{Column, Run};
use super::timeline::Tick;
use crate::alert::evaluate::need::{Need, Part};
use crate::alert::evaluate::vector::Group;
use crate::alert::rule::Matcher;
use crate::metrics::{FamilySnapshot, SeriesSnapshot, Value};

/// The series of one metric.
#[derive(Debug)]
pub(in crate::alert::evaluate) struct Family {
    /// Labels that a scrape would give to every series.
    identity: BTreeMap<String, String>,
    every: Duration,
    inputs: Vec<Input>,
    part: Part,
    back: Duration,
    series: BTreeMap<Id, Series>,
    by_labels: HashMap<Arc<str>, Id>,
    /// Labels of series that no rule looks at, so that they are not read again and again.
    unwanted: HashSet<Arc<str>>,
    edges: Arc<[f64]>,
    next: Id,
    dropped: usize,
}

/// The number of a series, in the order in which they came.
type Id = u64;

/// What rules look at alike: groups of series.
#[derive(Debug)]
pub(in crate::alert::evaluate) struct Input {
    matchers: Vec<Matcher>,
    by: Vec<String>,
    groups: BTreeMap<Group, Vec<Id>>,
}

/// The samples of a series: one number, or that of each bucket, each with those below it; the last is the count.
#[derive(Debug)]
pub(in crate::alert::evaluate) struct Series {
    pub(in crate::alert::evaluate) columns: Vec<Column>,
}

impl Series {
    /// The number, or the count.
    pub(in crate::alert::evaluate) fn number(&self) -> &Column {
        self.columns.last().expect("OK because each series has a column")
    }
}

/// What is counted for a series beside its samples: its labels, its places in maps, its groups. Chosen, on the safe side.
const SERIES_BYTES: usize = 512;

impl Family {
    pub(super) fn new(identity: BTreeMap<String, String>, every: Duration) -> Self {
        Self {
            identity,
            every,
            inputs: Vec::new(),
            part: Part::Number,
            back: Duration::ZERO,
            series: BTreeMap::new(),
            by_labels: HashMap::new(),
            unwanted: HashSet::new(),
            edges: Arc::default(),
            next: 0,
            dropped: 0,
        }
    }

    pub(super) fn want(&mut self, need: Need) {
        self.part = self.part.max(need.part);
        self.back = self.back.max(need.back);
        if self.input(&need).is_none() {
            self.inputs.push(Input { matchers: need.matchers, by: need.by, groups: BTreeMap::new() });
        }
    }

    pub(super) fn input(&self, need: &Need) -> Option<&Input> {
        self.inputs.iter().find(|input| need.is_of(&input.matchers, &input.by))
    }

    pub(super) fn back(&self) -> Duration {
        self.back
    }

    pub(super) fn len(&self) -> usize {
        self.series.len()
    }

    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    pub(super) fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Takes the samples of a tick, and lets go of what is older than `oldest`.
    pub(super) fn take(&mut self, family: Option<&FamilySnapshot>, tick: Tick, oldest: Tick, memory: &mut Memory) {
        self.dropped = 0;
        let most = self.most_samples();
        let shown = family.map_or(&[][..], |family| &family.series);
        if self.unwanted.len() > shown.len() {
            // Some of them are gone.
            self.unwanted.clear();
        }
        for one in shown {
            let Some(id) = self.id(one, memory) else { continue };
            let Some(series) = self.series.get_mut(&id) else { continue };
            for (column, value) in series.columns.iter_mut().zip(numbers(&one.value, self.part)) {
                column.forget_before(oldest);
                column.push(tick, value, most);
            }
        }
        self.let_go(oldest, memory);
    }

    /// As many ticks as there are from one end of the longest window to the other, those ends included.
    fn most_samples(&self) -> usize {
        // OK because it is a number of samples, far below 2^52.
        (self.back.as_secs_f64() / self.every.as_secs_f64()).ceil() as usize + 1
    }

    /// The series of a snapshot's, born if need be; `None` if nobody wants it or there is no room.
    fn id(&mut self, shown: &SeriesSnapshot, memory: &mut Memory) -> Option<Id> {
        if let Some(id) = self.by_labels.get(&shown.labels) {
            return Some(*id);
        }
        if self.unwanted.contains(&shown.labels) {
            return None;
        }
        let pairs = shown.pairs();
        let label = |name: &str| {
            let own = || pairs.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
            self.identity.get(name).map(String::as_str).or_else(own).unwrap_or_default()
        };
        let accepts = |input: &Input| input.matchers.iter().all(|matcher| matcher.accepts(label(&matcher.label)));
        let wanted: Vec<_> = (0..self.inputs.len()).filter(|at| accepts(&self.inputs[*at])).collect();
        if wanted.is_empty() {
            self.unwanted.insert(Arc::clone(&shown.labels));
            return None;
        }
        let columns = numbers(&shown.value, self.part).count();
        if !memory.take(self.bytes(columns)) {
            self.dropped += 1;
            return None;
        }
        let groups = wanted.iter().map(|at| self.inputs[*at].by.iter().map(|by| label(by).to_owned()).collect());
        let groups: Vec<Group> = groups.collect();
        let id = self.next;
        self.next += 1;
        for (at, group) in wanted.into_iter().zip(groups) {
            self.inputs[at].groups.entry(group).or_default().push(id);
        }
        if let (Value::Histogram(histogram), Part::Buckets) = (&shown.value, self.part) {
            self.edges = Arc::clone(&histogram.edges);
        }
        self.by_labels.insert(Arc::clone(&shown.labels), id);
        self.series.insert(id, Series { columns: std::iter::repeat_with(Column::default).take(columns).collect() });
        Some(id)
    }

    fn bytes(&self, columns: usize) -> usize {
        SERIES_BYTES + columns * (self.most_samples() * Run::BYTES + size_of::<Column>())
    }

    /// Of series that no sample is left of.
    fn let_go(&mut self, oldest: Tick, memory: &mut Memory) {
        let mut gone = Vec::new();
        for (id, series) in &mut self.series {
            series.columns.iter_mut().for_each(|column| column.forget_before(oldest));
            if series.number().is_empty() {
                gone.push((*id, series.columns.len()));
            }
        }
        if gone.is_empty() {
            return;
        }
        for (id, columns) in &gone {
            self.series.remove(id);
            memory.used -= self.bytes(*columns);
        }
        self.by_labels.retain(|_, id| self.series.contains_key(id));
        for input in &mut self.inputs {
            input.groups.retain(|_, members| {
                members.retain(|id| self.series.contains_key(id));
                !members.is_empty()
            });
        }
    }
}

impl Input {
    pub(super) fn groups<'a>(&'a self, family: &'a Family) -> impl Iterator<Item = (&'a Group, Vec<&'a Series>)> {
        self.groups
            .iter()
            .map(|(group, members)| (group, members.iter().filter_map(|id| family.series.get(id)).collect()))
    }
}

/// The numbers that are kept of a value.
fn numbers(value: &Value, part: Part) -> impl Iterator<Item = f64> + '_ {
    let (number, buckets) = match (value, part) {
        (Value::Histogram(histogram), Part::Buckets) => (None, &histogram.buckets[..]),
        (value, _) => (Some(value.as_f64()), &[][..]),
    };
    let cumulative = buckets.iter().scan(0u64, |sum, count| {
        *sum = sum.saturating_add(*count);
        // Exact up to 2^53, as PromQL's numbers are.
        Some(*sum as f64)
    });
    number.into_iter().chain(cumulative)
}
