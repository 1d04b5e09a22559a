//! Checks of what answers over HTTP: any endpoint, and the health of another service.

mod endpoint;
mod service;
#[cfg(test)]
mod tests;

pub use endpoint::HttpCheck;
pub use service::ServiceCheck;
