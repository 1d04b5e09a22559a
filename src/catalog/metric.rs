//! One metric, apart from the code that records it.

use crate::metrics::{Definition, Kind, Stability, Unit};

/// What is known of a metric without a look at its values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The name, in code and on the wire.
    pub name: String,
    /// The kind.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// Its label names, in the definition's order.
    pub labels: Vec<String>,
    /// The upper bounds of a histogram's buckets, those of objectives included.
    pub edges: Vec<f64>,
    /// What it means.
    pub help: String,
    /// How far rules may rely on it.
    pub stability: Stability,
    /// The version that first had it.
    pub since: String,
}

impl Metric {
    /// A definition's, with the bucket edges that its family has.
    pub(super) fn new(definition: &Definition, edges: &[f64]) -> Self {
        Self {
            name: definition.name().to_owned(),
            kind: definition.kind(),
            unit: definition.measured_in(),
            labels: definition.label_names().iter().map(|label| (*label).to_owned()).collect(),
            edges: edges.to_vec(),
            help: definition.help().to_owned(),
            stability: definition.stability(),
            since: definition.introduced_in().to_owned(),
        }
    }

    /// Whether it has a label.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|own| own == label)
    }
}
