//! Native buckets for the histograms that are asked for by name.

use super::cell::Shape;
use super::definition::{DefinitionError, Kind};
use super::registry::Registry;

impl Registry {
    /// The shape of a family of that name, with native buckets if they are asked for.
    pub(super) fn with_asked_buckets(&self, name: &str, shape: Shape) -> Shape {
        if self.0.native_histograms.contains(name) { shape.with_native_buckets() } else { shape }
    }

    /// Checks that whatever native buckets are asked for is a registered histogram.
    pub(crate) fn check_native_histograms(&self) -> Result<(), DefinitionError> {
        let families = self.families();
        for name in &self.0.native_histograms {
            let metric = name.clone();
            let Some(family) = families.iter().find(|family| *family.name == **name) else {
                return Err(DefinitionError::Unknown { metric });
            };
            let defined = family.shape.kind;
            if defined != Kind::Histogram {
                return Err(DefinitionError::WrongKind { metric, defined, asked: Kind::Histogram });
            }
        }
        Ok(())
    }
}
