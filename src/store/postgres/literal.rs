//! Texts within SQL.

use std::fmt::Write as _;

/// A text as an expression in which nothing of it can be taken for SQL, whatever the server's settings.
pub(crate) fn literal(text: &str) -> String {
    let mut hex = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    format!("pg_catalog.convert_from(pg_catalog.decode('{hex}', 'hex'), 'UTF8')")
}
