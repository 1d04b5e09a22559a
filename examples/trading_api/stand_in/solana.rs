//! A Solana RPC node, as far as a health check and a reader of balances see it.

use std::future;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mode::{Mode, Setting, Switch};
use super::swing;
use crate::clock::unix_millis;
use crate::domain::{TokenAmount, encode_base58};
use crate::store::seed;
use crate::upstream::solana::{AMOUNT_BYTES, AMOUNT_OFFSET, POOL_DOLLARS, POOL_TOKENS, TOKEN_MINT};

/// Length of a slot.
const SLOT_MS: u64 = 400;
/// Moment of slot 0, in milliseconds since the epoch; gives slots of today's size.
const GENESIS_MS: u64 = 1_600_000_000_000;
/// Slots without a block so far, which the block height does not count.
const SKIPPED_SLOTS: u64 = 21_000_000;
/// How far a node that is behind is behind; more than the 128 slots at which one says so.
const SLOTS_BEHIND: u64 = 150;
/// Slots for which a blockhash can be used.
const BLOCKHASH_SLOTS: u64 = 150;
/// How late a slow node answers: more than a request may take, less than a health check waits.
const SLOW: Duration = Duration::from_millis(800);
/// How long a limited caller is told to stay away.
const RETRY_AFTER_SECONDS: &str = "10";

/// What the pool holds when nobody trades: ten million tokens at 0.853 dollars.
const POOL_MIDDLE_TOKENS: f64 = 10_000_000.0;
const POOL_PRICE: f64 = 0.853;
/// How far and how fast trading moves the pool's tokens. The price moves twice as far.
const POOL_SWING: f64 = 0.03;
const POOL_PERIOD_MS: u64 = 120_000;
const USDC_DECIMALS: u8 = 6;

/// How the node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    Ok,
    /// Knows that it is behind the cluster.
    Behind,
    /// Sees no new slot and calls itself healthy.
    Stalled,
    /// Answers each call, late.
    Slow,
    /// Answers 429.
    RateLimited,
    /// No answer at all.
    Hang,
    /// Answers with something that is no JSON.
    Garbage,
}

impl Mode for Behaviour {
    const ALL: &'static [Self] =
        &[Self::Ok, Self::Behind, Self::Stalled, Self::Slow, Self::RateLimited, Self::Hang, Self::Garbage];
    const OK: Self = Self::Ok;
}

pub(super) fn router() -> Router {
    router_with(Switch::new())
}

fn router_with(switch: Switch<Behaviour>) -> Router {
    Router::new()
        .route("/", post(rpc))
        .route("/health", get(health_word))
        .with_state(switch.clone())
        .merge(switch.control())
}

/// One call, or a batch of them.
async fn rpc(State(switch): State<Switch<Behaviour>>, body: String) -> Response {
    let setting = switch.setting();
    match setting.mode {
        Behaviour::RateLimited => {
            let error = json!({"code": 429, "message": "Too many requests for a specific RPC call"});
            let body = Json(json!({"jsonrpc": "2.0", "error": error}));
            let retry = [(header::RETRY_AFTER, RETRY_AFTER_SECONDS)];
            return (StatusCode::TOO_MANY_REQUESTS, retry, body).into_response();
        }
        // Until the caller gives up and closes the connection.
        Behaviour::Hang => return future::pending().await,
        Behaviour::Garbage => return "<html>upstream connect error</html>".into_response(),
        Behaviour::Slow => tokio::time::sleep(SLOW).await,
        Behaviour::Ok | Behaviour::Behind | Behaviour::Stalled => {}
    }
    let node = Node::at(setting, unix_millis());
    let answer = match serde_json::from_str(&body) {
        Ok(Value::Array(calls)) if !calls.is_empty() => calls.iter().map(|call| node.answer(call)).collect(),
        Ok(call @ Value::Object(_)) => node.answer(&call),
        Ok(_) => json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid request"}, "id": null}),
        Err(_) => json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}),
    };
    Json(answer).into_response()
}

/// `GET /health`: a word, always with status 200.
async fn health_word(State(switch): State<Switch<Behaviour>>) -> &'static str {
    match switch.setting().mode {
        Behaviour::Behind => "behind",
        _ => "ok",
    }
}

/// What the node knows at one moment.
struct Node {
    behind: bool,
    /// The latest slot it has processed.
    tip: u64,
    now_ms: u64,
}

/// Code and message of a JSON-RPC error.
struct RpcError {
    code: i64,
    message: String,
    data: Option<Value>,
}

impl RpcError {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }
}

