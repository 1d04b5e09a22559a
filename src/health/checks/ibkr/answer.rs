//! What the gateway's answers mean.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use crate::health::checks::asking::INVALID_RESPONSE;
use crate::health::{CheckFailure, CheckReport};

/// A healthy session is extended by each tickle and shows some minutes, so only less than a pause between two tickles
/// and one that failed says that it ends.
const EXPIRES_SOON: Duration = Duration::from_secs(60);

/// Judges the answer to a tickle. Texts of the answer are never copied: they carry session and account identifiers.
pub(super) fn verdict(status: StatusCode, body: &[u8]) -> Result<CheckReport, CheckFailure> {
    let failed = |reason, message: &str| Err(CheckFailure::new(reason, message));
    match status {
        StatusCode::OK => judge(&parse(body)?),
        StatusCode::UNAUTHORIZED => failed("no_session", "nobody is logged in to the gateway (HTTP 401)"),
        StatusCode::FORBIDDEN => failed("forbidden", "access is denied at the edge (HTTP 403)"),
        _ if status.is_server_error() => {
            failed("ibkr_restarting", &format!("the servers are restarting or failing (HTTP {})", status.as_u16()))
        }
        _ => failed(INVALID_RESPONSE, &format!("HTTP {}; does the URL end in /v1/api?", status.as_u16())),
    }
}

fn parse(body: &[u8]) -> Result<Value, CheckFailure> {
    match serde_json::from_slice(body) {
        Ok(answer @ Value::Object(_)) => Ok(answer),
        _ => Err(CheckFailure::new(INVALID_RESPONSE, "the answer is no JSON object")),
    }
}

fn judge(answer: &Value) -> Result<CheckReport, CheckFailure> {
    let failed = |reason, message| Err(CheckFailure::new(reason, message));
    if answer["error"].as_str().is_some_and(|error| error.eq_ignore_ascii_case("no session")) {
        return failed("no_session", "nobody is logged in to the gateway");
    }
    let session = &answer["iserver"]["authStatus"];
    if session.is_null() {
        return failed("not_authenticated", "the gateway knows no brokerage session");
    }
    let [Some(authenticated), Some(connected)] = ["authenticated", "connected"].map(|flag| session[flag].as_bool())
    else {
        return failed(INVALID_RESPONSE, "the answer does not say whether the session is authenticated and connected");
    };
    let competing = session["competing"].as_bool() == Some(true) || answer["collission"].as_bool() == Some(true);
    if !connected {
        return failed("backend_disconnected", "the gateway has lost its connection to Interactive Brokers");
    }
    if competing {
        return failed("competing_session", "another login has taken the brokerage session");
    }
    if !authenticated {
        return failed("not_authenticated", "logged in, but without a brokerage session");
    }
    let Some(left) = answer["ssoExpires"].as_u64().map(Duration::from_millis) else {
        return Ok(CheckReport::healthy());
    };
    let report = if left < EXPIRES_SOON {
        CheckReport::degraded("session_expiring", "the login ends within a minute")
    } else {
        CheckReport::healthy()
    };
    Ok(report.with_data("login_left_seconds", left))
}
