//! The routes: small handlers that answer from memory.
//!
//! ```text
//! GET /metrics  <- Registry          (admin)
//! GET /health*  <- health snapshot   (public: statuses; admin: reasons and times)
//! ```

mod health;
mod metrics;

pub use health::HealthPaths;
pub(crate) use health::{details, statuses};
pub(crate) use metrics::Scrapes;
