//! The routes: small handlers that answer from memory.
//!
//! ```text
//! GET /metrics  <- Registry          (admin)
//! GET /health*  <- health snapshot   (public: statuses; admin: reasons and times)
//! GET /alerts   <- report of the last evaluation (admin)
//! GET|PUT /log/levels, GET /log/summary <- levels and counts of the log (admin, with a token, if asked for)
//! grpc.health.v1.Health <- the same  (statuses)
//! ```

mod accept;
#[cfg(feature = "alert")]
mod alerts;
#[cfg(feature = "grpc-health")]
mod grpc_health;
mod health;
#[cfg(feature = "log")]
mod log;
mod metrics;
mod query;

#[cfg(feature = "alert")]
pub(crate) use alerts::routes as alert_routes;
#[cfg(feature = "grpc-health")]
pub(crate) use grpc_health::{GrpcHealth, TEMPLATE as GRPC_HEALTH_TEMPLATE};
pub use health::HealthPaths;
pub(crate) use health::{Authoriser, routes as health_routes};
#[cfg(feature = "log")]
pub(crate) use log::{Bearer, LogControl};
pub(crate) use metrics::Scrapes;
