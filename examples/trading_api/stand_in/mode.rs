//! How a stand-in is told to fail.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CONTROL_PATH;
use crate::clock::unix_millis;

/// The ways in which a stand-in can behave.
pub(super) trait Mode: Copy + Serialize + DeserializeOwned + Send + Sync + 'static {
    const ALL: &'static [Self];
    /// How it starts.
    const OK: Self;
}

/// The present mode, shared by a stand-in's handlers.
#[derive(Debug)]
pub(super) struct Switch<M>(Arc<RwLock<Setting<M>>>);

/// A mode, and since when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<M> {
    pub(super) mode: M,
    pub(super) since_ms: u64,
}

impl<M> Clone for Switch<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Mode> Switch<M> {
    pub(super) fn new() -> Self {
        Self(Arc::new(RwLock::new(Setting { mode: M::OK, since_ms: unix_millis() })))
    }

    /// OK to ignore poison here and below: a setting is replaced as a whole.
    pub(super) fn setting(&self) -> Setting<M> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, mode: M) {
        let setting = Setting { mode, since_ms: unix_millis() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = setting;
    }

    /// `GET` shows the mode, `POST {"mode":"…"}` sets it.
    pub(super) fn control(&self) -> Router {
        Router::new().route(CONTROL_PATH, get(show::<M>).post(change::<M>)).with_state(self.clone())
    }
}

#[derive(Deserialize)]
struct Change<M> {
    mode: M,
}

async fn show<M: Mode>(State(switch): State<Switch<M>>) -> Json<Value> {
    Json(json!({"mode": switch.setting().mode, "modes": M::ALL}))
}

/// Takes the text itself, so that `curl -d` works without naming a content type.
async fn change<M: Mode>(State(switch): State<Switch<M>>, body: String) -> (StatusCode, Json<Value>) {
    match serde_json::from_str::<Change<M>>(&body) {
        Ok(change) => {
            switch.set(change.mode);
            (StatusCode::OK, Json(json!({"mode": change.mode})))
        }
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": error.to_string(), "modes": M::ALL}))),
    }
}
