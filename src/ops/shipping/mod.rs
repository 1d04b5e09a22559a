//! What becomes of log lines once they are written: storage and search. The agents that carry them there, and their
//! settings, are shown in [the log's document](crate::logs_reference).

#[cfg(test)]
mod tests;

/// A search engine, as far as templates differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SearchEngine {
    /// 2.7 or newer.
    OpenSearch,
    /// 7.14 or newer.
    Elasticsearch,
}

/// An index template for exactly the fields of a log line, in indices that are called `aistm7-logs-*`; a body for
/// `PUT /_index_template/aistm7-logs`.
///
/// - Another key at the top level is refused, with the document: it is no line of this crate's, or an agent added to it.
/// - `traceId`, `level` and `service` are searched as they are, `message` by its words, and as a whole, up to 512
///   characters, by `message.keyword`.
/// - Everything in `details` can be searched by its path (`details.portfolio`), as text: two callsites may give one name
///   values of two types, and no number of names fills the index's limit of fields. Ranges of numbers need another type;
///   give it to fields of your own in a template of higher priority.
///
/// ```
/// use aistm7_monitoring::ops::shipping::{SearchEngine, index_template};
///
/// let template: serde_json::Value = serde_json::from_str(&index_template(SearchEngine::Elasticsearch))?;
/// assert_eq!(template["template"]["mappings"]["properties"]["traceId"]["type"], "keyword");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn index_template(engine: SearchEngine) -> String {
    match engine {
        SearchEngine::OpenSearch => FOR_OPENSEARCH.to_owned(),
        SearchEngine::Elasticsearch => FOR_OPENSEARCH.replace(FLAT_OBJECT, FLATTENED),
    }
}

const FOR_OPENSEARCH: &str = include_str!("index_template.json");

/// An object whose leaves are searched without a mapping of their own, in OpenSearch's words.
const FLAT_OBJECT: &str = "{ \"type\": \"flat_object\" }";

/// The same in Elasticsearch's. A longer value would be refused with its line: one term of the index is at most 32,766
/// bytes, and a character at most four.
const FLATTENED: &str = "{ \"type\": \"flattened\", \"ignore_above\": 8191 }";
