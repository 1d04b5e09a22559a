//! Where slices register their definitions.

#[cfg(feature = "business")]
use std::sync::Arc;

use super::collect::{self, Collected, Collector, CollectorError, CollectorOptions, Reading};
use super::counter::Counter;
use super::definition::{Definition, DefinitionError, check_edges};
use super::family::{Family, Handle};
use super::family_core::Source;
use super::gauge::Gauge;
use super::histogram::Histogram;
use super::registry::{Directory, Registry};
use crate::diagnostics::Diagnostics;

/// Registers definitions and gives their families. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Meter(Registry);

impl Meter {
    /// A meter that writes into `registry`.
    pub fn new(registry: &Registry) -> Self {
        Self(registry.clone())
    }

    /// Registers a counter.
    ///
    /// # Errors
    /// When the definition breaks a rule, is of another kind, or clashes with a registered one.
    pub fn counter<const N: usize>(&self, definition: &Definition) -> Result<Family<Counter, N>, DefinitionError> {
        self.family(definition, definition.edges)
    }

    /// Registers a gauge.
    ///
    /// # Errors
    /// As [`Meter::counter`].
    pub fn gauge<const N: usize>(&self, definition: &Definition) -> Result<Family<Gauge, N>, DefinitionError> {
        self.family(definition, definition.edges)
    }

    /// Registers a histogram.
    ///
    /// # Errors
    /// As [`Meter::counter`].
    pub fn histogram<const N: usize>(&self, definition: &Definition) -> Result<Family<Histogram, N>, DefinitionError> {
        self.family(definition, definition.edges)
    }

    /// Registers a histogram with further edges, such as those of declared objectives. They hold for the whole family.
    ///
    /// # Errors
    /// As [`Meter::counter`]; also when an edge is not finite, or when a recorder of the host's has the buckets.
    pub fn histogram_with<const N: usize>(
        &self,
        definition: &Definition,
        further_edges: &[f64],
    ) -> Result<Family<Histogram, N>, DefinitionError> {
        if !self.0.keeps_numbers() {
            return Err(DefinitionError::HostBuckets { metric: definition.name.to_owned() });
        }
        let mut edges = [definition.edges, further_edges].concat();
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        check_edges(&edges).map_err(|rule| DefinitionError::Invalid { metric: definition.name.to_owned(), rule })?;
        self.family(definition, &edges)
    }

    /// Registers a metric whose series collectors give: `f64` values for a gauge, `u64` for a counter,
    /// [`Duration`](std::time::Duration) for a counter of seconds.
    ///
    /// # Errors
    /// As [`Meter::counter`]; also when the definition is that of a histogram.
    pub fn collected<V: Reading, const N: usize>(
        &self,
        definition: &Definition,
    ) -> Result<Collected<V, N>, DefinitionError> {
        definition.check(N)?;
        collect::check::<V>(definition)?;
        let core = self.0.register(definition, &[], Source::Collectors)?;
        Ok(Collected::new(core, definition))
    }

    /// Registers a gauge of which each series is either set by a handle or given by collectors. A label set that both
    /// have is the handle's, and the collector's is counted as `duplicate_series`.
    #[cfg(feature = "business")]
    pub(crate) fn gauge_or_collected<const N: usize>(
        &self,
        definition: &Definition,
    ) -> Result<(Family<Gauge, N>, Collected<f64, N>), DefinitionError> {
        definition.check(N)?;
        collect::check::<f64>(definition)?;
        let core = self.0.register(definition, &[], Source::Either)?;
        Ok((Family::new(Arc::clone(&core), definition), Collected::new(core, definition)))
    }

    /// Registers a collector with the default [`CollectorOptions`]; see [`Collector`].
    ///
    /// # Errors
    /// As [`Meter::collector_with`].
    pub fn collector(&self, name: &str, collector: impl Collector) -> Result<(), CollectorError> {
        self.collector_with(name, collector, CollectorOptions::new())
    }

    /// Registers a collector. It runs when [`Registry::collect`] is called and it is due; it is dropped with the
    /// registry, or, if it runs then, when that run has ended.
    ///
    /// # Errors
    /// When the name breaks a rule or is taken, when the values would not stay until the next run, or when the numbers
    /// go to a recorder of the host's.
    pub fn collector_with(
        &self,
        name: &str,
        collector: impl Collector,
        options: CollectorOptions,
    ) -> Result<(), CollectorError> {
        if !self.0.keeps_numbers() {
            return Err(CollectorError::NeverRuns { name: name.to_owned() });
        }
        self.0.0.collectors.add(self, name, collector, options)
    }

    /// Where to find families by their names.
    pub(super) fn directory(&self) -> Directory {
        self.0.directory()
    }

    /// Where problems of recording are counted.
    pub fn diagnostics(&self) -> &Diagnostics {
        self.0.diagnostics()
    }

    fn family<H: Handle, const N: usize>(
        &self,
        definition: &Definition,
        edges: &[f64],
    ) -> Result<Family<H, N>, DefinitionError> {
        definition.check(N)?;
        if definition.kind != H::KIND {
            return Err(DefinitionError::WrongKind {
                metric: definition.name.to_owned(),
                defined: definition.kind,
                asked: H::KIND,
            });
        }
        Ok(Family::new(self.0.register(definition, edges, Source::Handles)?, definition))
    }
}