impl Node {
    fn at(setting: Setting<Behaviour>, now_ms: u64) -> Self {
        // The moment up to which the node has seen slots.
        let seen_ms = match setting.mode {
            Behaviour::Stalled => setting.since_ms,
            Behaviour::Behind => now_ms.saturating_sub(SLOTS_BEHIND * SLOT_MS),
            _ => now_ms,
        };
        Self { behind: setting.mode == Behaviour::Behind, tip: seen_ms.saturating_sub(GENESIS_MS) / SLOT_MS, now_ms }
    }

    fn answer(&self, call: &Value) -> Value {
        let outcome = match call["method"].as_str() {
            Some(method) => self.call(method, &call["params"]),
            None => Err(RpcError::new(-32600, "Invalid request")),
        };
        match outcome {
            Ok(result) => json!({"jsonrpc": "2.0", "result": result, "id": call["id"]}),
            Err(error) => {
                let mut object = json!({"code": error.code, "message": error.message});
                if let Some(data) = error.data {
                    object["data"] = data;
                }
                json!({"jsonrpc": "2.0", "error": object, "id": call["id"]})
            }
        }
    }

    fn call(&self, method: &str, parameters: &Value) -> Result<Value, RpcError> {
        match method {
            "getHealth" if self.behind => Err(RpcError {
                code: -32005,
                message: format!("Node is behind by {SLOTS_BEHIND} slots"),
                data: Some(json!({"numSlotsBehind": SLOTS_BEHIND})),
            }),
            "getHealth" => Ok(json!("ok")),
            "getVersion" => Ok(json!({"solana-core": "4.2.2", "feature-set": 565_236_538})),
            "getSlot" => Ok(json!(self.slot(&parameters[0]))),
            "getBlockHeight" => Ok(json!(self.block_height(&parameters[0]))),
            "getLatestBlockhash" => Ok(self.latest_blockhash(&parameters[0])),
            "getBlockTime" => self.block_time(&parameters[0]),
            "getTokenAccountsByOwner" => self.token_accounts(parameters),
            "getTokenAccountBalance" => self.pool_balance(parameters),
            _ => Err(RpcError::new(-32601, "Method not found")),
        }
    }

    /// The latest slot at the commitment asked for; `finalized` is the default.
    fn slot(&self, options: &Value) -> u64 {
        let lag = match options["commitment"].as_str() {
            Some("processed") => 0,
            Some("confirmed") => 1,
            _ => 32,
        };
        self.tip.saturating_sub(lag)
    }

    fn block_height(&self, options: &Value) -> u64 {
        self.slot(options).saturating_sub(SKIPPED_SLOTS)
    }

    fn latest_blockhash(&self, options: &Value) -> Value {
        let slot = self.slot(options);
        let mut hash = [0xa5_u8; 32];
        hash[..8].copy_from_slice(&slot.to_be_bytes());
        json!({
            "context": {"slot": slot},
            "value": {
                "blockhash": encode_base58(&hash),
                "lastValidBlockHeight": self.block_height(options) + BLOCKHASH_SLOTS,
            },
        })
    }

    /// Seconds since the epoch at which a slot began.
    fn block_time(&self, slot: &Value) -> Result<Value, RpcError> {
        let slot = slot.as_u64().ok_or_else(|| RpcError::new(-32602, "Invalid params: expected a slot"))?;
        if slot > self.tip {
            return Err(RpcError::new(-32004, format!("Block not available for slot {slot}")));
        }
        Ok(json!((GENESIS_MS + slot * SLOT_MS) / 1_000))
    }

    fn token_accounts(&self, parameters: &Value) -> Result<Value, RpcError> {
        let options = &parameters[2];
        if parameters[1]["mint"] != TOKEN_MINT {
            return Err(RpcError::new(-32602, "Invalid param: could not find mint"));
        }
        if options["encoding"] != "base58"
            || options["dataSlice"]["offset"] != AMOUNT_OFFSET
            || options["dataSlice"]["length"] != AMOUNT_BYTES
        {
            return Err(RpcError::new(-32602, "Invalid params: the stand-in gives amounts in base58 only"));
        }
        let owned = seed::LEDGER.iter().find(|entry| parameters[0] == entry.wallet);
        let accounts: Vec<Value> = owned
            .map_or(&[][..], |entry| entry.accounts)
            .iter()
            .map(|amount| {
                let amount = encode_base58(&amount.smallest_units().to_le_bytes());
                json!({"account": {"data": [amount, "base58"], "executable": false, "lamports": 2_039_280}})
            })
            .collect();
        Ok(json!({"context": {"slot": self.slot(options)}, "value": accounts}))
    }

