//! With a real PostgreSQL and a real Redis: what it keeps in them, and what it still does without them.

use serde_json::{Value, json};

use super::stream::EventStream;
use super::{SOON, WALLET, access_of, caught_up_log, ok, public_health, risk_of, wait_for_check, wait_until_healthy};
use crate::scrape::Scrape;
use crate::support::example::TradingApi;
use crate::support::http;
use crate::support::poll::eventually;
use crate::support::postgres::{Postgres, psql};
use crate::support::redis::Redis;

/// Of both servers, and shown nowhere.
const PASSWORD: &str = "hunter2";

/// Both servers with a user that is not the master of them.
fn servers() -> (Postgres, Redis) {
    let postgres = Postgres::start();
    postgres.psql(&format!("CREATE ROLE trader LOGIN PASSWORD '{PASSWORD}'"));
    postgres.psql("GRANT CREATE ON SCHEMA public TO trader");
    (postgres, Redis::start_with(&[("requirepass", PASSWORD)]))
}

#[track_caller]
fn start(postgres: &Postgres, redis: &Redis) -> TradingApi {
    let (database, cache) = (postgres.url_as("trader", PASSWORD), redis.url());
    TradingApi::start(&[("DATABASE_URL", &database), ("REDIS_URL", &cache)], &[])
}

#[tokio::test]
#[ignore = "needs PostgreSQL, Redis and the example built; run by tests/run"]
async fn database_and_cache_are_the_given_ones() {
    let (postgres, redis) = servers();
    let mut api = start(&postgres, &redis);
    let trader = postgres.url_as("trader", PASSWORD);
    let stored = || psql(&trader, "SELECT count(*) FROM portfolios").unwrap();
    assert_eq!(stored(), "20");

    // What is in PostgreSQL is served, and then what Redis has kept of it.
    psql(&trader, "UPDATE portfolios SET opened = 0 WHERE id = '1'").unwrap();
    let opened = || ok(api.public(), "/api/v1/portfolios/1").json()["opened"].take();
    assert_eq!(opened(), "1970-01-01");
    let client = redis_1::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = "trading-api:portfolio:1";
    let kept: String = redis_1::cmd("GET").arg(key).query_async(&mut connection).await.unwrap();
    let mut kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["opened"], 0);
    kept["opened"] = json!(1);
    let _: () =
        redis_1::cmd("SET").arg(&[key, &kept.to_string(), "EX", "600"]).query_async(&mut connection).await.unwrap();
    assert_eq!(opened(), "1970-01-02");

    wait_until_healthy(&api);
    let details = |check: &str| ok(api.admin(), &format!("/health/{check}")).json()["data"].take();
    let database = details("database");
    assert_eq!((&database["role"], &database["provided_by"]), (&json!("primary"), &Value::Null), "{database}");
    assert_eq!(details("cache")["provided_by"], Value::Null);
    let embedded: Vec<Value> = caught_up_log(&api)
        .into_iter()
        .filter_map(|mut line| line["details"].get_mut("embedded").map(Value::take))
        .collect();
    assert_eq!(embedded, ["stand-in in this process", "stand-in in this process"]);

    // The schema is there already when it starts again, and so is what has changed since.
    api.sigterm();
    assert_eq!(api.wait(SOON).code(), Some(0), "{}", api.stderr());
    assert_nothing_shown(&api);
    let again = start(&postgres, &redis);
    assert_eq!((stored(), ok(again.public(), "/api/v1/portfolios/2").status), ("20".to_owned(), 200));
    assert_eq!(psql(&trader, "SELECT opened FROM portfolios WHERE id = '1'").unwrap(), "0");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and the example built; run by tests/run"]
