//! SIGTERM while everything is open.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::stand_ins::Control;
use super::stream::EventStream;
use super::{SOON, TOO_NEW, Trace, WALLET, WITHOUT_HISTORY, access_of, get_in, ok, risk_of, strict_log};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::http::{self, Response};
use crate::support::poll::eventually;

/// Requests before SIGTERM, each with one line of the log.
const BEFORE: u64 = 100;

/// Requests that will not end, each on a database connection of its own; the pool has ten.
const HUNG: u32 = 6;

/// Far more than an end takes that waits for nothing, and far less than the 24 seconds that requests are waited for.
const AT_ONCE: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the example built; run by tests/run"]
async fn sigterm_ends_everything_in_order_and_loses_no_line() {
    let mut api = TradingApi::start(&[], &[]);
    let public = api.public();
    let answered: Vec<Trace> = (0..BEFORE).map(Trace::numbered).collect();
    for (number, trace) in (0..).zip(&answered) {
        let (portfolio, status) = if number % 2 == 0 { (WITHOUT_HISTORY, 500) } else { (TOO_NEW, 422) };
        assert_eq!(get_in(trace, public, &risk_of(portfolio)).status, status);
    }

    let mut stream = EventStream::open(public);
    stream.read_until("\n\n");
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("ws://{public}/ws/prices")).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let slow = slow_request(&api);
    let watch = watch_readiness(public);
    let keep_coming = keep_coming(public);

    api.sigterm();

    let (readiness, served_while_draining) = watch.join().unwrap();
    let answered_later = keep_coming.join().unwrap();
    let until_closed = async {
        while let Some(message) = socket.next().await {
            if let Message::Close(frame) = message.unwrap() {
                return frame;
            }
        }
        None
    };
    let goodbye = tokio::time::timeout(SOON, until_closed).await.unwrap().expect("a close frame with a code");
    assert_eq!(goodbye.code, CloseCode::Away);
    drop(socket);
    let streamed = stream.read_to_end();
    assert!(streamed.ends_with("\r\n0\r\n\r\n"), "ends with {:?}", &streamed[streamed.len().saturating_sub(50)..]);
    assert_eq!(slow.join().unwrap().unwrap().status, 200);
    assert_eq!(api.wait(SOON).code(), Some(0), "{}", api.stderr());

    // Ready, then draining and served all the same, then nobody listens.
    assert_eq!(readiness.first(), Some(&json!({"status": "ready"})));
    assert_eq!(readiness.last(), Some(&json!({"status": "not_ready", "reason": "draining"})));
    assert_eq!(readiness.len(), 2, "{readiness:?}");
    assert!(served_while_draining);
    http::connect(public).unwrap_err();
    http::connect(api.admin()).unwrap_err();

    let log = strict_log(&api);
    assert!(api.stdout().ends_with('\n'));
    for trace in answered.iter().chain(&answered_later) {
        let lines: Vec<&Value> = log.iter().filter(|line| line["traceId"] == trace.id.as_str()).collect();
        assert_eq!(lines.len(), 1, "{}: {lines:?}", trace.id);
    }
    assert!(!answered_later.is_empty());
    let errors = log.iter().filter(|line| line["message"] == "Failed to calculate VaR").count();
    assert!(errors >= BEFORE as usize / 2 + answered_later.len(), "{errors} lines");
    let report = format!(
        "trading_api stopped: {} log lines written, 0 lost; 1 event streams ended, 1 WebSockets closed",
        log.len()
    );
    assert!(api.stderr().contains(&report), "{report:?} in {}", api.stderr());
    let stopped = log.iter().find(|line| line["message"] == "Stopped serving").expect("the log says so as well");
    assert_eq!(stopped["details"]["aborted"], 0);
}

