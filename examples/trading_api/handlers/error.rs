//! The answers to requests that cannot be served.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::domain::{InvalidPortfolioId, InvalidWallet};
use crate::store::StoreError;

/// Why a request has no answer: a status, a word for programs and a sentence for people.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// The request makes no sense; whatever it said is not repeated.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("no such {what}"))
    }

    /// The request is fine, what it asks for cannot be done for this user yet.
    pub(crate) fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// We cannot answer, and trying again will not help before somebody has acted.
    pub(crate) fn internal(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, message)
    }

    /// The store gave no answer. Why goes to the log, not to the client.
    pub(crate) fn store(error: StoreError) -> Self {
        tracing::error!(error = &error as &dyn std::error::Error, "Failed to read from the store");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again later")
    }

    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, Json(body)).into_response()
    }
}

impl From<InvalidPortfolioId> for ApiError {
    fn from(error: InvalidPortfolioId) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<InvalidWallet> for ApiError {
    fn from(error: InvalidWallet) -> Self {
        Self::bad_request(error.to_string())
    }
}
