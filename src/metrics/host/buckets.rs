//! What an exporter has to know of the histograms before it is built.

use std::sync::Arc;

use crate::metrics::definition::{Definition, DefinitionError, Kind};
use crate::metrics::family_core::Source;
use crate::metrics::registry::Registry;

impl Registry {
    /// Registers a definition, whatever its kind and labels.
    pub(crate) fn declare(&self, definition: &Definition) -> Result<(), DefinitionError> {
        definition.check(definition.labels.len())?;
        self.register(definition, definition.edges, Source::Handles).map(drop)
    }

    /// The names and edges of the histograms that are registered.
    pub(crate) fn histograms(&self) -> Vec<(Arc<str>, Arc<[f64]>)> {
        let families = self.families();
        let histograms = families.iter().filter(|family| family.shape.kind == Kind::Histogram);
        histograms.map(|family| (Arc::clone(&family.name), Arc::clone(&family.shape.edges))).collect()
    }
}
