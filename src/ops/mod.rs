//! What operators feed to the systems around a service.

#[cfg(feature = "alert")]
pub mod alertmanager;
#[cfg(feature = "alert")]
mod bundle;
#[cfg(feature = "alert")]
pub mod cloudwatch;
#[cfg(feature = "alert")]
pub mod prometheus;
#[cfg(feature = "log")]
pub mod shipping;
#[cfg(feature = "alert")]
mod yaml;

#[cfg(feature = "alert")]
pub use bundle::{Bundle, BundleError, BundleOptions};
