//! Its stand-ins for IBKR and Solana, made to fail: what health says while it lasts, and that it heals.

use std::net::SocketAddr;

use serde_json::json;

use super::{WALLET, access_of, caught_up_log, ok, public_health, wait_for_check, wait_until_healthy};
use crate::support::example::TradingApi;
use crate::support::http;

/// Where a stand-in is told how to behave.
pub(crate) struct Control {
    address: SocketAddr,
    path: String,
}

impl Control {
    /// The control endpoint that the terminal names for this stand-in.
    #[track_caller]
    pub(crate) fn of(api: &TradingApi, name: &str) -> Self {
        let told = api.stderr();
        let mut lines = told.lines().skip_while(|line| !line.contains(name));
        let url = lines.nth(1).and_then(|line| line.split_whitespace().last()).unwrap_or_default();
        let Some((address, path)) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
            panic!("no URL for {name} in {told}")
        };
        Self { address: address.parse().expect("a loopback address"), path: format!("/{path}") }
    }

    /// A URL of what is imitated.
    #[cfg(feature = "full")]
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    #[track_caller]
    pub(crate) fn set(&self, mode: &str) {
        let body = json!({"mode": mode}).to_string();
        let response = http::request(self.address, "POST", &self.path, &[], body.as_bytes()).expect("it answers");
        assert_eq!(response.status, 200, "{}", response.text());
    }
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn ibkr_session_lost_is_seen_with_its_reason_and_found_again() {
    let api = TradingApi::start(&[], &[]);
    wait_until_healthy(&api);
    let ibkr = Control::of(&api, "IBKR gateway");
    for (mode, reason) in [("competing", "competing_session"), ("not_authenticated", "not_authenticated")] {
        ibkr.set(mode);
        let details = wait_for_check(&api, "ibkr", "unhealthy", Some(reason));
        assert_eq!((&details["severity"], &details["last_failure"]["reason"]), (&json!("critical"), &json!(reason)));
        assert_only_degraded(&api, "ibkr");
    }
    // The last prices stay.
    ok(api.public(), "/api/v1/portfolios/1");

    ibkr.set("ok");
    wait_until_healthy(&api);
    assert_eq!(transitions(&api, "ibkr"), ["unhealthy", "healthy"]);
    // Identifiers of the session stay inside.
    let shown = [api.stdout(), ok(api.admin(), "/health").text().to_owned()].concat();
    assert!(!shown.contains("9fe1c0ffee") && !shown.contains("F4:03:43"), "{shown}");
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn solana_stalled_is_seen_with_its_reason_and_found_again() {
    let api = TradingApi::start(&[], &[]);
    wait_until_healthy(&api);
    let solana = Control::of(&api, "Solana RPC node");
    solana.set("stalled");
    wait_for_check(&api, "solana", "unhealthy", Some("slot_stalled"));
    assert_only_degraded(&api, "solana");
    // A node that stands still answers.
    assert_eq!(ok(api.public(), &access_of(WALLET)).json()["basis"], "verified");

    solana.set("garbage");
    wait_for_check(&api, "solana", "unhealthy", Some("invalid_response"));
    assert_eq!(ok(api.public(), &access_of(WALLET)).json()["basis"], "cached");

    solana.set("ok");
    wait_until_healthy(&api);
    assert_eq!(transitions(&api, "solana"), ["unhealthy", "healthy"]);
}

/// Strangers see that one check is unhealthy; the whole still answers 200.
#[track_caller]
fn assert_only_degraded(api: &TradingApi, failing: &str) {
    let (status, health) = public_health(api);
    assert_eq!((status, &health["status"]), (200, &json!("degraded")), "{health}");
    for (check, shown) in health["checks"].as_object().expect("an object") {
        let expected = if check == failing { "unhealthy" } else { "healthy" };
        assert_eq!(shown, &json!({"status": expected}), "{check}");
    }
    ok(api.public(), "/health/ready");
}

/// What the log says that a check has become, in order.
fn transitions(api: &TradingApi, check: &str) -> Vec<String> {
    let lines = caught_up_log(api);
    let of_check = lines.iter().filter(|line| line["details"]["check"] == check);
    of_check.filter_map(|line| Some(line["details"]["to"].as_str()?.to_owned())).collect()
}
