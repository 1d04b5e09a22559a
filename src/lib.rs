#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[cfg(doc)]
#[doc = include_str!("docs/alerts.md")]
pub mod alerts_reference {}
#[cfg(doc)]
#[doc = include_str!("docs/architecture.md")]
pub mod architecture {}
#[cfg(doc)]
#[doc = include_str!("docs/health.md")]
pub mod health_reference {}
#[cfg(doc)]
#[doc = include_str!("docs/logs.md")]
pub mod logs_reference {}
#[cfg(doc)]
#[doc = include_str!("docs/metrics.md")]
pub mod metrics_reference {}

// Ring 0: what everything else may use.
pub mod clock;
pub mod diagnostics;
pub mod drain;
pub mod error;
mod fence;
pub mod global;
mod percent;
pub mod redact;
#[cfg(any(feature = "alert", feature = "health"))]
mod severity;
mod sync;
pub mod trace;
#[cfg(any(feature = "alert", feature = "maintenance"))]
mod weekday;

// Ring 1: the substrate of every number.
pub mod metrics;

// Ring 2: ways to the outside that slices share.
#[cfg(feature = "health")]
pub mod store;
#[cfg(any(
    feature = "http-check",
    feature = "ibkr",
    feature = "notify",
    feature = "otlp",
    feature = "pushgateway",
    feature = "solana",
    feature = "tls-check"
))]
#[cfg_attr(not(feature = "full"), allow(dead_code, unused_imports, reason = "each feature uses a part of it"))]
mod transport;
#[cfg(any(feature = "business", feature = "cache", feature = "database", feature = "queue"))]
#[cfg_attr(
    not(feature = "full"),
    allow(
        dead_code,
        unnameable_types,
        unreachable_pub,
        unused_imports,
        unused_macros,
        reason = "each slice uses a part of it"
    )
)]
mod work;

// Ring 3: slices, one for each thing a service is watched by. They do not know each other.
#[cfg(feature = "business")]
pub mod business;
#[cfg(feature = "cache")]
pub mod cache;
#[cfg(feature = "database")]
pub mod database;
#[cfg(feature = "health")]
pub mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "queue")]
pub mod queue;
#[cfg(feature = "resource")]
pub mod resource;

// Ring 4: what there is to be told.
pub mod catalog;

// Ring 5: when a person is told.
#[cfg(feature = "alert")]
pub mod alert;

// Ring 6: ways out, asked for and not.
#[cfg(feature = "axum")]
pub mod endpoint;
#[cfg(any(feature = "alert", feature = "log"))]
pub mod ops;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "push")]
pub mod push;

// Ring 7: the paved path.
pub mod monitoring;

pub use monitoring::Monitoring;
