//! Started with nothing but two addresses: what each endpoint answers, and what the log says of it.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::stream::EventStream;
use super::{SOON, TOO_NEW, Trace, WALLET, WITHOUT_HISTORY};
use super::{access_of, caught_up_log, get_in, lines_of, ok, public_health, risk_of, wait_until_healthy};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::poll::eventually;
use crate::support::{http, promtool};

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn every_answer_is_as_documented() {
    let api = TradingApi::start(&[], &[]);
    let public = api.public();

    let portfolio = ok(public, "/api/v1/portfolios/1").json();
    assert_eq!((&portfolio["portfolio"], &portfolio["currency"]), (&json!("1"), &json!("USD")));
    assert_eq!(portfolio["complete"], true);
    assert!(number(&portfolio["value"]) > 0.0);
    assert!(!portfolio["holdings"].as_array().unwrap().is_empty());

    let risk = ok(public, &risk_of("1")).json();
    assert_eq!(risk["value_at_risk"]["observations"], 250);
    assert!(number(&risk["value_at_risk"]["loss"]) > 0.0);

    let access = ok(public, &access_of(WALLET)).json();
    assert_eq!([&access["decision"], &access["basis"], &access["reason"]], ["grant", "verified", "requirement_met"]);
    assert_eq!((&access["wallet"], &access["tier"]), (&json!(WALLET), &json!("pro")));

    for (path, status, code) in [
        (risk_of(WITHOUT_HISTORY), 500, "insufficient_data"),
        (risk_of(TOO_NEW), 422, "insufficient_data"),
        ("/api/v1/portfolios/999".to_owned(), 404, "not_found"),
        (risk_of("999"), 404, "not_found"),
        ("/api/v1/portfolios/no%20id".to_owned(), 400, "bad_request"),
        (access_of("no-wallet"), 400, "bad_request"),
        (access_of("11111111111111111111111111111111"), 404, "not_found"),
    ] {
        let response = http::get(public, &path, &[]).unwrap();
        assert_eq!((response.status, &response.json()["error"]["code"]), (status, &json!(code)), "{path}");
    }
    assert_eq!(http::get(public, "/nothing/here", &[]).unwrap().status, 404);
    assert_eq!(http::request(public, "POST", "/api/v1/portfolios/1", &[], b"{}").unwrap().status, 405);
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn data_fault_is_exactly_the_guides_line() {
    let api = TradingApi::start(&[], &[]);
    let trace = Trace::numbered(1);
    let response = get_in(&trace, api.public(), &risk_of(WITHOUT_HISTORY));
    assert_eq!(response.status, 500);
    assert!(response.header("traceresponse").unwrap().starts_with(&format!("00-{}-", trace.id)));
    assert_eq!(response.header("x-request-id").map(str::len), Some(36));

    eventually(SOON, || if lines_of(&api, &trace).is_empty() { Err("no line yet") } else { Ok(()) });
    let log = api.stdout();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&trace.id)).collect();
    let [line] = lines[..] else { panic!("one line is expected: {lines:?}") };
    let (timestamp, rest) = line.strip_prefix(r#"{"timestamp":""#).unwrap().split_at(24);
    let shape: String = timestamp.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    assert_eq!(shape, "0000-00-00T00:00:00.000Z");
    let expected = format!(
        concat!(
            r#"","level":"ERROR","service":"trading-api","traceId":"{}","message":"Failed to calculate VaR","#,
            r#""details":{{"error":"Insufficient data","portfolio":"7","attempt":2}}}}"#
        ),
        trace.id
    );
    assert_eq!(rest, expected);
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn mistakes_of_users_are_never_above_info() {
    let api = TradingApi::start(&[], &[]);
    let too_new = Trace::numbered(2);
    assert_eq!(get_in(&too_new, api.public(), &risk_of(TOO_NEW)).status, 422);
    let line = eventually(SOON, || lines_of(&api, &too_new).pop().ok_or("no line yet"));
    assert_eq!((&line["level"], &line["details"]["portfolio"]), (&json!("INFO"), &json!(TOO_NEW)));

    for (number, path) in (3..).zip(["/nothing", "/api/v1/portfolios/999", "/api/v1/portfolios/%00", "/ws/prices"]) {
        let trace = Trace::numbered(number);
        let status = get_in(&trace, api.public(), path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let traced: Vec<Value> = caught_up_log(&api).into_iter().filter(|line| line.get("traceId").is_some()).collect();
    let above: Vec<&Value> = traced.iter().filter(|line| line["level"] != "INFO" && line["level"] != "DEBUG").collect();
    assert!(above.is_empty(), "{above:?}");
    assert_eq!(traced.iter().filter(|line| line["traceId"] == too_new.id.as_str()).count(), 1);
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn event_stream_brings_prices() {
    let api = TradingApi::start(&[], &[]);
    let mut stream = EventStream::open(api.public());
    let seen = stream.read_until("\n\n");
    assert!(seen.starts_with("HTTP/1.1 200 OK\r\n"), "{seen}");
    assert!(seen.to_ascii_lowercase().contains("content-type: text/event-stream"), "{seen}");
    let data = seen.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert_is_tick(&serde_json::from_str(data).unwrap());
    assert!(seen.contains("event: price\n"), "{seen}");
}

#[tokio::test]
#[ignore = "needs the example built; run by tests/run"]
async fn websocket_brings_prices() {
    let api = TradingApi::start(&[], &[]);
    let url = format!("ws://{}/ws/prices", api.public());
    let (mut socket, upgrade) = tokio_tungstenite::connect_async(url).await.unwrap();
    assert_eq!(upgrade.status(), 101);
    let message = tokio::time::timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    let Message::Text(tick) = message else { panic!("{message:?}") };
    assert_is_tick(&serde_json::from_str(&tick).unwrap());
    socket.close(None).await.unwrap();

    eventually(SOON, || {
        let scrape = Scrape::of(api.admin());
        let closed = scrape.value("websocket_closes_total", &[("reason", "normal")]);
        if closed == Some(1.0) { Ok(()) } else { Err(format!("{closed:?} closed")) }
    });
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn health_says_statuses_to_strangers_and_details_to_operators() {
    let api = TradingApi::start(&[], &[]);
    wait_until_healthy(&api);
    let checks = ["database", "cache", "ibkr", "solana"];
    let (status, health) = public_health(&api);
    let healthy = json!({"status": "healthy"});
    let all = json!({"database": healthy, "cache": healthy, "ibkr": healthy, "solana": healthy});
    assert_eq!((status, health), (200, json!({"status": "healthy", "checks": all})));

    for address in [api.public(), api.admin()] {
        for (path, word) in [("live", "live"), ("ready", "ready"), ("startup", "started")] {
            let response = ok(address, &format!("/health/{path}"));
            assert_eq!(response.text(), format!(r#"{{"status":"{word}"}}"#));
            assert_eq!(response.header("content-type"), Some("application/json"));
            assert_eq!(response.header("cache-control"), Some("no-store"));
        }
        assert_eq!(http::request(address, "POST", "/health", &[], b"").unwrap().status, 405);
    }
    for check in checks {
        // Everything is a stand-in, and says so to those who may know.
        let details = ok(api.admin(), &format!("/health/{check}")).json();
        assert!(details["data"]["provided_by"].is_string(), "{details}");
        assert_eq!(ok(api.public(), &format!("/health/{check}")).json(), healthy);
    }
    assert_eq!(http::get(api.admin(), "/health/nothing", &[]).unwrap().status, 404);
    let embedded = |line: &Value| line["level"] == "WARN" && line["details"]["embedded"].is_string();
    assert_eq!(caught_up_log(&api).iter().filter(|line| embedded(line)).count(), checks.len());
}

#[test]
#[ignore = "needs promtool and the example built; run by tests/run"]
fn metrics_are_on_the_admin_port_only_and_promtool_accepts_them() {
    let api = TradingApi::start(&[], &[]);
    for path in ["/api/v1/portfolios/1", "/nothing", &risk_of("1"), &risk_of(WITHOUT_HISTORY), &access_of(WALLET)] {
        http::get(api.public(), path, &[]).unwrap();
    }
    assert_eq!(http::get(api.public(), "/metrics", &[]).unwrap().status, 404);
    assert_eq!(http::get(api.admin(), "/api/v1/portfolios/1", &[]).unwrap().status, 404);
    let response = ok(api.admin(), "/metrics");
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(promtool::check_metrics(response.text()), Ok(()));

    let scrape = Scrape::of(api.admin());
    assert_eq!(scrape.value("service_info", &[("service", "trading-api"), ("environment", "dev")]), Some(1.0));
    // Neither health nor anything of the admin port is measured as a request.
    let routes = scrape.samples().iter().filter_map(|sample| sample.labels.get("route"));
    assert!(routes.clone().all(|route| !route.contains("health") && !route.contains("metrics")));
    assert!(routes.count() > 0);
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn terminal_shows_urls_that_answer() {
    let api = TradingApi::start(&[], &[]);
    let told = api.stderr();
    let urls: Vec<&str> = told.split_whitespace().filter(|word| word.starts_with("http://")).collect();
    for path in
        ["/health", "/api/v1/portfolios/1", "/api/v1/portfolios/1/risk", "/access", "/api/v1/stream", "/metrics"]
    {
        assert!(urls.iter().any(|url| url.ends_with(path)), "{path} in {told}");
    }
    assert!(told.contains(&format!("ws://{}/ws/prices", api.public())), "{told}");
    for url in urls.iter().filter(|url| url.contains(&api.public().to_string()) && !url.ends_with("/stream")) {
        ok(api.public(), path_of(url));
    }
    for url in urls.iter().filter(|url| url.contains(&api.admin().to_string())) {
        ok(api.admin(), path_of(url));
    }
}

fn path_of(url: &str) -> &str {
    let after_scheme = &url["http://".len()..];
    after_scheme.find('/').map_or("/", |at| &after_scheme[at..])
}

#[track_caller]
fn assert_is_tick(tick: &Value) {
    assert!(tick["symbol"].is_string() && number(&tick["price"]) > 0.0 && tick["at"].is_u64(), "{tick}");
}

/// An amount, which is text so that no digit is lost.
#[track_caller]
fn number(amount: &Value) -> f64 {
    amount.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no amount: {amount}"))
}
