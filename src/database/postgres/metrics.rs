//! From rows to series.

use std::time::Duration;

use serde_json::Value;

use super::sections::SECTIONS;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, Kind, LabelValue, Meter, Reading};

/// A row of a query: columns by their names.
pub(super) type Row = serde_json::Map<String, Value>;

/// The registered metrics, by section.
pub(super) struct Metrics {
    of_sections: Vec<Vec<Box<dyn Fact>>>,
    partial: Collected<f64, 2>,
}

impl Metrics {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let of_section = |definitions: &'static [Definition]| definitions.iter().map(|one| fact(meter, one)).collect();
        let of_sections = SECTIONS.iter().map(|section| of_section(section.definitions));
        let partial = meter.collected(&super::definitions::PARTIAL)?;
        Ok(Self { of_sections: of_sections.collect::<Result<_, _>>()?, partial })
    }

    /// Gives the rows of a section, by its place; `None` if it is missing.
    pub(super) fn give(&self, database: &LabelValue, at: usize, rows: Option<&[Row]>, collection: &mut Collection) {
        let partial = if rows.is_some() { 0.0 } else { 1.0 };
        collection.set(&self.partial, [database.clone(), SECTIONS[at].name.into()], partial);
        for fact in &self.of_sections[at] {
            rows.unwrap_or_default().iter().for_each(|row| fact.give(database, row, collection));
        }
    }
}

/// A metric whose values are in a column.
trait Fact: Send {
    fn give(&self, database: &LabelValue, row: &Row, collection: &mut Collection);
}

/// `N` labels, the first of which is the database.
struct Column<V: Reading, const N: usize> {
    definition: &'static Definition,
    metric: Collected<V, N>,
}

impl<V: FromColumn, const N: usize> Fact for Column<V, N> {
    fn give(&self, database: &LabelValue, row: &Row, collection: &mut Collection) {
        let Some(value) = row.get(self.definition.name()).and_then(V::from_column) else {
            return;
        };
        let names = self.definition.label_names();
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let labels =
            std::array::from_fn(|at| if at == 0 { database.clone() } else { LabelValue::capped(text(names[at])) });
        collection.set(&self.metric, labels, value);
    }
}

fn fact(meter: &Meter, definition: &'static Definition) -> Result<Box<dyn Fact>, DefinitionError> {
    let is_time = definition.name().ends_with("_seconds_total");
    match (definition.kind(), is_time) {
        (Kind::Counter, true) => column::<Duration>(meter, definition),
        (Kind::Counter, false) => column::<u64>(meter, definition),
        _ => column::<f64>(meter, definition),
    }
}

/// With as many labels as it has; registering refuses more than there are here.
fn column<V: FromColumn>(meter: &Meter, definition: &'static Definition) -> Result<Box<dyn Fact>, DefinitionError> {
    Ok(match definition.label_names().len() {
        1 => Box::new(Column::<V, 1> { definition, metric: meter.collected(definition)? }),
        2 => Box::new(Column::<V, 2> { definition, metric: meter.collected(definition)? }),
        3 => Box::new(Column::<V, 3> { definition, metric: meter.collected(definition)? }),
        _ => Box::new(Column::<V, 4> { definition, metric: meter.collected(definition)? }),
    })
}

/// A value as a query gives it; `None` for null, and for what is no value of its kind.
trait FromColumn: Reading + 'static {
    fn from_column(value: &Value) -> Option<Self>
    where
        Self: Sized;
}

impl FromColumn for f64 {
    fn from_column(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl FromColumn for u64 {
    fn from_column(value: &Value) -> Option<Self> {
        value.as_u64()
    }
}

/// Of seconds.
impl FromColumn for Duration {
    fn from_column(value: &Value) -> Option<Self> {
        Self::try_from_secs_f64(value.as_f64()?).ok()
    }
}

/// Reads an array of rows.
pub(super) fn rows(answer: &str) -> Option<Vec<Row>> {
    let Value::Array(rows) = serde_json::from_str(answer).ok()? else {
        return None;
    };
    let row = |row| match row {
        Value::Object(row) => Some(row),
        _ => None,
    };
    rows.into_iter().map(row).collect()
}
