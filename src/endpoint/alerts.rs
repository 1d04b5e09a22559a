//! `GET /alerts`: how the rules that are evaluated in the process stand, from memory.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::alert::evaluate::Evaluating;

/// The route. It is there before the rules are, and a 404 until then.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(evaluating: &Arc<OnceLock<Evaluating>>) -> Router<S> {
    let evaluating = Arc::downgrade(evaluating);
    Router::new().route(
        "/alerts",
        get(move || {
            let report = evaluating.upgrade().and_then(|evaluating| Some(evaluating.get()?.report().to_json()));
            std::future::ready(answer(report))
        }),
    )
}

fn answer(report: Option<String>) -> Response {
    let no_store = (CACHE_CONTROL, "no-store");
    match report {
        Some(report) => ([(CONTENT_TYPE, "application/json"), no_store], report).into_response(),
        None => (StatusCode::NOT_FOUND, [no_store], "no rules are evaluated in this process\n").into_response(),
    }
}
