//! A client that is told of changes for as long as it listens.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::GrpcHealth;
use super::call::{Code, Ending, framed};
use super::message::{HealthCheckResponse, ServingStatus};
use crate::drain::Phase;
use crate::health::HealthReport;

/// The status of `service` now and whenever it changes, until the process closes. A client that reads slowly gets the
/// latest status, not every one.
pub(super) fn frames(
    grpc: GrpcHealth,
    service: String,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Frame<Bytes>> + Send + 'static {
    let reports = grpc.health.changes();
    let watch = Watch { grpc, service, reports, said: None, _permit: permit };
    stream::unfold(Some(watch), async |watch| {
        let mut watch = watch?;
        Some(match watch.next_status().await {
            Some(status) => (framed(&HealthCheckResponse::of(status)), Some(watch)),
            None => (CLOSING.trailers(), None),
        })
    })
}

/// So that clients try elsewhere, or here again later.
const CLOSING: Ending = Ending { code: Code::Unavailable, message: "the process is closing" };

struct Watch {
    grpc: GrpcHealth,
    service: String,
    reports: watch::Receiver<Arc<HealthReport>>,
    said: Option<ServingStatus>,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    /// Waits for a status that is not the one that was said last; `None` once the process closes and all is said.
    async fn next_status(&mut self) -> Option<ServingStatus> {
        loop {
            let phase = self.grpc.drain.phase();
            let status = self.grpc.serving(&self.service).unwrap_or(ServingStatus::ServiceUnknown);
            if self.said.replace(status) != Some(status) {
                return Some(status);
            }
            let next_phase = match phase {
                Phase::Serving => Phase::Draining,
                Phase::Draining => Phase::Closing,
                Phase::Closing | Phase::Closed => return None,
            };
            tokio::select! {
                // The sender is in the health that is held here.
                _ = self.reports.changed() => {}
                () = self.grpc.drain.reached(next_phase) => {}
            }
        }
    }
}
