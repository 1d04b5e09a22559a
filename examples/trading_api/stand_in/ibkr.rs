//! The Client Portal gateway, as far as a health check and a reader of quotes see it.

use std::future;
use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mode::{Mode, Switch};
use super::swing;
use crate::clock::unix_millis;
use crate::domain::Usd;
use crate::store::seed;

pub(super) const BASE_PATH: &str = "/v1/api";

/// What the session ends in, in milliseconds, as a gateway says it after a fresh login.
const SSO_EXPIRES_MS: u64 = 444_936;

/// How the gateway behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Behaviour {
    Ok,
    /// Another login has taken the brokerage session.
    Competing,
    /// The login stands, the brokerage session does not.
    NotAuthenticated,
    /// The gateway has lost IBKR.
    BackendDisconnected,
    /// Nobody has logged in.
    NoSession,
    /// IBKR restarts its servers.
    Restarting,
    /// The address of the caller is in the penalty box.
    RateLimited,
    /// No answer at all.
    Hang,
}

impl Mode for Behaviour {
    const ALL: &'static [Self] = &[
        Self::Ok,
        Self::Competing,
        Self::NotAuthenticated,
        Self::BackendDisconnected,
        Self::NoSession,
        Self::Restarting,
        Self::RateLimited,
        Self::Hang,
    ];
    const OK: Self = Self::Ok;
}

/// What the handlers share.
#[derive(Clone)]
struct Gateway {
    switch: Switch<Behaviour>,
    contracts: Arc<[Contract]>,
}

/// Something that is quoted, and the price that its quotes swing around.
#[derive(Clone, Copy, Debug)]
struct Contract {
    conid: i64,
    middle: Usd,
}

pub(super) fn router() -> Router {
    router_with(Switch::new())
}

fn router_with(switch: Switch<Behaviour>) -> Router {
    let gateway = Gateway { switch: switch.clone(), contracts: contracts() };
    let api = Router::new()
        .route("/tickle", get(tickle).post(tickle))
        .route("/iserver/auth/status", get(auth_status).post(auth_status))
        .route("/sso/validate", get(sso_validate))
        .route("/iserver/marketdata/snapshot", get(snapshot))
        .layer(middleware::from_fn_with_state(switch.clone(), misbehave))
        .with_state(gateway);
    Router::new().nest(BASE_PATH, api).merge(switch.control())
}

/// Everything that is seeded, around its last close.
fn contracts() -> Arc<[Contract]> {
    let closes = seed::closes();
    seed::instruments()
        .iter()
        .map(|instrument| Contract {
            conid: instrument.conid,
            middle: closes
                .iter()
                .rfind(|(symbol, _)| *symbol == instrument.symbol)
                .map_or(instrument.first_price(), |(_, close)| close.price),
        })
        .collect()
}

/// The failures that look the same whatever is asked.
async fn misbehave(State(switch): State<Switch<Behaviour>>, request: Request, next: Next) -> Response {
    match switch.setting().mode {
        Behaviour::Restarting => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Behaviour::RateLimited => StatusCode::TOO_MANY_REQUESTS.into_response(),
        // Until the caller gives up and closes the connection.
        Behaviour::Hang => future::pending().await,
        _ => next.run(request).await,
    }
}

async fn tickle(State(gateway): State<Gateway>) -> Json<Value> {
    let mode = gateway.switch.setting().mode;
    if mode == Behaviour::NoSession {
        // With status 200, as the gateway does it.
        return Json(json!({"error": "no session"}));
    }
    Json(json!({
        "session": "9fe1c0ffee9fe1c0ffee9fe1c0ffee00",
        "ssoExpires": SSO_EXPIRES_MS,
        "collission": mode == Behaviour::Competing, // the gateway's spelling
        "userId": 132_329_622,
        "hmds": {"error": "no bridge"},
        "iserver": {"authStatus": auth_object(mode)},
    }))
}

