//! What takes the most time, as series: the text of a statement becomes a label.

use serde_json::Value;

use super::fingerprint::fingerprint;
use super::metrics::Row;

/// The column that becomes the label.
const STATEMENT: &str = "statement";

/// The rows with the text of each replaced by its fingerprint.
///
/// Rows of one fingerprint stay apart, by who ran them and the server's id: they come and go one by one, and a sum of those
/// that happen to be there would fall when one goes, which `rate()` takes for a restart.
pub(super) fn with_fingerprints(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        if let Some(text) = row.get_mut(STATEMENT) {
            *text = Value::String(fingerprint(text.as_str().unwrap_or_default()));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::metrics::rows;
    use super::*;

    #[test]
    fn statement_that_leaves_lowers_no_other_of_its_fingerprint() {
        let one = r#"{"user": "app", "queryid": "1", "statement": "SELECT 1", "db_statement_calls_total": 2}"#;
        let other = r#"{"user": "app", "queryid": "-2", "statement": "select 2", "db_statement_calls_total": 9}"#;
        let both = with_fingerprints(rows(&format!("[{one},{other}]")).unwrap());
        assert_eq!(both[0][STATEMENT], "select ?");
        assert_eq!(both[1][STATEMENT], "select ?");
        assert_eq!(with_fingerprints(rows(&format!("[{one}]")).unwrap())[0], both[0]);
    }
}
