//! `grpc.health.v1.Health`: the checks in the words of gRPC, answered from memory.
//!
//! ```text
//! POST /grpc.health.v1.Health/Check  -> one status
//! POST /grpc.health.v1.Health/List   -> the status of every service
//! POST /grpc.health.v1.Health/Watch  -> the status now, and at each change; ends when the process closes
//! ```

mod call;
mod message;
mod watch;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::sync::Semaphore;

use crate::drain::{Drain, Phase};
use crate::health::{Health, Status};
use call::{Code, Ending};
use message::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, ServingStatus};

/// The path of every method, which nobody measures: watches would be requests that last for days.
pub(crate) const TEMPLATE: &str = "/grpc.health.v1.Health/{method}";

/// The service. Cloning shares it.
#[derive(Clone)]
pub(crate) struct GrpcHealth {
    health: Health,
    drain: Drain,
    /// A permit for each watch that may still begin.
    watches: Arc<Semaphore>,
}

/// Chosen: every client of a large fleet holds one, at about a kilobyte each; a stranger cannot hold more.
const MAX_WATCHES: usize = 1_000;

impl GrpcHealth {
    pub(crate) fn new(health: &Health, drain: &Drain) -> Self {
        Self { health: health.clone(), drain: drain.clone(), watches: Arc::new(Semaphore::new(MAX_WATCHES)) }
    }

    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let service = self.clone();
        let answer = async move |Path(method): Path<String>, request: Request| service.answer(&method, request).await;
        Router::new().route(TEMPLATE, post(answer))
    }

    async fn answer(&self, method: &str, request: Request) -> Response {
        if let Err(status) = call::is_grpc(&request) {
            return status.into_response();
        }
        let answered = match method {
            "Check" => self.check(request.into_body()).await,
            "List" => self.list(request.into_body()).await,
            "Watch" => self.watch(request.into_body()).await,
            _ => Err(Ending { code: Code::Unimplemented, message: "no such method" }),
        };
        answered.unwrap_or_else(Ending::into_response)
    }

    async fn check(&self, body: Body) -> Result<Response, Ending> {
        let request: HealthCheckRequest = call::read(body).await?;
        match self.serving(&request.service) {
            Some(status) => Ok(call::respond(&HealthCheckResponse::of(status))),
            None => Err(Ending { code: Code::NotFound, message: "no such service" }),
        }
    }

    async fn list(&self, body: Body) -> Result<Response, Ending> {
        let HealthListRequest {} = call::read(body).await?;
        let report = self.health.report();
        let names = std::iter::once("").chain(report.checks().iter().map(|check| &*check.name));
        let status = |name: &str| Some((name.to_owned(), HealthCheckResponse::of(self.serving(name)?)));
        Ok(call::respond(&HealthListResponse { statuses: names.filter_map(status).collect() }))
    }

    async fn watch(&self, body: Body) -> Result<Response, Ending> {
        let request: HealthCheckRequest = call::read(body).await?;
        let Ok(permit) = Arc::clone(&self.watches).try_acquire_owned() else {
            return Err(Ending { code: Code::ResourceExhausted, message: "too many watches" });
        };
        Ok(call::respond_with(watch::frames(self.clone(), request.service, permit)))
    }

    /// The status of a service: of readiness for the empty name, else of the check of that name; `None` without one.
    fn serving(&self, service: &str) -> Option<ServingStatus> {
        if service.is_empty() {
            return Some(if self.health.is_ready() { ServingStatus::Serving } else { ServingStatus::NotServing });
        }
        let status = self.health.report().check(service)?.status;
        Some(match status {
            _ if self.drain.phase() >= Phase::Draining => ServingStatus::NotServing,
            Status::Healthy | Status::Degraded => ServingStatus::Serving,
            Status::Unhealthy => ServingStatus::NotServing,
            Status::Unknown => ServingStatus::Unknown,
        })
    }
}