fn killed_redis_costs_no_request() {
    let (postgres, mut redis) = servers();
    let api = start(&postgres, &redis);
    wait_until_healthy(&api);
    for freeze in [false, true] {
        if freeze {
            redis.freeze()
        } else {
            redis.kill()
        }
        every_answer_is_right(&api);
        wait_for_check(&api, "cache", "unhealthy", Some("unreachable"));
        let (status, health) = public_health(&api);
        assert_eq!((status, &health["status"]), (200, &json!("degraded")), "{health}");
        assert_eq!(health["checks"]["cache"], json!({"status": "unhealthy"}));
        assert_eq!(health["checks"]["database"], json!({"status": "healthy"}));
        ok(api.public(), "/health/ready");
        every_answer_is_right(&api);

        if freeze {
            redis.thaw()
        } else {
            redis.restart()
        }
        wait_until_healthy(&api);
        every_answer_is_right(&api);
    }
    assert_eq!(Scrape::of(api.admin()).sum("api_errors_total", &[]), 0.0);
    let log = caught_up_log(&api);
    let said = |message: &str| log.iter().filter(|line| line["message"] == message).count();
    assert_eq!(said("Cache failed, going on without it"), said("Cache is back"));
    assert!(log.iter().all(|line| line["details"]["check"] == "cache" || line["level"] != "ERROR"));
    assert_nothing_shown(&api);
}

#[test]
#[ignore = "needs PostgreSQL, Redis and the example built; run by tests/run"]
fn killed_postgres_fails_only_what_needs_it() {
    let (mut postgres, redis) = servers();
    let api = start(&postgres, &redis);
    wait_until_healthy(&api);
    let public = api.public();
    // Kept by Redis for half a minute, as long as the next lines take by far.
    ok(public, "/api/v1/portfolios/2");
    postgres.kill();
    ok(public, "/api/v1/portfolios/2");
    let refused = http::get(public, "/api/v1/portfolios/3", &[]).unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("unavailable")));
    assert_eq!(http::get(public, &access_of(WALLET), &[]).unwrap().status, 503);

    wait_for_check(&api, "database", "unhealthy", Some("unreachable"));
    let (status, health) = public_health(&api);
    assert_eq!((status, &health["status"]), (503, &json!("unhealthy")), "{health}");
    assert_eq!(health["checks"]["database"], json!({"status": "unhealthy"}));
    assert_eq!(health["checks"]["cache"], json!({"status": "healthy"}));
    // A restart of this process would not help, and no other replica has another database.
    ok(public, "/health/live");
    ok(public, "/health/ready");
    EventStream::open(public).read_until("data: ");
    let scrape = Scrape::of(api.admin());
    assert_eq!(scrape.value("health_check_status", &[("check", "database"), ("status", "unhealthy")]), Some(1.0));
    assert!(scrape.sum("api_errors_total", &[("status", "503")]) >= 2.0);
    let failures = caught_up_log(&api).iter().filter(|line| line["message"] == "Failed to read from the store").count();
    assert!(failures >= 2, "{failures} lines");

    postgres.restart();
    eventually(SOON, || match http::get(public, "/api/v1/portfolios/3", &[]).unwrap().status {
        200 => Ok(()),
        status => Err(format!("status {status}")),
    });
    wait_until_healthy(&api);
    every_answer_is_right(&api);
    assert_nothing_shown(&api);
}

/// What does not hang on prices of the moment, asked of database, cache and chain.
#[track_caller]
fn every_answer_is_right(api: &TradingApi) {
    for number in 1..=6 {
        let portfolio = ok(api.public(), &format!("/api/v1/portfolios/{number}")).json();
        assert_eq!((&portfolio["portfolio"], &portfolio["complete"]), (&json!(number.to_string()), &json!(true)));
    }
    assert_eq!(ok(api.public(), &risk_of("1")).json()["value_at_risk"]["observations"], 250);
    assert_eq!(ok(api.public(), &access_of(WALLET)).json()["decision"], "grant");
}

/// No password where people look.
#[track_caller]
fn assert_nothing_shown(api: &TradingApi) {
    let health = http::get(api.admin(), "/health", &[]).map(|response| response.text().to_owned()).unwrap_or_default();
    for text in [api.stdout(), api.stderr(), health] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
}
