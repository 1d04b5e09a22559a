//! Clients that mean no good: nothing of what they send becomes a series or breaks a line of the log.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;

use fastrand::Rng;

use super::{SOON, TOO_NEW, WALLET, WITHOUT_HISTORY, access_of, ok, risk_of, strict_log};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::http::{self, exchange};

/// In every path, method, host and header that is made up here, so that it is found wherever it should not be.
const MARK: &str = "zq7x";

const CLIENTS: u64 = 4;
const REQUESTS_EACH: usize = 1_000;

/// Everything that labels of requests may say.
const ROUTES: [&str; 6] = [
    "/api/v1/portfolios/{id}",
    "/api/v1/portfolios/{id}/risk",
    "/api/v1/wallets/{wallet}/access",
    "/api/v1/stream",
    "/ws/prices",
    "_unmatched",
];
const METHODS: [&str; 11] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY", "_OTHER"];

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn random_requests_leave_series_bounded_and_the_log_valid() {
    let mut api = TradingApi::start(&[("RUST_LOG", "debug")], &[]);
    let public = api.public();
    let seeds = |round: u64| round * CLIENTS..(round + 1) * CLIENTS;

    flood(public, seeds(0));
    let before = Scrape::of(api.admin());
    flood(public, seeds(1));
    let after = Scrape::of(api.admin());
    for request in large_ones(public) {
        // Answered or cut off, as the server likes.
        let _ = exchange(public, &request);
    }
    let last = Scrape::of(api.admin());

    for scrape in [&before, &after, &last] {
        assert!(!scrape.text().contains(MARK), "input became a label");
        assert!(values(scrape, "route").is_subset(&ROUTES.into()), "{:?}", values(scrape, "route"));
        assert!(values(scrape, "method").is_subset(&METHODS.into()), "{:?}", values(scrape, "method"));
    }
    // Some combination of a method, a route and a status may come up late; thousands of requests bring no more.
    let [before, after] = [&before, &after].map(|scrape| scrape.samples().len());
    assert!(after < before + 200, "from {before} series to {after}");
    assert!(last.samples().len() < 4_000, "{} series", last.samples().len());
    assert_eq!(last.sum("monitoring_series_overflow_total", &[]), 0.0);
    assert!(last.sum("api_requests_total", &[]) > 1_000.0, "most of them are requests at all");

    ok(public, "/health/live");
    ok(public, "/api/v1/portfolios/1");
    api.sigterm();
    assert_eq!(api.wait(SOON).code(), Some(0));
    assert!(api.stdout().ends_with('\n'));
    assert!(strict_log(&api).iter().all(|line| line["service"] == "trading-api"));
}

/// Random requests of several clients at once, the same for the same seeds.
fn flood(address: SocketAddr, seeds: std::ops::Range<u64>) {
    thread::scope(|scope| {
        for seed in seeds {
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed);
                for round in 0..REQUESTS_EACH {
                    let mut bytes = request(&mut random);
                    if round % 20 == 0 {
                        let at = random.usize(..bytes.len());
                        bytes[at] = random.u8(..);
                        throw(address, &bytes);
                    } else {
                        // Many are no HTTP, and are answered as such.
                        let _ = exchange(address, &bytes);
                    }
                }
            });
        }
    });
}

