//! The entrance to queue metrics.

use std::sync::Arc;

use super::instruments::Instruments;
use super::labels::QueueName;
use super::ledger::Flow;
use super::metrics::QueueMetrics;
use super::stored::StoredQueue;
use crate::clock::Clock;
use crate::metrics::{DefinitionError, LabelValue, Meter};
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
    meter: Meter,
    instruments: Arc<Instruments>,
    flows: PerName<Arc<Flow>>,
    queues: PerName<QueueMetrics>,
}

impl Queues {
    /// Registers the queue metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        let instruments = Arc::new(Instruments::register(meter, clock)?);
        let known = Known { meter: meter.clone(), instruments, flows: PerName::new(), queues: PerName::new() };
        Ok(Self(Arc::new(known)))
    }

    /// The handle of the queue, or of all queues, of this name in this process: what is in them is added up.
    pub fn named(&self, name: impl Into<QueueName>) -> QueueMetrics {
        let Known { instruments, flows, queues, .. } = &*self.0;
        let name = name.into().resolve(&instruments.base.diagnostics);
        queues.of(name, |name| QueueMetrics::new(instruments, name, flow_of(flows, instruments, name)))
    }

    /// The handle of a queue that is kept in a store, outside of this process.
    pub fn stored(&self, name: impl Into<QueueName>) -> StoredQueue {
        let Known { meter, instruments, flows, .. } = &*self.0;
        let name = name.into().resolve(&instruments.base.diagnostics);
        StoredQueue::new(meter, instruments, &name, flow_of(flows, instruments, &name))
    }
}

fn flow_of(flows: &PerName<Arc<Flow>>, instruments: &Instruments, name: &LabelValue) -> Arc<Flow> {
    flows.of(name.clone(), |name| Arc::new(Flow::new(instruments, name)))
}
