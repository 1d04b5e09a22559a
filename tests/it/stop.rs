//! The way out: readiness says no, requests go on, streams and WebSockets end, and nothing outlasts the grace.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::http::Served;
use aistm7_monitoring::http::websocket::WebSocketUpgrade;
use aistm7_monitoring::monitoring::ServeError;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt, stream};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{self, Http2, PATIENCE, Raw, http2_request, within};
use crate::poll::eventually_async;
use crate::service::{A_LONG_TIME, Lines, builder, settled, until};

/// A service that `Monitoring::serve` serves.
struct Service {
    monitoring: Monitoring,
    address: SocketAddr,
    /// Lets the slow handler answer.
    release: Arc<Notify>,
    served: JoinHandle<Result<Served, ServeError>>,
}

impl Service {
    async fn start(drain_delay: Duration, termination_grace: Duration) -> Self {
        let monitoring =
            builder(&Lines::default()).drain_delay(drain_delay).termination_grace(termination_grace).build().unwrap();
        let release = Arc::new(Notify::new());
        let released = Arc::clone(&release);
        let slow = async move || {
            released.notified().await;
            "slow, and done"
        };
        let app = Router::new()
            .route("/quick", get("quick"))
            .route("/slow", get(slow))
            .route("/hangs", get(pending::<()>))
            .route("/events", get(events))
            .route("/ws", any(echo))
            .merge(monitoring.routes())
            .layer(monitoring.http_layer());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = monitoring.clone();
        let served = tokio::spawn(async move { serving.serve(listener, app).await });
        Self { monitoring, address, release, served }
    }

    async fn in_flight(&self, route: &'static str) {
        until("a request in flight", || {
            let snapshot = self.monitoring.registry().snapshot();
            snapshot.sum("api_in_flight_requests", &[("route", route)]).filter(|count| *count == 1.0)
        })
        .await;
    }

    async fn readiness(&self) -> (u16, serde_json::Value) {
        let response = client::get(self.address, "/health/ready").await;
        (response.status, response.json())
    }

    async fn drains(&self) {
        eventually_async(PATIENCE, async || match self.readiness().await {
            (503, body) if body == json!({"status": "not_ready", "reason": "draining"}) => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    async fn served(self) -> (Monitoring, Served) {
        (self.monitoring, within(self.served).await.unwrap().unwrap())
    }
}

/// One event, and then nothing for ever.
async fn events() -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::iter([Ok(Event::default().data("begin"))]).chain(stream::pending()))
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            let _ = socket.send(message).await;
        }
    })
}

async fn websocket(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    within(client_async("ws://test/ws", stream)).await.unwrap().0
}

async fn says_hello(socket: &mut WebSocketStream<TcpStream>) {
    socket.send("hello".into()).await.unwrap();
    assert_eq!(within(socket.next()).await.unwrap().unwrap(), "hello".into());
}