async fn auth_status(State(gateway): State<Gateway>) -> Response {
    let mode = gateway.switch.setting().mode;
    if mode == Behaviour::NoSession {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut status = auth_object(mode);
    status["fail"] = json!("");
    Json(status).into_response()
}

/// Whose login it is: play money, at real prices.
async fn sso_validate(State(gateway): State<Gateway>) -> Response {
    if gateway.switch.setting().mode == Behaviour::NoSession {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(json!({"USER_NAME": "demo", "RESULT": true, "EXPIRES": SSO_EXPIRES_MS, "LOGIN_TYPE": 2})).into_response()
}

fn auth_object(mode: Behaviour) -> Value {
    let authenticated = !matches!(mode, Behaviour::NotAuthenticated | Behaviour::BackendDisconnected);
    let mut status = json!({
        "authenticated": authenticated,
        "competing": mode == Behaviour::Competing,
        "connected": mode != Behaviour::BackendDisconnected,
        "message": "",
        "MAC": "F4:03:43:DC:90:80",
    });
    if authenticated {
        status["serverInfo"] =
            json!({"serverName": "JifZ34060", "serverVersion": "Build 10.33.1f, Feb 5, 2025 10:21:09 AM"});
        status["hardware_info"] = json!("c0ffee00|F4:03:43:DC:90:80");
    }
    status
}

#[derive(Deserialize)]
struct SnapshotQuery {
    conids: String,
}

/// Last prices of the contracts asked for that exist; only for the one who holds the brokerage session.
async fn snapshot(State(gateway): State<Gateway>, Query(query): Query<SnapshotQuery>) -> Response {
    if gateway.switch.setting().mode != Behaviour::Ok {
        let body = Json(json!({"error": "not authenticated", "statusCode": 401}));
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    let now_ms = unix_millis();
    let rows: Vec<Value> = query
        .conids
        .split(',')
        .filter_map(|conid| conid.parse().ok())
        .filter_map(|conid: i64| gateway.contracts.iter().find(|known| known.conid == conid))
        .filter_map(|contract| {
            let price = contract.price_at(now_ms)?.to_string();
            Some(json!({"conid": contract.conid, "31": price, "_updated": now_ms}))
        })
        .collect();
    Json(rows).into_response()
}

impl Contract {
    /// A price that swings by 0.8 % around the middle, each contract at its own pace.
    fn price_at(self, now_ms: u64) -> Option<Usd> {
        let pace_ms = 60_000 + self.conid.unsigned_abs() % 60_000;
        let price = swing(self.middle.to_f64(), 0.008, now_ms, pace_ms);
        Usd::from_f64((price * 100.0).round() / 100.0) // in cents, as quotes are
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(mode: Behaviour, path: &str) -> (StatusCode, Value) {
        let switch = Switch::new();
        switch.set(mode);
        let request = Request::post(format!("{BASE_PATH}{path}")).body(Body::empty()).unwrap();
        let response = router_with(switch).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_healthy_gateway_is_authenticated_connected_and_alone() {
        for path in ["/tickle", "/iserver/auth/status"] {
            let (status, body) = ask(Behaviour::Ok, path).await;
            let auth = if path == "/tickle" { &body["iserver"]["authStatus"] } else { &body };
            assert_eq!(status, StatusCode::OK);
            assert_eq!(
                (&auth["authenticated"], &auth["connected"], &auth["competing"]),
                (&json!(true), &json!(true), &json!(false))
            );
        }
    }

    #[tokio::test]
    async fn each_failure_shows_in_its_own_field() {
        for (mode, field, value) in [
            (Behaviour::Competing, "competing", true),
            (Behaviour::NotAuthenticated, "authenticated", false),
            (Behaviour::BackendDisconnected, "connected", false),
        ] {
            let (_, body) = ask(mode, "/iserver/auth/status").await;
            assert_eq!(body[field], value, "{mode:?}");
        }
        assert_eq!(ask(Behaviour::NoSession, "/tickle").await.1, json!({"error": "no session"}));
        for (mode, status) in [
            (Behaviour::NoSession, StatusCode::UNAUTHORIZED),
            (Behaviour::Restarting, StatusCode::SERVICE_UNAVAILABLE),
            (Behaviour::RateLimited, StatusCode::TOO_MANY_REQUESTS),
        ] {
            assert_eq!(ask(mode, "/iserver/auth/status").await.0, status, "{mode:?}");
        }
    }

    #[test]
    fn prices_stay_within_their_swing() {
        let contracts = contracts();
        assert_eq!(contracts.len(), seed::instruments().len());
        for contract in &*contracts {
            let middle = contract.middle.to_f64();
            for now_ms in (0..200_000).step_by(777) {
                let price = contract.price_at(now_ms).unwrap().to_f64();
                assert!((price / middle - 1.0).abs() < 0.009, "{contract:?} {price}");
            }
        }
    }
}
