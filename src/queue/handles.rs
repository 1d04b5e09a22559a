//! The entrance to queue metrics.

use std::sync::Arc;

use super::instruments::Instruments;
use super::labels::QueueName;
use super::metrics::QueueMetrics;
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter};
use crate::work::PerName;

/// Gives the handles of queues. Cloning shares it.
///
/// Resolving a handle takes locks, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aistm7_monitoring::metrics::DefinitionError> {
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use aistm7_monitoring::queue::Queues;
///
/// let registry = Registry::new();
/// let queues = Queues::new(&Meter::new(&registry), Clock::system())?;
/// let (orders, _waiting) = queues.named("orders").channel(100);
/// orders.send("buy").await.expect("somebody receives");
/// assert!(registry.render().contains("queue_depth{queue=\"orders\"} 1\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Queues(Arc<Known>);

#[derive(Debug)]
struct Known {
    instruments: Instruments,
    handles: PerName<QueueMetrics>,
}

impl Queues {
    /// Registers the queue metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        let instruments = Instruments::register(meter, clock)?;
        Ok(Self(Arc::new(Known { instruments, handles: PerName::new() })))
    }

    /// The handle of the queue, or of all queues, of this name in this process: what is in them is added up.
    pub fn named(&self, name: impl Into<QueueName>) -> QueueMetrics {
        let Known { instruments, handles } = &*self.0;
        let name = name.into().resolve(&instruments.base.diagnostics);
        handles.of(name, |name| QueueMetrics::new(instruments, name))
    }
}
