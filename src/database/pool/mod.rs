//! One pool of connections: how full it is, how long requests wait for it, what becomes of its connections.

mod acquire;
mod live;
mod measured;
mod metrics;
mod stats;

pub use acquire::{Acquire, AcquireOutcome};
pub use live::Openings;
pub use measured::MeasuredPool;
pub use metrics::PoolMetrics;
pub use stats::{PoolCounts, PoolStats};
