//! The JSON-RPC request and what its answers mean.

use http::StatusCode;
use serde_json::{Value, json};

use super::cluster::SolanaCluster;
use crate::health::CheckFailure;
use crate::health::checks::asking::INVALID_RESPONSE;

const HEALTH_ID: u64 = 1;
const SLOT_ID: u64 = 2;
const BLOCK_TIME_ID: u64 = 3;
const GENESIS_ID: u64 = 4;

/// The code with which a node says that it is behind or unhealthy.
const NODE_UNHEALTHY: i64 = -32005;

/// The codes with which providers say, inside JSON-RPC, what HTTP says with 429.
const TOO_MANY_REQUESTS: [i64; 2] = [429, -32429];

/// What is asked in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Questions {
    /// `getSlot` alone.
    Slot,
    /// A batch, because some load balancers answer a single `getHealth` for the whole pool.
    Batch {
        /// When the block of this slot was made.
        block_time_of: Option<u64>,
        genesis: Genesis,
    },
}

/// Whether the hash of the genesis block is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Genesis {
    Asked,
    NotAsked,
}

/// What a node says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) slot: u64,
    /// Seconds since 1970; `None` also for a slot without a block.
    pub(super) block_time: Option<i64>,
    /// `None` if not asked.
    pub(super) cluster: Option<SolanaCluster>,
}

impl Questions {
    /// The body of the request.
    pub(super) fn body(self) -> String {
        let slot = call(SLOT_ID, "getSlot", json!([{"commitment": "processed"}]));
        let Self::Batch { block_time_of, genesis } = self else {
            return slot.to_string();
        };
        let mut calls = vec![call(HEALTH_ID, "getHealth", json!([])), slot];
        calls.extend(block_time_of.map(|slot| call(BLOCK_TIME_ID, "getBlockTime", json!([slot]))));
        if genesis == Genesis::Asked {
            calls.push(call(GENESIS_ID, "getGenesisHash", json!([])));
        }
        Value::Array(calls).to_string()
    }

    /// Reads the answer. Its texts are never copied: they may repeat a key.
    pub(super) fn read(self, status: StatusCode, body: &[u8]) -> Result<Present, NoAnswer> {
        if status != StatusCode::OK {
            return Err(refused(status));
        }
        let answer = &json_of(body)?;
        // Errors of a whole batch come as one object.
        result(answer)?;
        let Self::Batch { block_time_of, genesis } = self else {
            return Ok(Present { slot: slot_of(answer)?, block_time: None, cluster: None });
        };
        if result(answer_with_id(answer, HEALTH_ID)?)? != "ok" {
            return Err(NoAnswer::invalid("getHealth is not ok"));
        }
        let slot = slot_of(answer_with_id(answer, SLOT_ID)?)?;
        let block_time = if block_time_of.is_some() { block_time(answer)? } else { None };
        let cluster = match genesis {
            Genesis::NotAsked => None,
            Genesis::Asked => Some(cluster_of(answer_with_id(answer, GENESIS_ID)?)?),
        };
        Ok(Present { slot, block_time, cluster })
    }
}

/// What a status other than the expected one means.
pub(super) fn refused(status: StatusCode) -> NoAnswer {
    let code = status.as_u16();
    match status {
        StatusCode::TOO_MANY_REQUESTS => NoAnswer::RateLimited,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            NoAnswer::failed("forbidden", &format!("the node refuses us (HTTP {code})"))
        }
        _ => NoAnswer::failed("rpc_error", &format!("HTTP {code}")),
    }
}

fn call(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// Why an answer does not say what was asked.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// Asked too often.
    RateLimited,
    Failed(CheckFailure),
}

impl NoAnswer {
    fn failed(reason: &'static str, message: &str) -> Self {
        Self::Failed(CheckFailure::new(reason, message))
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::failed(INVALID_RESPONSE, message)
    }
}

pub(super) fn json_of(body: &[u8]) -> Result<Value, NoAnswer> {
    serde_json::from_slice(body).map_err(|_| NoAnswer::invalid("the answer is no JSON"))
}

/// The result of one call; null where there is none.
pub(super) fn result(answer: &Value) -> Result<&Value, NoAnswer> {
    let Some(code) = answer["error"]["code"].as_i64() else {
        return Ok(&answer["result"]);
    };
    if TOO_MANY_REQUESTS.contains(&code) {
        return Err(NoAnswer::RateLimited);
    }
    if code != NODE_UNHEALTHY {
        return Err(NoAnswer::failed("rpc_error", &format!("the node answers with error {code}")));
    }
    let message = match answer["error"]["data"]["numSlotsBehind"].as_u64() {
        Some(slots) => format!("the node is {slots} slots behind the cluster"),
        None => "the node is not healthy and does not know how far it is behind".to_owned(),
    };
    Err(NoAnswer::failed("behind", &message))
}

fn slot_of(answer: &Value) -> Result<u64, NoAnswer> {
    result(answer)?.as_u64().ok_or_else(|| NoAnswer::invalid("getSlot is no slot"))
}

/// Slots are skipped, old blocks are cleaned up, and some providers have no times: nothing is wrong then, and no time is
/// known.
fn block_time(batch: &Value) -> Result<Option<i64>, NoAnswer> {
    let Ok(answer) = answer_with_id(batch, BLOCK_TIME_ID) else {
        return Ok(None);
    };
    match result(answer) {
        Ok(time) => Ok(time.as_i64()),
        Err(NoAnswer::RateLimited) => Err(NoAnswer::RateLimited),
        Err(NoAnswer::Failed(_)) => Ok(None),
    }
}

fn cluster_of(answer: &Value) -> Result<SolanaCluster, NoAnswer> {
    let hash = result(answer)?.as_str();
    hash.and_then(|hash| SolanaCluster::genesis(hash).ok())
        .ok_or_else(|| NoAnswer::invalid("getGenesisHash is no hash"))
}

/// A batch may be answered in any order.
fn answer_with_id(batch: &Value, id: u64) -> Result<&Value, NoAnswer> {
    let answers = batch.as_array().map_or(&[][..], Vec::as_slice);
    let answer = answers.iter().find(|answer| answer["id"].as_u64() == Some(id));
    answer.ok_or_else(|| NoAnswer::invalid("the batch has no answer to each of its requests"))
}
