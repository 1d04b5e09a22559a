//! What takes the most time, as series: rows of one fingerprint are one.

use serde_json::{Number, Value};

use super::fingerprint::fingerprint;
use super::metrics::Row;

/// The column that becomes the label.
const STATEMENT: &str = "statement";

/// At most so many rows, in their order, with the text of each replaced by its fingerprint and those that are then one
/// added up.
pub(super) fn by_fingerprint(rows: Vec<Row>, at_most: u16) -> Vec<Row> {
    let mut merged: Vec<Row> = Vec::new();
    for mut row in rows {
        let text = fingerprint(row.get(STATEMENT).and_then(Value::as_str).unwrap_or_default());
        let known = merged.iter_mut().find(|known| known.get(STATEMENT).and_then(Value::as_str) == Some(text.as_str()));
        match known {
            Some(known) => add(known, &row),
            None => {
                row.insert(STATEMENT.to_owned(), Value::String(text));
                merged.push(row);
            }
        }
    }
    merged.truncate(at_most.into());
    merged
}

fn add(to: &mut Row, row: &Row) {
    for (name, value) in row {
        let Some(present) = to.get_mut(name) else {
            continue;
        };
        let sum = match (present.as_u64(), value.as_u64()) {
            (Some(one), Some(other)) => Some(Number::from(one.saturating_add(other))),
            _ => present.as_f64().zip(value.as_f64()).and_then(|(one, other)| Number::from_f64(one + other)),
        };
        if let Some(sum) = sum {
            *present = Value::Number(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::metrics::rows;
    use super::*;

    #[test]
    fn statements_of_one_fingerprint_are_added_up_and_the_first_stay() {
        let answer = r#"[
            {"statement": "SELECT 1", "db_statement_calls_total": 2, "db_statement_seconds_total": 1.5},
            {"statement": "SELECT now()", "db_statement_calls_total": 1, "db_statement_seconds_total": 1.25},
            {"statement": "SELECT 2", "db_statement_calls_total": 3, "db_statement_seconds_total": 0.25},
            {"statement": "SELECT x", "db_statement_calls_total": 1, "db_statement_seconds_total": 0.125}
        ]"#;
        let merged = by_fingerprint(rows(answer).unwrap(), 2);
        let expected = r#"[
            {"statement": "select ?", "db_statement_calls_total": 5, "db_statement_seconds_total": 1.75},
            {"statement": "select now()", "db_statement_calls_total": 1, "db_statement_seconds_total": 1.25}
        ]"#;
        assert_eq!(merged, rows(expected).unwrap());
    }
}
