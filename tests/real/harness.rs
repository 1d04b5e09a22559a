//! The harness itself: what a test takes for granted about its servers.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use sqlx_0_9::{Connection, PgConnection};

use crate::support::pgbouncer::PgBouncer;
use crate::support::poll::{eventually, eventually_async};
use crate::support::port::{StartError, free_port, loopback, on_free_port};
use crate::support::postgres::{Postgres, psql};
use crate::support::prometheus::Prometheus;
use crate::support::redis::Redis;
use crate::support::{http, promtool};

/// For what a healthy server does in milliseconds.
const SOON: Duration = Duration::from_secs(20);

/// Long enough to show that a frozen server does not answer.
const A_WHILE: Duration = Duration::from_millis(500);

#[test]
fn taken_port_is_given_up_for_another() {
    let taken = TcpListener::bind(loopback(free_port())).unwrap();
    let mut tried = Vec::new();
    let listener = on_free_port(|port| {
        tried.push(port);
        // The first port is taken by somebody else after it was found free.
        let port = if tried.len() == 1 { taken.local_addr().unwrap().port() } else { port };
        TcpListener::bind(loopback(port)).map_err(|_| StartError::PortTaken)
    });
    assert_eq!(tried.len(), 2);
    assert_eq!(listener.local_addr().unwrap().port(), tried[1]);
}

#[test]
fn http_client_keeps_header_case_and_joins_chunks() {
    let server = answering(
        "HTTP/1.1 200 OK\r\nX-One: 1\r\nx-one: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
         4\r\nchun\r\n3\r\nked\r\n0\r\n\r\n",
    );
    let response = http::get(server, "/path", &[("x-sent", "yes")]).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.headers[..2], [pair("X-One", "1"), pair("x-one", "2")]);
    assert_eq!(response.text(), "chunked");
}

