//! Every metric of one `Monitoring` in one place: what rules, dashboards and documents are written against.
//!
//! ```text
//! static Definition -> registry -> Catalog -> alert rules, dashboards, CloudWatch
//!                                     '-> JSON -> diff with that of the last release
//! ```
//!
//! It holds what has a [`Definition`](crate::metrics::Definition): the crate's metrics that this monitoring registered, and
//! those of the service. What comes through the `metrics` facade has none, and nobody promises anything about it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use aistm7_monitoring::Monitoring;
//! use aistm7_monitoring::catalog::{Catalog, diff};
//! use aistm7_monitoring::metrics::{Definition, Kind};
//!
//! static ORDERS: Definition = Definition::counter("orders_total", "Orders sent to the broker.").labels(&["side"]);
//!
//! let monitoring = Monitoring::builder("orders").build()?;
//! let before = monitoring.catalog();
//! monitoring.meter().counter::<1>(&ORDERS)?;
//! let after = monitoring.catalog();
//! assert_eq!(after.metric("orders_total").map(|metric| metric.kind), Some(Kind::Counter));
//!
//! // What a release must say of itself: a new metric breaks nobody, one that is gone does.
//! assert!(diff(&before, &after).check("").is_ok());
//! assert!(diff(&after, &before).check("").is_err());
//! assert!(diff(&after, &before).check("- **breaking:** orders: `orders_total` is gone").is_ok());
//! # Ok(())
//! # }
//! ```

mod difference;
mod error;
mod json;
mod metric;

use std::collections::BTreeMap;

pub use difference::{Change, Difference, Unannounced, diff};
pub use error::CatalogError;
pub use metric::Metric;

use crate::metrics::Registry;

/// Metrics by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    metrics: BTreeMap<String, Metric>,
}

impl Catalog {
    /// What a registry has definitions of now.
    pub fn of(registry: &Registry) -> Self {
        registry.definitions().iter().map(|(definition, edges)| Metric::new(definition, edges)).collect()
    }

    /// The metric of that name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.get(name)
    }

    /// All of them, sorted by name.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.values()
    }
}

impl FromIterator<Metric> for Catalog {
    fn from_iter<I: IntoIterator<Item = Metric>>(metrics: I) -> Self {
        Self { metrics: metrics.into_iter().map(|metric| (metric.name.clone(), metric)).collect() }
    }
}
