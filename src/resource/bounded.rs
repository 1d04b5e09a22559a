//! Lists of a machine that have an end, whatever the machine has.

/// Chosen: more disks, mounts and interfaces than a machine has that a person looks after, and few enough that a
/// thousand machines are no burden to Prometheus.
pub(super) const MOST: usize = 64;

/// The first of a list, and how many more there are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounded<T> {
    pub(super) kept: Vec<T>,
    pub(super) omitted: usize,
}

impl<T> Bounded<T> {
    pub(super) fn first(most: usize, mut items: impl Iterator<Item = T>) -> Self {
        Self { kept: items.by_ref().take(most).collect(), omitted: items.count() }
    }
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), omitted: 0 }
    }
}
