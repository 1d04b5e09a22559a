//! From alerts to destinations.
//!
//! ```text
//! offer -> routes -> for each destination: Channel (newest state of each alert, what the destination knows) -> thread
//!                                             ^ windows, causes, silences, maintenance, repeats, pauses                               |
//!                                             '-- outcome -------- Notifier <- spool: it may know ---------------'
//! ```

mod agenda;
mod builder;
mod carried;
mod causes;
mod channel;
mod error;
mod group;
mod handle;
mod instruments;
mod keeping;
mod lane;
mod maintenance;
mod memory;
mod mutes;
mod rate;
mod route;
mod silence;
mod speaker;
#[cfg(test)]
mod tests;
mod timing;

pub use builder::{DEFAULT_CAPACITY, DEFAULT_SPOOL_BYTES, DeliveryBuilder, Replicas};
pub use error::DeliveryError;
pub use handle::Delivery;
pub use route::Route;
pub use silence::Silence;