#[test]
fn http_client_refuses_an_answer_that_was_cut_off() {
    let server = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nchu");
    let error = http::get(server, "/", &[]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
#[ignore = "needs PostgreSQL; run by tests/run"]
fn postgres_comes_back_with_its_data_after_kill() {
    let mut postgres = Postgres::start();
    let url = postgres.url();
    postgres.psql("CREATE TABLE kept AS SELECT 7 AS value");
    let session = background_sleep(&url);
    eventually(SOON, || match psql(&url, "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'") {
        Ok(count) if count == "1" => Ok(()),
        other => Err(format!("{other:?}")),
    });

    postgres.kill();
    let refused = psql(&url, "SELECT 1").unwrap_err();
    assert!(refused.contains("Connection refused"), "{refused}");
    // The backend of an open session is killed too, not left to finish.
    let cut_off = session.join().unwrap().unwrap_err();
    assert!(cut_off.contains("closed the connection"), "{cut_off}");

    postgres.restart();
    assert_eq!(postgres.url(), url);
    assert_eq!(postgres.psql("SELECT value FROM kept"), "7");
}

#[tokio::test]
#[ignore = "needs PostgreSQL; run by tests/run"]
async fn frozen_postgres_answers_an_open_session_after_thaw() {
    let mut postgres = Postgres::start();
    let mut session = PgConnection::connect(&postgres.url()).await.unwrap();

    postgres.freeze();
    let query = sqlx_0_9::query_scalar::<_, i32>("SELECT 7").fetch_one(&mut session);
    tokio::pin!(query);
    let answered = tokio::time::timeout(A_WHILE, &mut query).await;
    assert!(answered.is_err(), "a frozen backend answered: {answered:?}");

    postgres.thaw();
    let value = tokio::time::timeout(SOON, query).await.unwrap().unwrap();
    assert_eq!(value, 7);
}

#[test]
#[ignore = "needs PostgreSQL; run by tests/run"]
fn postgres_settings_and_passwords_are_honoured() {
    let postgres = Postgres::start_with(&[("max_connections", "7")]);
    assert_eq!(postgres.psql("SHOW max_connections"), "7");

    postgres.psql("CREATE ROLE trader LOGIN PASSWORD 'right'");
    let asked = "SELECT current_user";
    assert_eq!(psql(&postgres.url_as("trader", "right"), asked).unwrap(), "trader");
    let refused = psql(&postgres.url_as("trader", "wrong"), asked).unwrap_err();
    assert!(refused.contains("password authentication failed"), "{refused}");
}

#[test]
#[ignore = "needs PostgreSQL; run by tests/run"]
fn frozen_postgres_is_gone_with_its_value() {
    let mut postgres = Postgres::start();
    let port = postgres.port();
    postgres.freeze();
    drop(postgres);
    TcpListener::bind(loopback(port)).expect("nobody listens any more");
}

#[test]
#[ignore = "needs PostgreSQL and PgBouncer; run by tests/run"]
fn pgbouncer_passes_a_query_on() {
    let postgres = Postgres::start();
    let pgbouncer = PgBouncer::in_front_of(&postgres);
    let server_port = psql(&pgbouncer.url(), "SELECT inet_server_port()").unwrap();
    assert_eq!(server_port, postgres.port().to_string());
}

#[tokio::test]
#[ignore = "needs Redis; run by tests/run"]
async fn redis_comes_back_with_what_it_saved_after_kill() {
    let mut server = Redis::start();
    let client = redis_1::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let _: () = redis_1::cmd("SET").arg(&["kept", "7"]).query_async(&mut connection).await.unwrap();
    let _: () = redis_1::cmd("SAVE").query_async(&mut connection).await.unwrap();

    server.kill();
    let refused = client.get_multiplexed_async_connection().await.err().unwrap();
    assert!(refused.is_connection_refusal(), "{refused}");

    server.restart();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let kept: i32 = redis_1::cmd("GET").arg("kept").query_async(&mut connection).await.unwrap();
    assert_eq!(kept, 7);
}

#[tokio::test]
#[ignore = "needs Redis; run by tests/run"]
async fn frozen_redis_answers_after_thaw() {
    let mut server = Redis::start_with(&[("requirepass", "right")]);
    let mut connection = http::connect(loopback(server.port())).unwrap();
    connection.set_read_timeout(Some(A_WHILE)).unwrap();

    server.freeze();
    connection.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 64];
    let error = connection.read(&mut answer).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);

    server.thaw();
    connection.set_read_timeout(Some(SOON)).unwrap();
    let length = connection.read(&mut answer).unwrap();
    assert!(answer[..length].starts_with(b"-NOAUTH"));
    // The URL carries the password.
    let client = redis_1::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus; run by tests/run"]
async fn prometheus_stores_what_it_scrapes() {
    let listener = tokio::net::TcpListener::bind(loopback(0)).await.unwrap();
    let target = listener.local_addr().unwrap();
    let text = "# TYPE answers_total counter\nanswers_total{kind=\"a b\"} 42\n";
    let app = Router::new().route("/metrics", get(move || async move { text }));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let prometheus = Prometheus::scraping(&[target], &[("honor_labels", "true")]);
    let expression = "answers_total{kind=\"a b\"}";
    let sample =
        eventually_async(SOON, async || prometheus.samples(expression).pop().ok_or("nothing is stored yet")).await;
    assert_eq!(sample.value, 42.0);
    assert_eq!(sample.labels["kind"], "a b");
    assert_eq!(sample.labels["instance"], target.to_string());
    assert_eq!(prometheus.value("sum(answers_total) + 1"), Some(43.0));
    assert_eq!(prometheus.value("no_such_metric"), None);
}

#[test]
#[ignore = "needs promtool; run by tests/run"]
fn promtool_accepts_good_text_and_refuses_bad() {
    let good = "# HELP a_total Counts.\n# TYPE a_total counter\na_total 1\n";
    assert_eq!(promtool::check_metrics(good), Ok(()));

    let unparsable = promtool::check_metrics("a_total one\n").unwrap_err();
    assert!(unparsable.contains("expected float"), "{unparsable}");

    let badly_named = "# HELP a Counts.\n# TYPE a counter\na 1\n";
    let faulty = promtool::check_metrics(badly_named).unwrap_err();
    assert!(faulty.contains("_total"), "{faulty}");
}

/// A server that sends these bytes to its first client and closes the connection.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(loopback(0)).expect("the kernel finds a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("the test connects");
        let mut request = [0; 1024];
        let _head = client.read(&mut request).expect("the test asks");
        client.write_all(answer.as_bytes()).expect("the test reads");
    });
    address
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A session that is busy for longer than any test.
fn background_sleep(url: &str) -> thread::JoinHandle<Result<String, String>> {
    let url = url.to_owned();
    thread::spawn(move || psql(&url, "SELECT pg_sleep(600)"))
}
