//! Names of tables and indexes.

use std::fmt;

/// A table or an index with its schema. Shown quoted, as SQL takes it whatever is in the names.
///
/// ```
/// use aistm7_monitoring::database::maintenance::Relation;
///
/// let table = Relation { schema: "public".to_owned(), name: "Odd \" name".to_owned() };
/// assert_eq!(table.to_string(), "\"public\".\"Odd \"\" name\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub name: String,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |name: &str| name.replace('"', "\"\"");
        write!(f, "\"{}\".\"{}\"", quoted(&self.schema), quoted(&self.name))
    }
}
