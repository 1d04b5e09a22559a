//! The example `trading_api` as whoever starts it meets it: two ports, its log, and what it tells the terminal.

mod defaults;
mod demo;
mod draining;
mod hostile;
mod outages;
mod settings;
pub(crate) mod stand_ins;
mod stopping;
mod stream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::json::strict_lines;
use crate::support::example::TradingApi;
use crate::support::http::{self, Response};
use crate::support::poll::eventually;

/// For what takes milliseconds on a machine that does nothing else.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// For what waits for checks on their usual schedules, some runs of them.
const PATIENCE: Duration = Duration::from_secs(180);

/// The example's seeded portfolio that holds something without price history.
pub(crate) const WITHOUT_HISTORY: &str = "7";
/// The one that was opened too short a while ago.
pub(crate) const TOO_NEW: &str = "13";
/// A seeded wallet that holds more than its tier requires.
pub(crate) const WALLET: &str = "9SSxY6BVScJy9uUxcJnTPkyRFA6CAFjF1YveCHK1ATbQ";

pub(crate) fn risk_of(portfolio: &str) -> String {
    format!("/api/v1/portfolios/{portfolio}/risk")
}

pub(crate) fn access_of(wallet: &str) -> String {
    format!("/api/v1/wallets/{wallet}/access")
}

/// A trace that nobody else is in.
struct Trace {
    /// 32 hex digits.
    id: String,
    /// The header that says that a request belongs to it.
    parent: String,
}

impl Trace {
    fn numbered(number: u64) -> Self {
        let id = format!("{:032x}", u128::from(number) + 0x0af7_6519_0000_0000_0000_0000_0000_0000);
        let parent = format!("00-{id}-b7ad6b7169203331-01");
        Self { id, parent }
    }
}

/// Asks within a trace.
#[track_caller]
fn get_in(trace: &Trace, address: SocketAddr, path: &str) -> Response {
    http::get(address, path, &[("traceparent", &trace.parent)]).expect("the example answers")
}

/// Asks for what has the status 200.
#[track_caller]
fn ok(address: SocketAddr, path: &str) -> Response {
    let response = http::get(address, path, &[]).expect("the example answers");
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response
}

/// Waits until `/health` shows every check of the example healthy.
#[track_caller]
fn wait_until_healthy(api: &TradingApi) {
    eventually(PATIENCE, || {
        let health = ok_health(api.admin())?;
        if health["status"] == "healthy" { Ok(()) } else { Err(health.to_string()) }
    });
}

/// Waits until the check has this status, for this reason.
#[track_caller]
fn wait_for_check(api: &TradingApi, check: &str, status: &str, reason: Option<&str>) -> Value {
    eventually(PATIENCE, || {
        let mut health = ok_health(api.admin())?;
        let found = &mut health["checks"][check];
        if found["status"] == status && found["reason"].as_str() == reason {
            Ok(found.take())
        } else {
            Err(format!("{check} is {found}"))
        }
    })
}

/// `/health`, whatever its status code.
fn ok_health(address: SocketAddr) -> Result<Value, String> {
    http::get(address, "/health", &[]).map(|response| response.json()).map_err(|error| error.to_string())
}

/// The status of each check as strangers see it, and of the whole.
#[track_caller]
fn public_health(api: &TradingApi) -> (u16, Value) {
    let response = http::get(api.public(), "/health", &[]).expect("the example answers");
    (response.status, response.json())
}

/// The complete lines of the log: each valid, with the guide's keys in the guide's order.
#[track_caller]
fn strict_log(api: &TradingApi) -> Vec<Value> {
    let text = api.stdout();
    let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
    for line in complete.lines() {
        let keys = keys_in_order(line);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let outside = ["timestamp", "level", "service", "message", "details"];
        let inside = ["timestamp", "level", "service", "traceId", "message", "details"];
        assert!(keys == outside || keys == inside, "{line}");
    }
    strict_lines(complete.as_bytes())
}

/// [`strict_log`] with every line of what is already over: the log is written behind the program, but in order.
#[track_caller]
fn caught_up_log(api: &TradingApi) -> Vec<Value> {
    static MARKERS: AtomicU64 = AtomicU64::new(1_000_000);
    let marker = Trace::numbered(MARKERS.fetch_add(1, Ordering::Relaxed));
    get_in(&marker, api.public(), &risk_of(TOO_NEW));
    eventually(SOON, || lines_of(api, &marker).pop().ok_or("the marker is not written yet"));
    strict_log(api)
}

/// The keys of a JSON object as they stand.
fn keys_in_order(line: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Self(Vec::new()))
        }
    }
    impl<'de> serde::de::Visitor<'de> for Keys {
        type Value = Self;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
            while let Some((key, serde::de::IgnoredAny)) = map.next_entry()? {
                self.0.push(key);
            }
            Ok(self)
        }
    }
    serde_json::from_str::<Keys>(line).unwrap_or_else(|error| panic!("{error} in {line}")).0
}

/// The lines of a trace so far.
fn lines_of(api: &TradingApi, trace: &Trace) -> Vec<Value> {
    strict_log(api).into_iter().filter(|line| line["traceId"] == trace.id.as_str()).collect()
}