    fn pool_balance(&self, parameters: &Value) -> Result<Value, RpcError> {
        let tokens = swing(POOL_MIDDLE_TOKENS, POOL_SWING, self.now_ms, POOL_PERIOD_MS);
        let (units, decimals) = if parameters[0] == POOL_TOKENS {
            (tokens, TokenAmount::DECIMALS)
        } else if parameters[0] == POOL_DOLLARS {
            // The product of both reserves stays the same.
            (POOL_MIDDLE_TOKENS * POOL_MIDDLE_TOKENS * POOL_PRICE / tokens, USDC_DECIMALS)
        } else {
            return Err(RpcError::new(-32602, "Invalid param: could not find account"));
        };
        // Far below 2^64: ten million times ten to the ninth.
        let amount = (units * 10_f64.powi(decimals.into())) as u64;
        Ok(json!({
            "context": {"slot": self.slot(&parameters[1])},
            "value": {"amount": amount.to_string(), "decimals": decimals, "uiAmountString": units.to_string()},
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    const NOW_MS: u64 = 1_790_000_000_000;

    fn node(mode: Behaviour, since_ms: u64, now_ms: u64) -> Node {
        Node::at(Setting { mode, since_ms }, now_ms)
    }

    fn call(node: &Node, method: &str, parameters: Value) -> Value {
        node.answer(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}))
    }

    async fn post(mode: Behaviour, body: &str) -> (StatusCode, String) {
        let switch = Switch::new();
        switch.set(mode);
        let request = Request::post("/").body(Body::from(body.to_owned())).unwrap();
        let response = router_with(switch).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn a_slot_passes_every_400_ms_and_commitments_lag() {
        let tip = |now_ms| node(Behaviour::Ok, 0, now_ms).tip;
        assert_eq!(tip(NOW_MS + 4_000) - tip(NOW_MS), 10);
        let node = node(Behaviour::Ok, 0, NOW_MS);
        let slot = |commitment: &str| node.slot(&json!({"commitment": commitment}));
        assert!(slot("processed") > slot("confirmed") && slot("confirmed") > slot("finalized"));
        assert_eq!(node.slot(&Value::Null), slot("finalized"), "the default");
    }

    #[test]
    fn a_node_behind_says_so_and_a_stalled_one_does_not() {
        let behind = node(Behaviour::Behind, 0, NOW_MS);
        assert_eq!(
            call(&behind, "getHealth", json!([]))["error"],
            json!({"code": -32005, "message": "Node is behind by 150 slots", "data": {"numSlotsBehind": 150}})
        );
        assert_eq!(node(Behaviour::Ok, 0, NOW_MS).tip - behind.tip, SLOTS_BEHIND);

        let stalled = node(Behaviour::Stalled, NOW_MS, NOW_MS + 60_000);
        assert_eq!(call(&stalled, "getHealth", json!([]))["result"], "ok");
        assert_eq!(stalled.tip, node(Behaviour::Ok, 0, NOW_MS).tip);
        let seconds = call(&stalled, "getBlockTime", json!([stalled.tip]))["result"].as_u64().unwrap();
        assert_eq!(NOW_MS / 1_000 - seconds, 0, "the block time stands still as well");
    }

    #[tokio::test]
    async fn batches_are_answered_call_by_call() {
        let (status, body) = post(
            Behaviour::Ok,
            r#"[{"jsonrpc":"2.0","id":1,"method":"getHealth"},{"jsonrpc":"2.0","id":"b","method":"getNothing"}]"#,
        )
        .await;
        let answers: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!((&answers[0]["id"], &answers[0]["result"]), (&json!(1), &json!("ok")));
        assert_eq!((&answers[1]["id"], &answers[1]["error"]["code"]), (&json!("b"), &json!(-32601)));
    }

    #[tokio::test]
    async fn what_is_no_call_is_refused_with_status_200() {
        for (body, code) in [("{", -32700), ("7", -32600), ("[]", -32600), ("{}", -32600)] {
            let (status, answer) = post(Behaviour::Ok, body).await;
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((status, &answer["error"]["code"]), (StatusCode::OK, &json!(code)), "{body}");
        }
    }

    #[tokio::test]
    async fn limits_and_garbage_are_as_a_proxy_sends_them() {
        assert_eq!(post(Behaviour::RateLimited, "{}").await.0, StatusCode::TOO_MANY_REQUESTS);
        let (status, body) = post(Behaviour::Garbage, "{}").await;
        assert_eq!(status, StatusCode::OK);
        assert!(serde_json::from_str::<Value>(&body).is_err());
    }
}