fn request(random: &mut Rng) -> Vec<u8> {
    let method = match random.u8(0..4) {
        0 => "GET".to_owned(),
        1 => METHODS[random.usize(..METHODS.len())].to_owned(),
        2 => format!("{MARK}{}", random.u32(..)),
        _ => format!("{}{MARK}", word(random, b"!#$%&'*+-.^_`|~aZ9")),
    };
    let path = path(random);
    let version = ["1.1", "1.1", "1.1", "1.0", "9.9"][random.usize(..5)];
    let host = match random.u8(0..3) {
        0 => "localhost".to_owned(),
        1 => format!("{}.{MARK}.example", random.u64(..)),
        _ => format!("{MARK}\"\\{}", word(random, b"{}<>@,;= \t")),
    };
    let trace = match random.u8(0..3) {
        0 => format!("00-{:032x}-{:016x}-01", random.u128(..), random.u64(..)),
        1 => format!("{MARK}-{}", random.u64(..)),
        _ => "00-00000000000000000000000000000000-0000000000000000-00".to_owned(),
    };
    let id = format!("{MARK}{}", word(random, b"\t\"\\{}\x80\xff/=:a0"));
    let mut bytes = format!("{method} {path} HTTP/{version}\r\nHost: {host}\r\nConnection: close\r\n").into_bytes();
    bytes.extend_from_slice(format!("traceparent: {trace}\r\nx-request-id: {id}\r\nx-{MARK}: {id}\r\n").as_bytes());
    if random.u8(0..20) == 0 {
        bytes.extend_from_slice(format!("Upgrade: websocket\r\nSec-WebSocket-Key: {MARK}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Sends bytes that may be no whole request, says so, and waits until the server has had enough.
fn throw(address: SocketAddr, bytes: &[u8]) {
    let Ok(mut connection) = http::connect(address) else { return };
    // Errors are as good an end as any.
    let _ = connection.write_all(bytes);
    let _ = connection.shutdown(Shutdown::Write);
    let _ = connection.read_to_end(&mut Vec::new());
}

fn path(random: &mut Rng) -> String {
    let id = format!("{MARK}{}", word(random, b"aZ09-_%/.?&=\"'{}|\\^~\x01\x7f"));
    let encoded = format!("{MARK}%{:02x}%{:02X}", random.u8(..0x20), random.u8(0x7f..));
    let known = ["1", WITHOUT_HISTORY, TOO_NEW, "999"][random.usize(..4)];
    match random.u8(0..8) {
        0 => format!("/{id}"),
        1 => format!("/api/v1/portfolios/{id}"),
        2 => format!("/api/v1/portfolios/{encoded}"),
        3 => risk_of(&encoded),
        4 => risk_of(known),
        5 => access_of([&encoded, WALLET][random.usize(..2)]),
        6 => format!("http://{MARK}.example/api/v1/portfolios/{known}?{id}"),
        _ => format!("/api/v1/portfolios/../../{encoded}//ws/prices"),
    }
}

/// Up to sixteen of these bytes, as characters.
fn word(random: &mut Rng, of: &[u8]) -> String {
    (0..random.usize(..16)).map(|_| char::from(of[random.usize(..of.len())])).collect()
}

/// 64 KB where a few bytes are usual.
fn large_ones(address: SocketAddr) -> Vec<Vec<u8>> {
    let large = MARK.repeat(16 * 1024);
    let with = |path: &str, name: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{name}: {large}\r\n\r\n").into_bytes()
    };
    let mut requests: Vec<Vec<u8>> = ["traceparent", "tracestate", "x-request-id", "user-agent", "cookie", "accept"]
        .iter()
        .flat_map(|name| [with(&risk_of(WITHOUT_HISTORY), name), with("/nothing", name)])
        .collect();
    requests.push(with(&format!("/api/v1/portfolios/{large}"), "x-large"));
    requests.push(with(&format!("/{large}"), "x-large"));
    requests.push(format!("{large} / HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes());
    requests
}

/// The values of a label, over all series.
fn values<'a>(scrape: &'a Scrape, label: &str) -> BTreeSet<&'a str> {
    scrape.samples().iter().filter_map(|sample| sample.labels.get(label)).map(String::as_str).collect()
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn request_with_a_header_of_64_kilobytes_is_served() {
    let api = TradingApi::start(&[], &[]);
    let large = "a".repeat(64 * 1024);
    for name in ["x-large", "traceparent", "tracestate", "x-request-id"] {
        let response = http::get(api.public(), "/api/v1/portfolios/1", &[(name, &large)]).unwrap();
        assert_eq!(response.status, 200, "{name}");
        // What is not sane is not repeated.
        assert_eq!(response.header("x-request-id").map(str::len), Some(36), "{name}");
    }
}
