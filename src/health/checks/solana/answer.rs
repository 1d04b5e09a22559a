//! The JSON-RPC batch and what its answers mean.

use http::StatusCode;
use serde_json::{Value, json};

use crate::health::CheckFailure;
use crate::health::checks::asking::INVALID_RESPONSE;

const HEALTH_ID: u64 = 1;
const SLOT_ID: u64 = 2;

/// The code with which a node says that it is behind or unhealthy.
const NODE_UNHEALTHY: i64 = -32005;

/// The codes with which providers say, inside JSON-RPC, what HTTP says with 429.
const TOO_MANY_REQUESTS: [i64; 2] = [429, -32429];

/// What an answer that is no failure says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Healthy by its own word, at this slot.
    AtSlot(u64),
    /// Asked too often.
    RateLimited,
}

/// A batch, because some load balancers answer a single `getHealth` for the whole pool.
pub(super) fn request() -> String {
    json!([
        {"jsonrpc": "2.0", "id": HEALTH_ID, "method": "getHealth"},
        {"jsonrpc": "2.0", "id": SLOT_ID, "method": "getSlot", "params": [{"commitment": "processed"}]},
    ])
    .to_string()
}

/// Judges the answer to [`request`]. Texts of the answer are never copied: they may repeat a key.
pub(super) fn verdict(status: StatusCode, body: &[u8]) -> Result<Verdict, CheckFailure> {
    let failed = |reason, message: String| Err(CheckFailure::new(reason, message));
    match status {
        StatusCode::TOO_MANY_REQUESTS => return Ok(Verdict::RateLimited),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            return failed("forbidden", format!("the node refuses us (HTTP {})", status.as_u16()));
        }
        StatusCode::OK => {}
        _ => return failed("rpc_error", format!("HTTP {}", status.as_u16())),
    }
    let answer: Value =
        serde_json::from_slice(body).map_err(|_| CheckFailure::new(INVALID_RESPONSE, "the answer is no JSON"))?;
    // Errors of the whole batch come as one object.
    if let Some(code) = error_code(&answer) {
        return of_error(code, &answer);
    }
    let (Some(health), Some(slot)) = (answer_with_id(&answer, HEALTH_ID), answer_with_id(&answer, SLOT_ID)) else {
        return failed(INVALID_RESPONSE, "the batch has no answer to each of its requests".to_owned());
    };
    for answer in [health, slot] {
        if let Some(code) = error_code(answer) {
            return of_error(code, answer);
        }
    }
    match (health["result"].as_str(), slot["result"].as_u64()) {
        (Some("ok"), Some(slot)) => Ok(Verdict::AtSlot(slot)),
        _ => failed(INVALID_RESPONSE, "getHealth is not ok, or getSlot is no slot".to_owned()),
    }
}

fn error_code(answer: &Value) -> Option<i64> {
    answer.get("error")?.get("code")?.as_i64()
}

fn of_error(code: i64, answer: &Value) -> Result<Verdict, CheckFailure> {
    if TOO_MANY_REQUESTS.contains(&code) {
        return Ok(Verdict::RateLimited);
    }
    if code != NODE_UNHEALTHY {
        return Err(CheckFailure::new("rpc_error", format!("the node answers with error {code}")));
    }
    let message = match answer["error"]["data"]["numSlotsBehind"].as_u64() {
        Some(slots) => format!("the node is {slots} slots behind the cluster"),
        None => "the node is not healthy and does not know how far it is behind".to_owned(),
    };
    Err(CheckFailure::new("behind", message))
}

/// A batch may be answered in any order.
fn answer_with_id(batch: &Value, id: u64) -> Option<&Value> {
    batch.as_array()?.iter().find(|answer| answer["id"].as_u64() == Some(id))
}
