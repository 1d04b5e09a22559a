//! A number for each group, as PromQL's instant vectors are.

use std::cmp::Ordering;
use std::sync::Arc;

/// The values of the labels that a rule tells its alerts apart by, in its order; an absent label is empty.
pub(super) type Group = Arc<[String]>;

/// Sorted by group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Vector(Vec<(Group, f64)>);

impl Vector {
    /// Of groups that come sorted.
    pub(super) fn sorted(pairs: impl IntoIterator<Item = (Group, f64)>) -> Self {
        let pairs: Vec<_> = pairs.into_iter().collect();
        debug_assert!(pairs.is_sorted_by(|(a, _), (b, _)| a < b), "groups are sorted and there is one of each");
        Self(pairs)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Group, f64)> {
        self.0.iter().map(|(group, value)| (group, *value))
    }

    pub(super) fn get(&self, group: &Group) -> Option<f64> {
        let at = self.0.binary_search_by(|(other, _)| other.cmp(group)).ok()?;
        Some(self.0[at].1)
    }

    pub(super) fn map(mut self, change: impl Fn(f64) -> f64) -> Self {
        self.0.iter_mut().for_each(|(_, value)| *value = change(*value));
        self
    }

    pub(super) fn filter(mut self, keep: impl Fn(f64) -> bool) -> Self {
        self.0.retain(|(_, value)| keep(*value));
        self
    }

    /// The groups that both have, with what `join` makes of their values; nothing where it gives none.
    pub(super) fn joined(self, other: &Self, join: impl Fn(f64, f64) -> Option<f64>) -> Self {
        let pairs = self.0.into_iter();
        Self(pairs.filter_map(|(group, value)| Some((Arc::clone(&group), join(value, other.get(&group)?)?))).collect())
    }

    /// `and`
    pub(super) fn and(self, other: &Self) -> Self {
        self.joined(other, |value, _| Some(value))
    }

    /// `unless`
    pub(super) fn unless(mut self, other: &Self) -> Self {
        self.0.retain(|(group, _)| other.get(group).is_none());
        self
    }

    /// `or`
    pub(super) fn or(self, other: Self) -> Self {
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (self.0.into_iter().peekable(), other.0.into_iter().peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return Self(merged),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            if order == Ordering::Equal {
                right.next();
            }
            merged.extend(if order == Ordering::Greater { right.next() } else { left.next() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(pairs: &[(&str, f64)]) -> Vector {
        Vector::sorted(pairs.iter().map(|(name, value)| (Group::from([(*name).to_owned()]), *value)))
    }

    #[test]
    fn operators_match_groups_and_keep_the_left_value() {
        let (a, b) = (vector(&[("x", 1.0), ("y", 2.0)]), vector(&[("y", 20.0), ("z", 30.0)]));
        assert_eq!(a.clone().and(&b), vector(&[("y", 2.0)]));
        assert_eq!(a.clone().unless(&b), vector(&[("x", 1.0)]));
        assert_eq!(a.clone().or(b.clone()), vector(&[("x", 1.0), ("y", 2.0), ("z", 30.0)]));
        assert_eq!(a.joined(&b, |a, b| Some(b / a)), vector(&[("y", 10.0)]));
    }
}
