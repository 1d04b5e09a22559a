//! The routes: small handlers that answer from memory.
//!
//! ```text
//! GET /metrics  <- Registry          (admin)
//! GET /health*  <- health snapshot   (public: statuses; admin: reasons and times)
//! ```

mod accept;
mod health;
mod metrics;
mod query;

pub use health::HealthPaths;
pub(crate) use health::{Authoriser, routes as health_routes};
pub(crate) use metrics::Scrapes;
