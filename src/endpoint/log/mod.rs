//! `GET|PUT /log/levels` and `GET /log/summary`: what the log writes and wrote, for whoever has the token.

mod bearer;
mod change;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use serde_json::{Value, json};

use crate::log::{CurrentLevels, Levels, LevelsError, Log, Summary};
pub(crate) use bearer::Bearer;
use change::{Change, Refusal};

/// What the routes show and change. It keeps no log alive.
#[derive(Clone)]
pub(crate) struct LogControl(Arc<Controlled>);

struct Controlled {
    levels: Levels,
    summarise: Box<dyn Fn() -> Summary + Send + Sync>,
    bearer: Bearer,
}

/// Chosen: some hundred directives, which no person writes.
const BODY_BYTES: usize = 4 * 1024;

/// How long a body may take. Chosen: a terminal on a slow line sends 4 KiB sooner.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

impl LogControl {
    pub(crate) fn new(log: &Log, bearer: Bearer) -> Self {
        Self(Arc::new(Controlled { levels: log.levels().clone(), summarise: Box::new(log.summariser()), bearer }))
    }

    /// The routes. Whoever asks without the token learns nothing but that one is needed.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/log/levels", get(show_levels).put(change_levels).fallback(refuse_method))
            .route("/log/summary", get(show_summary))
            .route_layer(middleware::from_fn_with_state(self.clone(), authorise))
            .with_state(self.clone())
    }
}

/// Before anything of the request is looked at or its body is read.
async fn authorise(State(control): State<LogControl>, request: Request, next: Next) -> Response {
    if control.0.bearer.is_carried_by(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer"), (CACHE_CONTROL, "no-store")]).into_response()
    }
}

async fn refuse_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET,HEAD,PUT")]).into_response()
}

async fn show_levels(State(control): State<LogControl>) -> Response {
    answer(StatusCode::OK, &shown(&control.0.levels.current()))
}

async fn show_summary(State(control): State<LogControl>) -> Response {
    answer(StatusCode::OK, &(control.0.summarise)())
}

async fn change_levels(State(control): State<LogControl>, request: Request) -> Response {
    let changed = async {
        let body = read(request.into_body()).await?;
        let Change { directives, lasting } = Change::parse(&body)?;
        match lasting {
            Some(time) => control.0.levels.set_for(directives, time)?,
            None => control.0.levels.set(directives),
        }
        Ok(control.0.levels.current())
    };
    match changed.await {
        Ok(current) => answer(StatusCode::OK, &shown(&current)),
        Err(refusal) => refuse(&refusal),
    }
}

async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let whole = tokio::time::timeout(BODY_PATIENCE, Limited::new(body, BODY_BYTES).collect());
    match whole.await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge { most: BODY_BYTES }),
        Ok(Err(_)) => Err(Refusal::BodyFailed),
        Err(_) => Err(Refusal::TooSlow { patience: BODY_PATIENCE }),
    }
}

fn shown(current: &CurrentLevels) -> Value {
    json!({
        "directives": current.directives.to_string(),
        "permanent": current.permanent.to_string(),
        "reverts_in_seconds": current.reverts_in.map(|left| left.as_secs()),
    })
}

fn refuse(refusal: &Refusal) -> Response {
    answer(refusal.status(), &json!({ "error": { "code": refusal.code(), "message": refusal.to_string() } }))
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, json!(body).to_string()).into_response()
}

impl From<LevelsError> for Refusal {
    fn from(error: LevelsError) -> Self {
        match error {
            LevelsError::Invalid(refused) => Self::Seconds(refused),
            other => Self::NotChanged(other),
        }
    }
}
