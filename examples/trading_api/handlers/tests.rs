//! The API over the embedded stores and stand-ins, without a socket in between.

use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{App, router};
use crate::access::Requirements;
use crate::cache::Cache;
use crate::domain::Usd;
use crate::grace::{self, Grace};
use crate::instruments::{Instruments, Memory, Queries};
use crate::library::Library;
use crate::market::Market;
use crate::outside::Outside;
use crate::settings::Backend;
use crate::store::{Store, seed};
use crate::upstream::Solana;

struct Bench {
    router: Router,
    monitoring: Monitoring,
    outside: Outside,
    requirements: Arc<Requirements>,
    grace: Arc<Grace>,
    held: ManualClock,
}

impl Bench {
    async fn new() -> Self {
        let store = Store::open(&Backend::Embedded);
        store.prepare().await.unwrap();
        // Every instrument has a price, those without history too.
        let prices = seed::instruments().map(|known| (known.symbol.to_owned(), known.first_price()));
        let outside = Outside::reach(&Backend::Embedded, &Backend::Embedded).await.unwrap();
        let held = ManualClock::new();
        let monitoring = Monitoring::builder("trading-api").clock(held.clock()).build().unwrap();
        let requirements = Arc::new(Requirements::at_opening());
        let grace = Arc::new(Grace::new(&monitoring.token(), held.clock()).unwrap());
        held.advance(Duration::from_secs(1));
        let cache = Cache::open(&Backend::Embedded).unwrap();
        let library = Library::new(store, cache, Queries::new(&monitoring), Memory::new(&monitoring));
        let (balances, confirmed) = monitoring.queue().named("balances").channel(1);
        tokio::spawn(library.clone().keep_balances(confirmed));
        let router = router(App {
            library,
            market: Market::new(prices),
            requirements: Arc::clone(&requirements),
            grace: Arc::clone(&grace),
            solana: Solana::at(&outside.solana).unwrap(),
            instruments: Instruments::new(&monitoring),
            balances,
        });
        Self { router, monitoring, outside, requirements, grace, held }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn risk_of(&self, portfolio: &str) -> (StatusCode, Value) {
        self.get(&format!("/api/v1/portfolios/{portfolio}/risk")).await
    }

    async fn access_of(&self, wallet: &str) -> (StatusCode, Value) {
        self.get(&format!("/api/v1/wallets/{wallet}/access")).await
    }

    fn failures(&self, fault: &str) -> Option<f64> {
        let labels = [("model", "historical-var"), ("reason", "insufficient_data"), ("fault", fault)];
        self.monitoring.registry().snapshot().value("risk_calculation_failures_total", &labels)
    }
}

#[tokio::test]
async fn portfolio_is_shown_with_prices_and_value() {
    let (status, body) = Bench::new().await.get("/api/v1/portfolios/1").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["portfolio"], &body["complete"]), (&"1".into(), &true.into()));
    assert_eq!(body["holdings"][0]["basis"], "close");
    assert!(body["value"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);
}

