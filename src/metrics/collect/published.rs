//! What a collector measured, as text for other replicas.

use std::time::Duration;

use serde_json::{Value, json};

use super::collection::{Collection, Standing};
use crate::metrics::cell::Cell;
use crate::metrics::family_core::{FamilyCore, Source};
use crate::metrics::label::{OVERFLOW, identity, pairs};
use crate::metrics::registry::Directory;

/// Which form the text has. Another one is not read, so that replicas of two versions do not mislead each other.
const FORM: u64 = 1;

/// The longest text. Chosen: some hundred series, and little for a row.
const LONGEST: usize = 64 * 1024;

/// Why a measurement cannot be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unshared {
    #[error("it gives more than {LONGEST} bytes, which is too much to share: measure less, or in each replica")]
    TooLong,
    #[error("another replica published what cannot be read")]
    Unreadable,
}

impl Collection {
    /// What was given, without what found no place.
    pub(super) fn published(&self) -> Result<String, Unshared> {
        let families = self.families.iter().map(|(family, rows)| {
            let series = rows.cells.iter().filter_map(|row| Some(json!([&**row.0.labels(), text_of(&row.0)?])));
            json!([&*family.name, series.collect::<Vec<_>>()])
        });
        let text = json!({"form": FORM, "families": families.collect::<Vec<_>>()}).to_string();
        if text.len() <= LONGEST { Ok(text) } else { Err(Unshared::TooLong) }
    }

    /// Gives what another replica measured. What this process has no metric for is left out.
    pub(super) fn show(&mut self, text: &str, age: Duration, directory: &Directory) -> Result<(), Unshared> {
        let value: Value = serde_json::from_str(text).map_err(|_| Unshared::Unreadable)?;
        let families = value.get("families").and_then(Value::as_array);
        let families = families.filter(|_| value.get("form") == Some(&json!(FORM))).ok_or(Unshared::Unreadable)?;
        for family in families {
            let name = family.get(0).and_then(Value::as_str).ok_or(Unshared::Unreadable)?;
            let series = family.get(1).and_then(Value::as_array).ok_or(Unshared::Unreadable)?;
            let Some(core) = directory.family(name).filter(|core| core.source() == Source::Collectors) else {
                continue;
            };
            for row in series {
                let text = |at: usize| row.get(at).and_then(Value::as_str);
                let (labels, value) = text(0).zip(text(1)).ok_or(Unshared::Unreadable)?;
                let labels = own_labels(&core, labels).ok_or(Unshared::Unreadable)?;
                self.give(&core, labels, |cell| fill(cell, value));
            }
        }
        self.standing = Standing::Measured { ago: age };
        Ok(())
    }
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
