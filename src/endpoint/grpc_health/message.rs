//! The messages of the service, as the proto file of gRPC defines them.

use std::collections::BTreeMap;

use prost::{Enumeration, Message};

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct HealthCheckRequest {
    /// Empty for the server as a whole.
    #[prost(string, tag = "1")]
    pub(super) service: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct HealthListRequest {}

#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct HealthListResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) statuses: BTreeMap<String, HealthCheckResponse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(super) enum ServingStatus {
    /// Nothing is known yet, or any more.
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    /// There is no such service; for watches only.
    ServiceUnknown = 3,
}

impl HealthCheckResponse {
    pub(super) fn of(status: ServingStatus) -> Self {
        Self { status: status.into() }
    }
}
