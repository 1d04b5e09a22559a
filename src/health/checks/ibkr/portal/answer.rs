//! What the gateway's answers mean. Texts of an answer are never copied: they carry session and account identifiers.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::IbkrAccount;
use crate::health::checks::asking::INVALID_RESPONSE;
use crate::health::{CheckFailure, CheckReport};
use crate::transport::HttpAnswer;

/// Why a session cannot be said to trade.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is none, which may be for want of a login.
    Login(CheckFailure),
    Failed(CheckFailure),
    /// The gateway may not be asked.
    RateLimited(CheckReport),
}

/// A session that can trade.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) login_left: Option<Duration>,
}

/// What a gateway knows of who logged in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) state: LoginState,
    pub(super) account: Option<IbkrAccount>,
    pub(super) left: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LoginState {
    Valid,
    Ended,
    /// Nobody has logged in.
    Nobody,
    #[default]
    Unclear,
}

impl From<CheckFailure> for Trouble {
    fn from(failure: CheckFailure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) fn of_tickle(answer: &HttpAnswer) -> Result<Session, Trouble> {
    let body = body(answer)?;
    let session = &body["iserver"]["authStatus"];
    if session.is_null() {
        return Err(Trouble::Login(not_authenticated("the gateway knows no brokerage session")));
    }
    // The gateway spells it so.
    judge(session, body["collission"].as_bool() == Some(true))?;
    Ok(Session { login_left: milliseconds(&body["ssoExpires"]) })
}

pub(super) fn of_auth_status(answer: &HttpAnswer) -> Result<Session, Trouble> {
    judge(&body(answer)?, false)?;
    Ok(Session { login_left: None })
}

pub(super) fn of_sso_validate(answer: &HttpAnswer) -> Login {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let state = match (answer.status, body["RESULT"].as_bool()) {
        (StatusCode::UNAUTHORIZED, _) => LoginState::Nobody,
        (StatusCode::OK, Some(true)) => LoginState::Valid,
        (StatusCode::OK, Some(false)) => LoginState::Ended,
        _ => LoginState::Unclear,
    };
    let account = match body["LOGIN_TYPE"].as_u64() {
        Some(1) => Some(IbkrAccount::Live),
        Some(2) => Some(IbkrAccount::Paper),
        _ => None,
    };
    match state {
        LoginState::Valid => Login { state, account, left: milliseconds(&body["EXPIRES"]) },
        _ => Login { state, account: None, left: None },
    }
}

pub(super) fn no_session() -> CheckFailure {
    CheckFailure::new("no_session", "nobody is logged in to the gateway")
}

fn not_authenticated(message: &str) -> CheckFailure {
    CheckFailure::new("not_authenticated", message)
}

/// The JSON object of a good answer.
fn body(answer: &HttpAnswer) -> Result<Value, Trouble> {
    let failed = |reason, message: &str| Err(CheckFailure::new(reason, message).into());
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(Trouble::Login(no_session())),
        StatusCode::FORBIDDEN => return failed("forbidden", "access is denied at the edge (HTTP 403)"),
        status if status.is_server_error() => {
            let message = format!("the servers are restarting or failing (HTTP {})", status.as_u16());
            return failed("ibkr_restarting", &message);
        }
        status => {
            let message = format!("HTTP {}; does the URL end in /v1/api?", status.as_u16());
            return failed(INVALID_RESPONSE, &message);
        }
    }
    let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(&answer.body) else {
        return failed(INVALID_RESPONSE, "the answer is no JSON object");
    };
    if body["error"].as_str().is_some_and(|error| error.eq_ignore_ascii_case("no session")) {
        return Err(Trouble::Login(no_session()));
    }
    Ok(body)
}

fn judge(session: &Value, collides: bool) -> Result<(), Trouble> {
    let failed = |reason, message| Err(CheckFailure::new(reason, message).into());
    let [Some(authenticated), Some(connected)] = ["authenticated", "connected"].map(|flag| session[flag].as_bool())
    else {
        return failed(INVALID_RESPONSE, "the answer does not say whether the session is authenticated and connected");
    };
    if !connected {
        return failed("backend_disconnected", "the gateway has lost its connection to Interactive Brokers");
    }
    if collides || session["competing"].as_bool() == Some(true) {
        return failed("competing_session", "another login has taken the brokerage session");
    }
    if !authenticated {
        return Err(Trouble::Login(not_authenticated("logged in, but without a brokerage session")));
    }
    Ok(())
}

fn milliseconds(value: &Value) -> Option<Duration> {
    value.as_u64().map(Duration::from_millis)
}
