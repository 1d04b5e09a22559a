//! What a real Prometheus stores of the example under load, against what was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;

use crate::example::{SOON, TOO_NEW, WALLET, WITHOUT_HISTORY, access_of, risk_of};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::http;
use crate::support::poll::eventually;
use crate::support::prometheus::Prometheus;

const CLIENTS: usize = 8;
/// Of each kind, by each client.
const REQUESTS: usize = 25;

/// A kind of request, and under which labels it is counted.
struct Kind {
    method: &'static str,
    path: String,
    labels: [&'static str; 4],
}

/// `method`, `route`, `status`, `outcome` of each kind; two kinds share theirs.
fn kinds() -> Vec<Kind> {
    let portfolio = "/api/v1/portfolios/{id}";
    let risk = "/api/v1/portfolios/{id}/risk";
    let access = "/api/v1/wallets/{wallet}/access";
    [
        ("GET", "/api/v1/portfolios/1".to_owned(), ["GET", portfolio, "200", "ok"]),
        ("GET", "/api/v1/portfolios/2".to_owned(), ["GET", portfolio, "200", "ok"]),
        ("HEAD", "/api/v1/portfolios/2".to_owned(), ["HEAD", portfolio, "200", "ok"]),
        ("GET", "/api/v1/portfolios/999".to_owned(), ["GET", portfolio, "404", "client_error"]),
        ("GET", "/api/v1/portfolios/%20".to_owned(), ["GET", portfolio, "400", "client_error"]),
        ("POST", "/api/v1/portfolios/1".to_owned(), ["POST", portfolio, "405", "client_error"]),
        ("PROPFIND", "/api/v1/portfolios/1".to_owned(), ["_OTHER", portfolio, "405", "client_error"]),
        ("GET", risk_of("1"), ["GET", risk, "200", "ok"]),
        ("GET", risk_of(TOO_NEW), ["GET", risk, "422", "client_error"]),
        ("GET", risk_of(WITHOUT_HISTORY), ["GET", risk, "500", "server_error"]),
        ("GET", access_of(WALLET), ["GET", access, "200", "ok"]),
        ("GET", access_of("nobody"), ["GET", access, "400", "client_error"]),
        ("GET", "/no/such/page".to_owned(), ["GET", "_unmatched", "404", "client_error"]),
        ("DELETE", "/nor/this".to_owned(), ["DELETE", "_unmatched", "404", "client_error"]),
    ]
    .map(|(method, path, labels)| Kind { method, path, labels })
    .into()
}

#[test]
#[ignore = "needs Prometheus and the example built; run by tests/run"]
fn prometheus_stores_exactly_the_requests_sent() {
    let api = TradingApi::start(&[("AISTM7_ENVIRONMENT", "production")], &[]);
    let prometheus = Prometheus::scraping(&[api.admin()], &[]);
    eventually(SOON, || if prometheus.value("up") == Some(1.0) { Ok(()) } else { Err("not scraped yet") });

    let kinds = kinds();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (kinds, public) = (&kinds, api.public());
            scope.spawn(move || send(kinds, public, client));
        }
    });
    wait_for_the_next_scrape(&api, &prometheus);

    let sent = (CLIENTS * REQUESTS) as f64;
    let mut expected = Counts::new();
    for kind in &kinds {
        *expected.entry(kind.labels.map(str::to_owned).into()).or_default() += sent;
    }
    let by_end = ["method", "route", "status", "outcome"];
    assert_eq!(counts(&prometheus, "api_requests_total", &by_end), expected);
    let errors = expected.iter().filter(|(labels, _)| labels[3] == "server_error");
    assert_eq!(counts(&prometheus, "api_errors_total", &by_end), errors.map(|(k, v)| (k.clone(), *v)).collect());

    let by_route = ["method", "route"];
    let started = regrouped(&expected, |labels| labels[..2].to_vec());
    assert_eq!(counts(&prometheus, "api_requests_started_total", &by_route), started);
    assert_eq!(counts(&prometheus, "api_in_flight_requests", &by_route), Counts::new());

    let by_class = ["method", "route", "status_class"];
    let timed =
        regrouped(&expected, |labels| vec![labels[0].clone(), labels[1].clone(), format!("{}xx", &labels[2][..1])]);
    assert_eq!(counts(&prometheus, "api_response_time_seconds_count", &by_class), timed);
    assert_eq!(counts(&prometheus, r#"api_response_time_seconds_bucket{le="+Inf"}"#, &by_class), timed);

    let info = prometheus.samples("service_info").pop().expect("each process says who it is");
    let identity = ["service", "environment", "version"].map(|label| info.labels[label].as_str());
    assert_eq!((identity, info.value), (["trading-api", "prod", env!("CARGO_PKG_VERSION")], 1.0));
    assert_eq!(prometheus.value("up"), Some(1.0));
    // The objective of the guide can be asked for: an edge is exactly there.
    let quantile = "histogram_quantile(0.95, sum by (le) (api_response_time_seconds_bucket))";
    let quantile = prometheus.value(quantile).expect("there were requests");
    assert!(quantile > 0.0 && quantile.is_finite(), "{quantile}");
    let within = prometheus.value(r#"sum(api_response_time_seconds_bucket{le="0.5"})"#);
    assert!(within.is_some_and(|within| within > 0.0), "{within:?}");
}

#[test]
#[ignore = "needs Prometheus and the example built; run by tests/run"]
fn prometheus_stores_the_trace_of_a_request() {
    let api = TradingApi::start(&[], &[]);
    let send = |path, traceparent| {
        let response = http::get(api.public(), path, &[("traceparent", traceparent)]).expect("it answers");
        response.header("traceresponse").expect("every answer has it")[3..52].to_owned()
    };
    let sent = send("/api/v1/portfolios/1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    send("/no/such/page", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    let prometheus = Prometheus::scraping(&[api.admin()], &[]);
    let exemplars = eventually(SOON, || {
        let exemplars = prometheus.exemplars("api_response_time_seconds_bucket");
        if exemplars.is_empty() { Err("none is stored") } else { Ok(exemplars) }
    });
    // The only sample of its series is the latest and the largest, and shown once; the other trace was not sampled.
    let [exemplar] = &exemplars[..] else { panic!("one trace was sampled: {exemplars:#?}") };
    assert_eq!(format!("{}-{}", exemplar.labels["trace_id"], exemplar.labels["span_id"]), sent);
    assert_eq!(exemplar.series["route"], "/api/v1/portfolios/{id}");
    let bound = exemplar.series["le"].replace("+Inf", "inf").parse().expect("a bound is a number");
    assert!(exemplar.value > 0.0 && exemplar.value <= bound, "{exemplar:?}");
    let sum = prometheus.value(r#"api_response_time_seconds_sum{route="/api/v1/portfolios/{id}"}"#);
    assert_eq!(sum, Some(exemplar.value));
    let now = prometheus.value("vector(time())").expect("Prometheus tells the time");
    assert!((now - exemplar.unix_seconds).abs() < SOON.as_secs_f64(), "recorded a moment before {now}: {exemplar:?}");
}

/// Sends each kind so many times, each client in an order of its own.
fn send(kinds: &[Kind], address: SocketAddr, client: usize) {
    for round in 0..REQUESTS * kinds.len() {
        let kind = &kinds[(round + client) % kinds.len()];
        let status = http::request(address, kind.method, &kind.path, &[], b"").expect("it answers").status;
        assert_eq!(status.to_string(), kind.labels[2], "{} {}", kind.method, kind.path);
    }
}

/// Waits until Prometheus has stored what was there after all requests had ended.
fn wait_for_the_next_scrape(api: &TradingApi, prometheus: &Prometheus) {
    // A client has its answer a moment before the server has let go of it.
    let rest = eventually(SOON, || {
        let scrape = Scrape::of(api.admin());
        let in_flight = scrape.sum("api_in_flight_requests", &[]);
        if in_flight == 0.0 { Ok(scrape) } else { Err(format!("{in_flight} in flight")) }
    });
    // A scrape counts those that ended before it, so one that counts more than ours began after it.
    let count = "monitoring_scrape_duration_seconds_count";
    let ours = rest.value(count, &[]).expect("scrapes are counted");
    eventually(SOON, || match prometheus.value(count) {
        Some(stored) if stored > ours => Ok(()),
        stored => Err(format!("{stored:?} scrapes stored, more than {ours} are needed")),
    });
}

/// Values by the values of some labels; zeros are left out.
type Counts = BTreeMap<Vec<String>, f64>;

fn counts(prometheus: &Prometheus, expression: &str, labels: &[&str]) -> Counts {
    let samples = prometheus.samples(expression);
    let counted = samples.iter().filter(|sample| sample.value != 0.0);
    counted.map(|sample| (labels.iter().map(|label| sample.labels[*label].clone()).collect(), sample.value)).collect()
}

fn regrouped(counts: &Counts, key: impl Fn(&[String]) -> Vec<String>) -> Counts {
    let mut sums = Counts::new();
    for (labels, value) in counts {
        *sums.entry(key(labels)).or_default() += value;
    }
    sums
}
