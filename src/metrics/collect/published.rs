//! What a collector measured, as text for other replicas.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::collection::{Collection, Standing};
use crate::metrics::cell::Cell;
use crate::metrics::family_core::FamilyCore;
use crate::metrics::label::{OVERFLOW, identity, pairs};
use crate::metrics::registry::Directory;

/// Which form the text has. Another one is not read, so that replicas of two versions do not mislead each other.
const FORM: u64 = 2;

/// The longest text. Chosen: some thousand series, and little for a row.
const LONGEST: usize = 256 * 1024;

/// Why a measurement cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unshared {
    #[error(
        "it gives more than {LONGEST} bytes, too much to share, so no other replica shows it: measure less, or in each"
    )]
    TooLong,
    #[error("another replica published what cannot be read")]
    Unreadable,
}

impl Collection {
    /// What was given, without what found no place: the families, and for each label set its values in them.
    pub(super) fn published(&self) -> Result<String, Unshared> {
        let mut series: BTreeMap<&str, Vec<(usize, String)>> = BTreeMap::new();
        for (at, (_, rows)) in self.families.iter().enumerate() {
            for row in &rows.cells {
                if let Some(value) = text_of(&row.0) {
                    series.entry(row.0.labels()).or_default().push((at, value));
                }
            }
        }
        let families: Vec<&str> = self.families.iter().map(|(family, _)| &*family.name).collect();
        let series: Vec<_> = series.into_iter().collect();
        let text = json!({"form": FORM, "families": families, "series": series}).to_string();
        if text.len() <= LONGEST { Ok(text) } else { Err(Unshared::TooLong) }
    }

    /// Gives what another replica measured. What this process has no metric for is left out.
    pub(super) fn show(&mut self, text: &str, age: Duration, directory: &Directory) -> Result<(), Unshared> {
        let mut value: Value = serde_json::from_str(text).map_err(|_| Unshared::Unreadable)?;
        if value.get("form") != Some(&json!(FORM)) {
            return Err(Unshared::Unreadable);
        }
        let families: Vec<String> = part(&mut value, "families")?;
        let series: Vec<(String, Vec<(usize, String)>)> = part(&mut value, "series")?;
        let own = |name: &String| directory.family(name).filter(|core| core.source().has_collectors());
        let families: Vec<_> = families.iter().map(own).collect();
        for (labels, values) in &series {
            for (at, value) in values {
                if let Some(family) = families.get(*at).ok_or(Unshared::Unreadable)? {
                    let labels = own_labels(family, labels).ok_or(Unshared::Unreadable)?;
                    self.give(family, labels, |cell| fill(cell, value));
                }
            }
        }
        self.standing = Standing::Measured { ago: age };
        Ok(())
    }
}

fn part<T: DeserializeOwned>(value: &mut Value, name: &str) -> Result<T, Unshared> {
    let part = value.get_mut(name).map(Value::take).ok_or(Unshared::Unreadable)?;
    serde_json::from_value(part).map_err(|_| Unshared::Unreadable)
}

/// Labels as this process writes them; `None` if they are not those of the family.
fn own_labels(family: &FamilyCore, text: &str) -> Option<String> {
    if text == OVERFLOW {
        return None;
    }
    let pairs = pairs(text);
    let known = family.definition.as_ref()?.labels;
    let is_known = |(name, _): &(&str, String)| known.contains(name);
    let own = identity(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    (pairs.iter().all(is_known) && own == text).then_some(own)
}

/// A value as it is in its cell: of a counter of seconds, nanoseconds.
fn text_of(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Counter(counter) => Some(counter.get().to_string()),
        Cell::Gauge(gauge) => gauge.get().map(|value| value.to_string()),
        // Collectors give counters and gauges only.
        _ => None,
    }
}

fn fill(cell: &Cell, text: &str) {
    match cell {
        Cell::Counter(counter) => counter.add(text.parse().unwrap_or_default()),
        // No number is refused and counted, as one that a collector gives.
        Cell::Gauge(gauge) => gauge.set(text.parse().unwrap_or(f64::NAN)),
        _ => {}
    }
}
