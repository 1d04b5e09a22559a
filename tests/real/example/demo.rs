//! `--demo`: a newcomer sees numbers of every kind at once.

use std::collections::BTreeSet;

use super::{PATIENCE, strict_log, wait_until_healthy};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::poll::eventually;

/// What the guide asks for of the business, and requests of every kind: samples that have to rise above zero.
const MOVING: &[(&str, &[(&str, &str)])] = &[
    ("portfolio_calculation_duration_seconds_count", &[("calculation", "valuation"), ("outcome", "ok")]),
    ("portfolio_updates_total", &[("source", "price-feed"), ("outcome", "ok")]),
    ("portfolio_last_update_timestamp_seconds", &[("source", "price-feed")]),
    ("portfolio_api_calls_total", &[("provider", "ibkr"), ("outcome", "ok")]),
    ("risk_model_execution_duration_seconds_count", &[("model", "historical-var"), ("outcome", "ok")]),
    ("risk_model_execution_duration_seconds_count", &[("model", "historical-var"), ("outcome", "failed")]),
    ("risk_calculation_failures_total", &[("fault", "data")]),
    ("risk_calculation_failures_total", &[("fault", "user")]),
    ("risk_model_info", &[("model", "historical-var")]),
    ("risk_var_window_observations", &[("model", "historical-var"), ("book", "house")]),
    (
        "risk_var_kupiec_p_value",
        &[("book", "house"), ("confidence", "0.99"), ("horizon", "1d"), ("pnl", "hypothetical")],
    ),
    ("risk_batch_items_total", &[("batch", "var-back-test"), ("outcome", "ok")]),
    ("risk_batch_deadline_timestamp_seconds", &[("batch", "var-back-test")]),
    ("token_price_updates_total", &[("outcome", "ok")]),
    ("token_price_last_update_timestamp_seconds", &[]),
    ("token_requirement_adjustments_total", &[("outcome", "ok")]),
    ("token_requirement_amount", &[("tier", "basic")]),
    ("token_requirement_amount", &[("tier", "pro")]),
    ("token_requirement_amount", &[("tier", "institutional")]),
    ("token_balance_verification_duration_seconds_count", &[("outcome", "ok")]),
    ("token_access_decisions_total", &[("decision", "grant")]),
    ("token_access_decisions_total", &[("decision", "deny")]),
    ("api_requests_total", &[("route", "/api/v1/portfolios/{id}"), ("status", "200")]),
    ("api_requests_total", &[("route", "/api/v1/portfolios/{id}"), ("status", "400")]),
    ("api_requests_total", &[("route", "/api/v1/portfolios/{id}"), ("status", "404")]),
    ("api_requests_total", &[("route", "/api/v1/portfolios/{id}/risk"), ("status", "200")]),
    ("api_requests_total", &[("route", "/api/v1/portfolios/{id}/risk"), ("status", "422")]),
    ("api_requests_total", &[("route", "/api/v1/wallets/{wallet}/access"), ("status", "200")]),
    ("api_requests_total", &[("route", "_unmatched"), ("status", "404")]),
    ("api_requests_total", &[("route", "/ws/prices"), ("outcome", "upgraded")]),
    ("api_requests_total", &[("route", "/api/v1/stream"), ("outcome", "aborted")]),
    ("api_errors_total", &[("route", "/api/v1/portfolios/{id}/risk"), ("status", "500")]),
    ("api_response_time_seconds_count", &[("route", "/api/v1/portfolios/{id}"), ("status_class", "2xx")]),
    ("api_in_flight_requests", &[("route", "/api/v1/stream")]),
    ("api_active_connections", &[]),
    ("websocket_active_connections", &[("route", "/ws/prices")]),
    ("websocket_messages_total", &[("route", "/ws/prices"), ("direction", "sent")]),
    ("websocket_closes_total", &[("route", "/ws/prices"), ("reason", "normal")]),
    ("websocket_connection_duration_seconds_count", &[("route", "/ws/prices")]),
    ("log_lines_total", &[("level", "error")]),
    ("log_lines_total", &[("level", "info")]),
];

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn demo_moves_every_number() {
    let api = TradingApi::start(&[], &["--demo"]);
    // Streams come and go, so each number has to have been seen once, not all at one moment.
    let mut still: BTreeSet<usize> = (0..MOVING.len()).collect();
    eventually(PATIENCE, || {
        let scrape = Scrape::of(api.admin());
        still.retain(|&index| {
            let (name, labels) = MOVING[index];
            scrape.sum(name, labels) <= 0.0
        });
        let shown: Vec<_> = still.iter().map(|&index| MOVING[index]).collect();
        if still.is_empty() { Ok(()) } else { Err(format!("still zero: {shown:?}")) }
    });
    wait_until_healthy(&api);
    let scrape = Scrape::of(api.admin());
    assert_eq!(scrape.sum("log_lines_dropped_total", &[]), 0.0);
    // The demo makes mistakes and meets one hole in the data; nothing else is wrong.
    let lines = strict_log(&api);
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert!(errors.iter().all(|line| line["message"] == "Failed to calculate VaR"), "{errors:?}");
    assert_eq!(scrape.sum("api_errors_total", &[]), scrape.sum("api_errors_total", &[("status", "500")]));
}
