//! What is counted while the server runs.

use super::*;
use crate::http::{HttpMetricsLayer, HttpOptions};

#[tokio::test]
async fn echo_is_counted_from_open_to_close() {
    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    for _ in 0..3 {
        client.send("a".into()).await.unwrap();
        assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());
    }
    // This one is not sent back.
    client.send(tungstenite::Message::binary(vec![0; 5])).await.unwrap();
    client.send(tungstenite::Message::Ping("p".into())).await.unwrap();
    assert_eq!((feed.sockets.active(), active_in(&feed.server.registry)), (1, 1.0));
    feed.clock.advance(Duration::from_secs(90));
    client.close(Some(CloseFrame { code: CloseCode::Normal, reason: "".into() })).await.unwrap();
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Normal));
    feed.ends("normal").await;
    assert_eq!((feed.messages("received"), feed.messages("sent")), (4.0, 3.0));
    assert_eq!((feed.bytes("received"), feed.bytes("sent")), (8.0, 3.0));
    let text = feed.server.registry.render();
    assert!(text.contains("websocket_connections_total{route=\"/ws/{feed}\"} 1\n"), "{text}");
    assert!(text.contains("websocket_connection_duration_seconds_sum{route=\"/ws/{feed}\"} 90\n"), "{text}");
    assert_eq!(feed.server.outcome("closed"), 1.0);
}

#[tokio::test]
async fn client_that_vanishes_is_abnormal() {
    let feed = Feed::start(echo).await;
    drop(feed.connect().await);
    feed.ends("abnormal").await;
}

#[tokio::test]
async fn client_that_vanishes_from_a_feed_is_abnormal_too() {
    let feed = Feed::start(|mut socket: WebSocket| async move {
        while socket.send("price".into()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(feed.connect().await);
    feed.ends("abnormal").await;
}

#[tokio::test]
async fn client_that_breaks_the_protocol_or_a_limit_is_told_apart() {
    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    // A frame with a reserved opcode, masked.
    tokio::io::AsyncWriteExt::write_all(client.get_mut(), &[0x83, 0x80, 0, 0, 0, 0]).await.unwrap();
    feed.ends("protocol_error").await;
}

#[tokio::test]
async fn browser_tab_that_is_closed_is_going_away() {
    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    client.close(Some(CloseFrame { code: CloseCode::Away, reason: "".into() })).await.unwrap();
    feed.ends("going_away").await;
}

#[tokio::test]
async fn handler_that_lets_go_without_a_word_is_dropped() {
    let feed = Feed::start(|socket: WebSocket| async move { drop(socket) }).await;
    let _client = feed.connect().await;
    feed.ends("dropped").await;
}

#[tokio::test]
async fn handler_that_panics_loses_no_count() {
    let feed = Feed::start(|mut socket: WebSocket| async move {
        socket.recv().await;
        panic!("on purpose");
    })
    .await;
    let mut client = feed.connect().await;
    client.send("a".into()).await.unwrap();
    feed.ends("panicked").await;
}

/// Clients come, talk, vanish or stay until the server closes, all at once: every socket is counted once.
#[tokio::test]
async fn handler_works_in_the_context_of_its_request() {
    let (told, mut seen) = mpsc::unbounded_channel();
    let context = TraceContext::new_root();
    let expected = context.clone();
    let app = Router::new().route(
        "/ws/{feed}",
        any(async move |upgrade: WebSocketUpgrade| -> Response {
            let answer = async {
                upgrade.on_upgrade(async move |_socket| {
                    tokio::task::yield_now().await;
                    let span = tracing::Span::current().metadata().map(|span| span.name());
                    let _ = told.send((trace::current(), span));
                })
            };
            context.scope(answer.instrument(tracing::info_span!("request"))).await
        }),
    );
    let _logging = tracing::subscriber::set_default(tracing_subscriber::registry());
    let server = Running::start(app, Registry::new(), Drain::new(), PATIENCE).await;
    let _client = connect(&server).await;
    assert_eq!(within(seen.recv()).await, Some((Some(expected), Some("request"))));
}

#[tokio::test]
async fn subprotocol_is_negotiated_as_axum_does() {
    let app = Router::new().route(
        "/ws/{feed}",
        any(async |upgrade: WebSocketUpgrade| -> Response {
            assert_eq!(upgrade.requested_protocols().count(), 2);
            upgrade.max_message_size(1024).protocols(["prices.v2", "prices.v1"]).on_upgrade(async |mut socket| {
                let selected = socket.protocol().unwrap().to_str().unwrap().to_owned();
                let _ = socket.send(Message::text(selected)).await;
            })
        }),
    );
    let server = Running::start(app, Registry::new(), Drain::new(), PATIENCE).await;
    let mut request = tungstenite::client::IntoClientRequest::into_client_request("ws://localhost/ws/a").unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "prices.v1, other".parse().unwrap());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut client, response) = within(client_async(request, stream)).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "prices.v1");
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "prices.v1".into());
}

#[tokio::test]
async fn http_layer_is_all_that_a_service_needs() {
    let (registry, drain) = (Registry::new(), Drain::new());
    let layer =
        HttpMetricsLayer::new(&Meter::new(&registry), ManualClock::new().clock(), drain.clone(), HttpOptions::new())
            .unwrap();
    let sockets = layer.websockets().clone();
    let upgrade = any(async |upgrade: WebSocketUpgrade| -> Response { upgrade.on_upgrade(echo) });
    let app = Router::new().route("/ws/{feed}", upgrade).layer(layer);
    let server = Running::start(app, registry, drain, PATIENCE).await;
    let mut client = connect(&server).await;
    client.send("a".into()).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());
    assert_eq!(sockets.active(), 1);
    let requests = [("method", "GET"), ("route", "/ws/{feed}"), ("outcome", "upgraded")];
    assert_eq!(server.registry.snapshot().sum("api_requests_total", &requests), Some(1.0));
    drop(client);
    eventually(|| closes_in(&server.registry, "abnormal") == 1.0).await;
}
