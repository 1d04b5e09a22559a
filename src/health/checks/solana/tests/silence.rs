//! WebSockets that tell of slots, of something else or of nothing.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use super::reason;
use crate::clock::ManualClock;
use crate::health::checks::peer::{CERTIFICATE, Peer, nobody};
use crate::health::{CheckFailure, CheckReport, Datum, HealthCheck, SolanaWebSocketCheck};

type Socket = tungstenite::WebSocket<TcpStream>;

/// A node that takes a subscription and then does what it is told.
fn node(then: fn(&mut Socket)) -> Peer {
    Peer::with_threads(move |stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let asked: Value = serde_json::from_slice(&socket.read().unwrap().into_data()).unwrap();
        assert_eq!((&asked["method"], &asked["params"]), (&json!("slotSubscribe"), &json!([])));
        then(&mut socket);
        // Until the other side is gone.
        while socket.read().is_ok() {}
    })
}

fn say(socket: &mut Socket, what: Value) {
    socket.send(Message::text(what.to_string())).unwrap();
}

fn confirm(socket: &mut Socket) {
    say(socket, json!({"jsonrpc": "2.0", "id": 1, "result": 23}));
}

fn notify(socket: &mut Socket, slot: Value) {
    let result = json!({"parent": 6, "root": 0, "slot": slot});
    let params = json!({"result": result, "subscription": 23});
    say(socket, json!({"jsonrpc": "2.0", "method": "slotNotification", "params": params}));
}

async fn ask(url: &str) -> Result<CheckReport, CheckFailure> {
    SolanaWebSocketCheck::new(url).unwrap().check().await
}

#[tokio::test]
async fn first_slot_makes_a_websocket_healthy() {
    let peer = node(|socket| {
        socket.send(Message::Ping(Vec::new().into())).unwrap();
        confirm(socket);
        notify(socket, json!(7));
    });
    let report = ask(&peer.url("ws", "/secret?api-key=secret")).await.unwrap();
    assert_eq!(report.data(), [("slot", Datum::Integer(7))]);
}

#[tokio::test]
async fn open_websocket_that_says_nothing_of_slots_is_silent() {
    for peer in [node(|_| {}), node(confirm)] {
        let url = peer.url("ws", "/");
        tokio::time::pause();
        assert_eq!(reason(&ask(&url).await), "websocket_silent");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn websockets_that_fail_are_told_apart_by_reason() {
    for (peer, expected) in [
        (node(|socket| notify(socket, json!("seven"))), "invalid_response"),
        (node(|socket| socket.send(Message::text("seven")).unwrap()), "invalid_response"),
        (node(|socket| socket.send(Message::text(" ".repeat(1 << 20))).unwrap()), "invalid_response"),
        (node(|socket| socket.close(None).unwrap()), "unreachable"),
        (node(|socket| socket.get_mut().shutdown(std::net::Shutdown::Both).unwrap()), "unreachable"),
        (Peer::raw(""), "unreachable"),
        (Peer::half_closed("HTTP/1.1 101 Switching Protocols\r\n"), "unreachable"),
        (Peer::json("{}"), "rpc_error"),
        (
            Peer::raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            "invalid_response",
        ),
        (Peer::http("403 Forbidden", "", ""), "forbidden"),
        (Peer::http("404 Not Found", "", ""), "rpc_error"),
        (Peer::http("429 Too Many Requests", "", ""), "degraded:rate_limited"),
    ] {
        let outcome = ask(&peer.url("ws", "/secret")).await;
        assert_eq!(reason(&outcome), expected);
        assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    }
    assert_eq!(reason(&ask(&nobody().replace("http", "ws")).await), "unreachable");
}

#[tokio::test]
async fn errors_of_a_subscription_are_those_of_the_rpc() {
    let refusing = node(|socket| {
        say(socket, json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "key secret"}}));
    });
    let outcome = ask(&refusing.url("ws", "/")).await;
    assert_eq!(reason(&outcome), "rpc_error");
    assert!(!format!("{outcome:?}").contains("secret"), "{outcome:?}");
    let limiting = node(|socket| say(socket, json!({"id": 1, "error": {"code": 429, "message": "key secret"}})));
    assert_eq!(reason(&ask(&limiting.url("ws", "/")).await), "degraded:rate_limited");
}

#[tokio::test]
async fn wait_that_a_websocket_asks_for_is_kept() {
    let peer = Peer::http("429 Too Many Requests", "Retry-After: 20\r\n", "");
    let held = ManualClock::new();
    let mut check = SolanaWebSocketCheck::new(&peer.url("ws", "/")).unwrap();
    check.use_clock(&held.clock());
    for (seconds, requests) in [(0, 1), (19, 1), (1, 2)] {
        held.advance(Duration::from_secs(seconds));
        assert_eq!(reason(&check.check().await), "degraded:rate_limited");
        assert_eq!(peer.requests().len(), requests);
    }
}

#[tokio::test]
async fn websocket_is_trusted_as_any_other_address() {
    let peer = Peer::tls_json("{}");
    let make = || SolanaWebSocketCheck::new(&peer.url("wss", "/")).unwrap();
    assert_eq!(reason(&make().check().await), "tls");
    assert_eq!(reason(&make().pinned_certificate(CERTIFICATE).unwrap().check().await), "rpc_error");
    assert_eq!(reason(&make().any_certificate_on_loopback().unwrap().check().await), "rpc_error");
    for url in ["http://localhost/secret", "localhost/secret", "ws://user:secret@localhost/", ""] {
        let refused = SolanaWebSocketCheck::new(url).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused:?}");
    }
}