async fn close_code(socket: &mut WebSocketStream<TcpStream>) -> Option<CloseCode> {
    loop {
        match within(socket.next()).await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(_)) => {}
            Some(Err(tungstenite::Error::ConnectionClosed)) | None => return None,
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn everything_open_ends_in_order_and_within_the_grace() {
    let service = Service::start(Duration::from_secs(1), A_LONG_TIME).await;
    let mut socket = websocket(service.address).await;
    says_hello(&mut socket).await;
    let mut stream = Raw::requesting(service.address, "GET", "/events").await;
    stream.read_until("data: begin\n\n\r\n").await;
    let slow = Raw::requesting(service.address, "GET", "/slow").await;
    service.in_flight("/slow").await;
    assert_eq!(service.readiness().await, (200, json!({"status": "ready"})));

    // Draining: not ready, and otherwise as before.
    service.monitoring.stop();
    service.drains().await;
    assert_eq!(client::get(service.address, "/quick").await.text(), "quick");
    assert_eq!(client::get(service.address, "/health/live").await.status, 200);
    says_hello(&mut socket).await;

    // Closing: what would never end by itself is ended.
    assert_eq!(close_code(&mut socket).await, Some(CloseCode::Away));
    assert_eq!(close_code(&mut socket).await, None);
    let rest = stream.read_to_end().await;
    assert_eq!(String::from_utf8_lossy(&rest), "0\r\n\r\n", "the last chunk: a clean end");
    eventually_async(PATIENCE, async || match Raw::connect(service.address).await {
        Ok(_) => Err("a connection was accepted"),
        Err(_) => Ok(()),
    })
    .await;

    // What is under way is let finish.
    assert!(!service.served.is_finished());
    service.release.notify_one();
    let answer = String::from_utf8(slow.read_to_end().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("slow, and done"), "{answer}");

    let (monitoring, served) = service.served().await;
    assert_eq!((served.drained, served.aborted), (3, 0), "{served:?}");
    let flushed = monitoring.shutdown(PATIENCE).await;
    assert_eq!((flushed.websockets_closed, flushed.streams_ended, flushed.log_lines_lost), (1, 1, 0), "{flushed:?}");
    let ends = settled(&monitoring, 4).await.into_keys().collect::<Vec<_>>();
    assert_eq!(ends, ["GET /events 200 ok", "GET /quick 200 ok", "GET /slow 200 ok", "GET /ws 101 upgraded"]);
    let snapshot = monitoring.registry().snapshot();
    assert_eq!(snapshot.value("api_active_connections", &[]), Some(0.0));
    assert_eq!(snapshot.value("websocket_active_connections", &[("route", "/ws")]), Some(0.0));
}

#[tokio::test]
async fn draining_service_tells_clients_that_keep_connections_to_go() {
    let service = Service::start(A_LONG_TIME, 3 * A_LONG_TIME).await;
    let ask = "GET /quick HTTP/1.1\r\nhost: test\r\n\r\n";
    let mut kept = Raw::requesting(service.address, "GET", "/quick").await;
    assert!(!kept.read_until("quick").await.contains("connection:"));
    let mut http2 = Http2::connect(service.address).await;
    // Under way before and done after.
    let slow = Raw::requesting(service.address, "GET", "/slow").await;
    service.in_flight("/slow").await;
    service.monitoring.stop();
    service.drains().await;
    service.release.notify_one();
    kept.send(ask).await;
    let fresh = Raw::requesting(service.address, "GET", "/quick").await;
    for (connection, body) in [(slow, "slow, and done"), (kept, "quick"), (fresh, "quick")] {
        // To its end, which is the server's doing.
        let answer = String::from_utf8(connection.read_to_end().await).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with(body), "{answer}");
        assert_eq!(answer.matches("connection: close\r\n").count(), 1, "{answer}");
    }
    // HTTP/2 has a word of its own for it, once no request is lost by it; an upgrade takes the connection along.
    for _ in 0..2 {
        let answer = within(http2.sender.send_request(http2_request("GET", "/quick"))).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("connection")), (200, None));
    }
    says_hello(&mut websocket(service.address).await).await;
    service.monitoring.stop();
    within(service.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_of_one_http2_connection_end_as_their_requests_do() {
    let service = Service::start(Duration::ZERO, Duration::from_secs(3)).await;
    let mut client = Http2::connect(service.address).await;
    let slow = tokio::spawn(client.sender.send_request(http2_request("GET", "/slow")));
    service.in_flight("/slow").await;
    let hanging = tokio::spawn(client.sender.send_request(http2_request("GET", "/hangs")));
    service.in_flight("/hangs").await;
    let events = within(client.sender.send_request(http2_request("GET", "/events"))).await.unwrap();
    service.monitoring.stop();
    let events = within(events.into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(events, "data: begin\n\n", "a clean end");
    service.release.notify_one();
    let slow = within(slow).await.unwrap().unwrap();
    assert_eq!(within(slow.into_body().collect()).await.unwrap().to_bytes(), "slow, and done");
    // The connection waits for the last of its streams until the grace is over.
    let (monitoring, served) = service.served().await;
    assert_eq!((served.drained, served.aborted), (0, 1), "{served:?}");
    assert!(within(hanging).await.unwrap().is_err());
    let ends = settled(&monitoring, 3).await.into_keys().collect::<Vec<_>>();
    assert_eq!(ends, ["GET /events 200 ok", "GET /hangs none cancelled", "GET /slow 200 ok"]);
}

#[tokio::test]
async fn handler_that_hangs_is_cut_when_the_grace_is_over() {
    // No delay, and five sixths of the rest for requests.
    let service = Service::start(Duration::ZERO, Duration::from_millis(600)).await;
    let hanging = Raw::requesting(service.address, "GET", "/hangs").await;
    service.in_flight("/hangs").await;
    let clock = Clock::system();
    let began = clock.now();
    service.monitoring.stop();
    let (monitoring, served) = service.served().await;
    assert!(clock.now() - began >= Duration::from_millis(500), "the request had its grace");
    assert_eq!((served.drained, served.aborted), (0, 1), "{served:?}");
    assert_eq!(hanging.read_to_end().await, b"");
    assert_eq!(settled(&monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET /hangs none cancelled"]);
    let aborted = monitoring.registry().snapshot().value("api_connections_total", &[("outcome", "aborted")]);
    assert_eq!(aborted, Some(1.0));
}

#[tokio::test]
async fn second_stop_cuts_every_wait_short() {
    for (drain_delay, is_drained_first) in [(A_LONG_TIME, true), (Duration::ZERO, false)] {
        let service = Service::start(drain_delay, 3 * A_LONG_TIME).await;
        let mut socket = websocket(service.address).await;
        says_hello(&mut socket).await;
        let hanging = Raw::requesting(service.address, "GET", "/hangs").await;
        service.in_flight("/hangs").await;
        service.monitoring.stop();
        if is_drained_first {
            service.drains().await;
        } else {
            assert_eq!(close_code(&mut socket).await, Some(CloseCode::Away));
        }
        service.monitoring.stop();
        let (monitoring, served) = service.served().await;
        assert!(served.aborted >= 1, "{served:?}");
        assert_eq!(hanging.read_to_end().await, b"");
        assert_eq!(settled(&monitoring, 2).await.len(), 2);
    }
}

#[tokio::test]
async fn idle_service_ends_at_once() {
    let service = Service::start(Duration::ZERO, A_LONG_TIME).await;
    let idle = Raw::connect(service.address).await.unwrap();
    let mut kept_alive = Raw::requesting(service.address, "GET", "/quick").await;
    kept_alive.read_until("quick").await;
    service.monitoring.stop();
    let (_, served) = service.served().await;
    assert_eq!((served.accepted, served.aborted), (2, 0), "{served:?}");
    assert_eq!((idle.read_to_end().await, kept_alive.read_to_end().await), (vec![], vec![]));
}

#[tokio::test]
async fn server_of_the_hosts_own_is_measured_and_told_when_to_stop() {
    let monitoring = builder(&Lines::default()).drain_delay(Duration::ZERO).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(async |ConnectInfo(from): ConnectInfo<SocketAddr>| from.to_string()))
        .layer(monitoring.http_layer())
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(monitoring.listener(listener), app).with_graceful_shutdown(monitoring.shutdown_signal());
    let server = tokio::spawn(async move { server.await });

    let mut raw = Raw::connect(address).await.unwrap();
    raw.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let own = raw.local_addr().to_string();
    raw.read_until(&own).await;
    assert_eq!(monitoring.registry().snapshot().value("api_active_connections", &[]), Some(1.0));
    monitoring.stop();
    assert_eq!(raw.read_to_end().await, b"");
    within(server).await.unwrap().unwrap();
    let snapshot = monitoring.registry().snapshot();
    assert_eq!(snapshot.value("api_active_connections", &[]), Some(0.0));
    assert_eq!(snapshot.value("api_connections_total", &[("outcome", "closed")]), Some(1.0));
}

#[tokio::test]
async fn dropping_the_server_cuts_what_it_serves() {
    let service = Service::start(Duration::ZERO, A_LONG_TIME).await;
    let hanging = Raw::requesting(service.address, "GET", "/hangs").await;
    service.in_flight("/hangs").await;
    service.served.abort();
    assert_eq!(hanging.read_to_end().await, b"");
    assert_eq!(settled(&service.monitoring, 1).await.into_keys().collect::<Vec<_>>(), ["GET /hangs none cancelled"]);
}
