//! What operators feed to the systems around a service.

pub mod shipping;