/// A request that the example is at for as long as it waits for Solana, which is two seconds.
fn slow_request(api: &TradingApi) -> JoinHandle<io::Result<Response>> {
    let route = "/api/v1/wallets/{wallet}/access";
    let public = api.public();
    // Once before, so that there is a balance to fall back on.
    ok(public, &access_of(WALLET));
    Control::of(api, "Solana RPC node").set("hang");
    let slow = thread::spawn(move || http::get(public, &access_of(WALLET), &[]));
    eventually(SOON, || {
        let in_flight = Scrape::of(api.admin()).value("api_in_flight_requests", &[("route", route)]);
        if in_flight == Some(1.0) { Ok(()) } else { Err(format!("{in_flight:?} in flight")) }
    });
    slow
}

/// What `/health/ready` says until nobody listens, without repetitions, and whether a request was served after it had
/// said no.
fn watch_readiness(public: SocketAddr) -> JoinHandle<(Vec<Value>, bool)> {
    let before = ok(public, "/health/ready").json();
    thread::spawn(move || {
        let (mut seen, mut served) = (vec![before], false);
        while let Ok(response) = http::get(public, "/health/ready", &[]) {
            let answer = response.json();
            let ready = answer["status"] == "ready";
            assert_eq!(response.status, if ready { 200 } else { 503 });
            if seen.last() != Some(&answer) {
                seen.push(answer);
            }
            if !ready {
                served |= http::get(public, "/api/v1/portfolios/1", &[]).is_ok_and(|response| response.status == 200);
            }
        }
        (seen, served)
    })
}

/// Requests, one after another, until nobody listens; gives those that were answered.
fn keep_coming(public: SocketAddr) -> JoinHandle<Vec<Trace>> {
    thread::spawn(move || {
        let mut answered = Vec::new();
        for trace in (1_000_000..).map(Trace::numbered) {
            match http::get(public, &risk_of(WITHOUT_HISTORY), &[("traceparent", &trace.parent)]) {
                Ok(response) => assert_eq!(response.status, 500),
                Err(_) => break,
            }
            answered.push(trace);
        }
        answered
    })
}

#[test]
#[ignore = "needs PostgreSQL and the example built; run by tests/run"]
fn second_sigterm_ends_a_hung_wait_at_once() {
    use crate::support::postgres::{Postgres, psql};

    let postgres = Postgres::start();
    let mut api = TradingApi::start(&[("DATABASE_URL", &postgres.url())], &[]);
    let (public, url) = (api.public(), postgres.url());
    // Whoever asks for a portfolio waits for as long as this lasts.
    let lock = thread::spawn(move || psql(&url, "BEGIN; LOCK TABLE portfolios; SELECT pg_sleep(600)"));
    let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
                 AND relation = 'portfolios'::regclass";
    eventually(SOON, || if postgres.psql(locks) == "1" { Ok(()) } else { Err("not locked yet") });
    let ask = |number| thread::spawn(move || http::get(public, &format!("/api/v1/portfolios/{number}"), &[]));
    let hung: Vec<_> = (1..=HUNG).map(ask).collect();
    eventually(SOON, || {
        let in_flight = Scrape::of(api.admin()).sum("api_in_flight_requests", &[]);
        if in_flight == f64::from(HUNG) { Ok(()) } else { Err(format!("{in_flight} in flight")) }
    });

    api.sigterm();
    // The drain delay is over when nobody listens any more; the request is still waited for.
    eventually(SOON, || if http::connect(public).is_err() { Ok(()) } else { Err("still listening") });
    ok(api.admin(), "/health/live");
    assert!(hung.iter().all(|request| !request.is_finished()));

    api.sigterm();
    assert_eq!(api.wait(AT_ONCE).code(), Some(0), "{}", api.stderr());
    for request in hung {
        request.join().unwrap().expect_err("it was cut off");
    }
    assert!(api.stderr().contains(" 0 lost;"), "{}", api.stderr());
    let log = strict_log(&api);
    let stopped = log.iter().find(|line| line["message"] == "Stopped serving").expect("the log says how it went");
    assert_eq!(stopped["details"]["aborted"], HUNG, "{stopped}");
    drop(postgres);
    lock.join().unwrap().unwrap_err();
}
