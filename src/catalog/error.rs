//! What can be wrong with a catalog in a file.

/// A text that is no catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// It is no JSON.
    #[error("the catalog is no JSON: write it with Catalog::to_json")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another shape.
    #[error("the catalog is not of this crate's shape: {at} is missing or not {expected}")]
    Shape {
        /// Which field, after the name of its metric.
        at: String,
        /// What it should be.
        expected: &'static str,
    },
}