#[tokio::test]
async fn ids_that_are_none_are_refused_and_unknown_ones_not_found() {
    let bench = Bench::new().await;
    for (id, status) in [
        ("999", StatusCode::NOT_FOUND),
        ("%00", StatusCode::BAD_REQUEST),
        ("%0a%0d", StatusCode::BAD_REQUEST),
        ("..%2f1", StatusCode::BAD_REQUEST),
        ("%22%7d", StatusCode::BAD_REQUEST),
        ("%ff", StatusCode::BAD_REQUEST),
        (&"9".repeat(10_000), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(bench.get(&format!("/api/v1/portfolios/{id}")).await.0, status, "{id}");
        assert_eq!(bench.risk_of(id).await.0, status, "{id}");
        assert_eq!(bench.access_of(id).await.0, StatusCode::BAD_REQUEST, "{id}");
    }
    assert_eq!(bench.access_of("11111111111111111111111111111111").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn risk_is_a_loss_over_a_full_window() {
    let bench = Bench::new().await;
    for portfolio in 1..=20 {
        let portfolio = portfolio.to_string();
        if [seed::HOLDS_WITHOUT_HISTORY, seed::TOO_NEW].contains(&portfolio.as_str()) {
            continue;
        }
        let (status, body) = bench.risk_of(&portfolio).await;
        assert_eq!(status, StatusCode::OK, "{portfolio}");
        assert_eq!(body["value_at_risk"]["observations"], 250, "{portfolio}");
        assert!(body["value_at_risk"]["loss"].as_str().unwrap().parse::<f64>().unwrap() > 0.0, "{portfolio}");
    }
}

#[tokio::test]
async fn missing_history_is_our_error_and_the_fault_of_data() {
    let bench = Bench::new().await;
    assert_eq!(bench.failures("data"), Some(0.0), "declared");
    let (status, body) = bench.risk_of(seed::HOLDS_WITHOUT_HISTORY).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &"insufficient_data".into()));
    assert_eq!((bench.failures("data"), bench.failures("user")), (Some(1.0), Some(0.0)));
}

#[tokio::test]
async fn user_too_new_is_told_so_and_is_nobodys_error() {
    let bench = Bench::new().await;
    let (status, body) = bench.risk_of(seed::TOO_NEW).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &"insufficient_data".into()));
    assert_eq!((bench.failures("data"), bench.failures("user")), (Some(0.0), Some(1.0)));
}

#[tokio::test]
async fn access_rests_on_the_chain_then_on_memory_then_on_nothing() {
    let mut bench = Bench::new().await;
    let [poor, rich] = [3, 8].map(|place| seed::LEDGER[place].wallet);
    let answer = async |bench: &Bench, wallet| {
        let (status, body) = bench.access_of(wallet).await;
        assert_eq!(status, StatusCode::OK);
        ["decision", "basis", "reason"].map(|field| body[field].as_str().unwrap().to_owned())
    };
    assert_eq!(answer(&bench, rich).await, ["grant", "verified", "requirement_met"]);

    bench.outside.stand_ins.clear(); // the node is gone
    assert_eq!(answer(&bench, rich).await, ["grant", "cached", "requirement_met"]);
    assert_eq!(answer(&bench, poor).await, ["deny", "fail_closed", "balance_unknown"]);

    let decisions = bench.monitoring.registry().snapshot();
    let count = |basis| decisions.sum("token_access_decisions_total", &[("basis", basis)]);
    assert_eq!(["verified", "cached", "fail_closed"].map(count), [Some(1.0); 3]);
}

#[tokio::test]
async fn price_that_falls_begins_a_grace_period_which_runs_out() {
    let bench = Bench::new().await;
    let wallet = seed::LEDGER[6].wallet; // 1,173 tokens; at opening its tier requires 1,000
    let answer = async || {
        let (status, body) = bench.access_of(wallet).await;
        assert_eq!(status, StatusCode::OK);
        ["decision", "basis", "reason"].map(|field| body[field].as_str().unwrap().to_owned())
    };
    assert_eq!(answer().await, ["grant", "verified", "requirement_met"]);
    bench.requirements.follow(Usd::from_ten_thousandths(8_000)); // 1,250
    assert_eq!(answer().await, ["grant", "grace", "grace_period"]);
    let value = |name: &str, labels: &[(&str, &str)]| bench.monitoring.registry().snapshot().value(name, labels);
    let of_pro = |state| value(&format!("token_grace_periods_{state}"), &[("tier", "pro")]);
    let started = [("tier", "pro"), ("cause", "price_moved")];
    assert_eq!((value("token_grace_periods_started_total", &started), of_pro("active")), (Some(1.0), Some(1.0)));

    bench.held.advance(grace::LENGTH);
    assert_eq!(of_pro("overdue"), Some(1.0), "until somebody looks");
    bench.grace.expire();
    assert_eq!((of_pro("overdue"), of_pro("active")), (Some(0.0), Some(0.0)));
    assert_eq!(answer().await, ["deny", "verified", "balance_too_low"]);
    let decided = [("decision", "grant"), ("basis", "grace"), ("reason", "grace_period")];
    assert_eq!(value("token_access_decisions_total", &decided), Some(1.0));
}
