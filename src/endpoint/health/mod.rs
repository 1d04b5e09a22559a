//! `GET /health*`: answers from memory.

mod paths;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::StatusCode;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::request::Parts;

use super::accept::{self, MediaType};
use super::query;
use crate::health::{Answer, Health, View};
pub use paths::HealthPaths;

/// Decides who may see reasons, messages and times on the public routes.
#[derive(Clone)]
pub(crate) struct Authoriser(Arc<dyn Fn(&Parts) -> bool + Send + Sync>);

impl Authoriser {
    pub(crate) fn new(may_see_details: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may_see_details))
    }

    /// Everybody, for the admin routes.
    pub(crate) fn everybody() -> Self {
        Self::new(|_| true)
    }

    /// Nobody, unless the host says otherwise.
    pub(crate) fn nobody() -> Self {
        Self::new(|_| false)
    }
}

impl fmt::Debug for Authoriser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authoriser").finish_non_exhaustive()
    }
}

/// The health routes: statuses for everybody, the rest for those whom `authoriser` lets see it.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    health: &Health,
    paths: &HealthPaths,
    authoriser: &Authoriser,
) -> Router<S> {
    let Some(root) = paths.root() else {
        return Router::new();
    };
    Router::new()
        .route(root, of_all(health, authoriser))
        .route(&paths::live(root), probe(health, Health::live))
        .route(&paths::ready(root), probe(health, Health::ready))
        .route(&paths::startup(root), probe(health, Health::startup))
        .route(&paths::one(root), of_one(health, authoriser))
}

/// GET and HEAD; any other method is a 405.
fn probe<S: Clone + Send + Sync + 'static>(health: &Health, answer: fn(&Health) -> Answer) -> MethodRouter<S> {
    let health = health.clone();
    get(move || std::future::ready(respond(answer(&health))))
}

fn of_all<S: Clone + Send + Sync + 'static>(health: &Health, authoriser: &Authoriser) -> MethodRouter<S> {
    let (health, authoriser) = (health.clone(), authoriser.clone());
    get(move |parts: Parts| {
        let tag = query::values(parts.uri.query().unwrap_or_default(), "tag").into_iter().next();
        let view = view(&parts, &authoriser);
        let view = tag.as_deref().map_or(view, |tag| view.tagged(tag));
        std::future::ready(respond(health.view(view)))
    })
}

fn of_one<S: Clone + Send + Sync + 'static>(health: &Health, authoriser: &Authoriser) -> MethodRouter<S> {
    let (health, authoriser) = (health.clone(), authoriser.clone());
    get(move |Path(check): Path<String>, parts: Parts| {
        let answer = health.check_view(&check, view(&parts, &authoriser));
        std::future::ready(match answer {
            Some(answer) => respond(answer),
            None => (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "no such check\n").into_response(),
        })
    })
}

fn view<'a>(parts: &Parts, authoriser: &Authoriser) -> View<'a> {
    let view = if (authoriser.0)(parts) { View::details() } else { View::statuses() };
    let accepted = parts.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    match accept::preferred(accepted, &[JSON, HEALTH_JSON]) {
        Some(1) => view.ietf(),
        _ => view,
    }
}

const JSON: MediaType = MediaType { kind: "application", subtype: "json", parameters: &[] };
const HEALTH_JSON: MediaType = MediaType { kind: "application", subtype: "health+json", parameters: &[] };

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [(CONTENT_TYPE, answer.content_type), (CACHE_CONTROL, "no-store"), (VARY, "accept")];
    (status, headers, answer.body).into_response()
}
