//! Connections: how many are open, how they ended, and a server that can be stopped within a bound.
//!
//! ```text
//! listener -> measured(listener) -> axum::serve            counts; stopping stays axum's business
//!          -> serve(listener, app, options) -> Served      counts, and ends within the grace
//! ```
//!
//! A connection counts as open while its socket lives, also after an upgrade, when no HTTP server knows of it any
//! more. [`serve`] waits for those too.

mod accept;
mod aside;
mod head_wait;
mod instruments;
mod io;
mod listener;
mod options;
mod record;
mod server;
#[cfg(test)]
pub(in crate::http) mod tests;

pub use instruments::ConnectionInstruments;
pub use io::MeasuredIo;
pub use listener::{CountingListener, MeasuredListener, measured};
pub use options::ServerOptions;
pub use server::{Served, serve};

#[cfg(feature = "websocket")]
pub(in crate::http) use record::{Held, Lifeline};
