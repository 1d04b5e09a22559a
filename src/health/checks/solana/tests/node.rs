//! A node on loopback that says what a test wants.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::health::checks::peer::Peer;

pub(super) struct Node {
    pub(super) peer: Peer,
    state: Arc<Mutex<State>>,
}

/// What it answers; an object with a code is an error.
pub(super) struct State {
    pub(super) slot: u64,
    pub(super) block_time: Value,
    pub(super) genesis: Value,
}

impl Node {
    /// Of devnet, at slot 1000, without times of blocks.
    pub(super) fn start() -> Self {
        let genesis = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG".into();
        let state = Arc::new(Mutex::new(State { slot: 1000, block_time: Value::Null, genesis }));
        let answering = Arc::clone(&state);
        let peer = Peer::answering(move |body| answering.lock().unwrap().answer(body));
        Self { peer, state }
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    pub(super) fn advance(&self, slots: u64) {
        self.set(|state| state.slot += slots);
    }

    pub(super) fn url(&self) -> String {
        self.peer.url("http", "/secret")
    }

    /// What the latest request asks for.
    pub(super) fn methods(&self) -> Vec<String> {
        let request = self.peer.requests().pop().unwrap();
        let calls: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let calls = calls.as_array().cloned().unwrap_or_else(|| vec![calls]);
        calls.iter().map(|call| call["method"].as_str().unwrap().to_owned()).collect()
    }
}

impl State {
    fn answer(&self, body: &str) -> String {
        match serde_json::from_str(body).unwrap() {
            Value::Array(calls) => calls.iter().map(|call| self.answer_to(call)).collect(),
            call => self.answer_to(&call),
        }
        .to_string()
    }

    fn answer_to(&self, call: &Value) -> Value {
        let result = match call["method"].as_str() {
            Some("getHealth") => json!("ok"),
            Some("getSlot") => json!(self.slot),
            Some("getBlockTime") => self.block_time.clone(),
            Some("getGenesisHash") => self.genesis.clone(),
            other => panic!("no such method: {other:?}"),
        };
        let member = if result["code"].is_null() { "result" } else { "error" };
        json!({"jsonrpc": "2.0", "id": call["id"], member: result})
    }
}
