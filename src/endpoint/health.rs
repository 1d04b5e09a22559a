//! `GET /health*`: answers from memory.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::error::InvalidValue;
use crate::health::{Answer, Health};

/// Where the health routes are: a path, with `live`, `ready`, `startup` and the checks below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthPaths {
    root: Option<String>,
}

impl Default for HealthPaths {
    /// `/health`, as in the guide.
    fn default() -> Self {
        Self { root: Some("/health".to_owned()) }
    }
}

impl HealthPaths {
    /// Health routes at and below `root`.
    ///
    /// # Errors
    /// When `root` is not a path of plain segments, such as `/status` or `/internal/health`.
    pub fn at(root: impl Into<String>) -> Result<Self, InvalidValue> {
        let root = root.into();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let segment = |segment: &str| !segment.is_empty() && segment.bytes().all(plain);
        let segments = root.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if segments {
            Ok(Self { root: Some(root) })
        } else {
            Err(InvalidValue::new("health path", root, "'/' and segments of letters, digits, '-', '_' and '.'"))
        }
    }

    /// No health routes.
    pub fn off() -> Self {
        Self { root: None }
    }

    /// The templates of the public routes, so that nobody measures them.
    pub(crate) fn templates(&self) -> Vec<String> {
        let below = |root: &String| [root.clone(), live(root), ready(root), startup(root)];
        self.root.iter().flat_map(below).collect()
    }
}

fn live(root: &str) -> String {
    format!("{root}/live")
}

fn ready(root: &str) -> String {
    format!("{root}/ready")
}

fn startup(root: &str) -> String {
    format!("{root}/startup")
}

/// The routes that strangers may see: statuses only.
pub(crate) fn statuses<S: Clone + Send + Sync + 'static>(health: &Health, paths: &HealthPaths) -> Router<S> {
    let Some(root) = &paths.root else {
        return Router::new();
    };
    probes(health, root).route(root, answering(health, Health::summary))
}

/// The routes with reasons, messages and times.
pub(crate) fn details<S: Clone + Send + Sync + 'static>(health: &Health, paths: &HealthPaths) -> Router<S> {
    let Some(root) = &paths.root else {
        return Router::new();
    };
    let health_of_one = health.clone();
    let one = get(async move |Path(check): Path<String>| match health_of_one.check_details(&check) {
        Some(answer) => respond(answer),
        None => (StatusCode::NOT_FOUND, [(CACHE_CONTROL, "no-store")], "no such check\n").into_response(),
    });
    probes(health, root).route(root, answering(health, Health::details)).route(&format!("{root}/{{check}}"), one)
}

fn probes<S: Clone + Send + Sync + 'static>(health: &Health, root: &str) -> Router<S> {
    Router::new()
        .route(&live(root), answering(health, Health::live))
        .route(&ready(root), answering(health, Health::ready))
        .route(&startup(root), answering(health, Health::startup))
}

/// GET and HEAD; any other method is a 405.
fn answering<S: Clone + Send + Sync + 'static>(health: &Health, answer: fn(&Health) -> Answer) -> MethodRouter<S> {
    let health = health.clone();
    get(move || std::future::ready(respond(answer(&health))))
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], answer.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::HealthPaths;

    #[test]
    fn roots_are_plain_paths() {
        assert_eq!(HealthPaths::at("/internal/health").unwrap().templates()[1], "/internal/health/live");
        assert!(HealthPaths::off().templates().is_empty());
        for bad in ["", "/", "health", "/health/", "/{x}", "/a b", "//a"] {
            assert!(HealthPaths::at(bad).is_err(), "{bad:?}");
        }
    }
}
