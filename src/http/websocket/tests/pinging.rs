//! Pings of our own, and who resumes a session.

use super::*;

const INTERVAL: Duration = Duration::from_millis(100);

/// A feed that pings, and every message that its handler reads.
async fn pinging(interval: Duration) -> (Feed, mpsc::UnboundedReceiver<Message>) {
    let (told, seen) = mpsc::unbounded_channel();
    let feed = Feed::upgrading(PATIENCE, move |upgrade, _| {
        upgrade.ping_every(interval).on_upgrade(async move |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                if message == Message::text("ping me") {
                    socket.send(Message::Ping("handler's".into())).await.unwrap();
                }
                let _ = told.send(message);
            }
        })
    });
    (feed.await, seen)
}

/// The payload of the ping that comes next.
async fn ping(client: &mut Client) -> Bytes {
    loop {
        match within(client.next()).await {
            Some(Ok(tungstenite::Message::Ping(payload))) => return payload,
            Some(Ok(tungstenite::Message::Pong(_))) => {}
            other => panic!("no ping but {other:?}"),
        }
    }
}

fn pings(feed: &Feed) -> f64 {
    feed.value("websocket_ping_seconds", &[])
}

#[tokio::test]
async fn pong_of_our_ping_is_measured_and_kept_from_the_handler() {
    // Long enough to answer before the next.
    let (feed, mut seen) = pinging(INTERVAL * 5).await;
    let mut client = feed.connect().await;
    let payload = ping(&mut client).await;
    feed.clock.advance(Duration::from_millis(250));
    // The library has its answer ready; this writes it.
    client.flush().await.unwrap();
    eventually(|| pings(&feed) >= 1.0).await;
    let text = feed.server.registry.render();
    assert!(text.contains("websocket_ping_seconds_sum{route=\"/ws/{feed}\"} 0.25\n"), "{text}");

    client.send(tungstenite::Message::Pong(payload)).await.unwrap();
    client.send(tungstenite::Message::Pong("out of the blue".into())).await.unwrap();
    client.send(tungstenite::Message::Ping("client's".into())).await.unwrap();
    client.send("ping me".into()).await.unwrap();
    for expected in
        [Message::Pong("out of the blue".into()), Message::Ping("client's".into()), Message::text("ping me")]
    {
        assert_eq!(within(seen.recv()).await, Some(expected));
    }
    within(async { while ping(&mut client).await != "handler's" {} }).await;
    client.flush().await.unwrap();
    assert_eq!(within(seen.recv()).await, Some(Message::Pong("handler's".into())));
    assert_eq!((feed.messages("received"), feed.messages("sent")), (1.0, 0.0), "pings are no messages");
}

#[tokio::test]
async fn pings_go_on_unanswered_and_late_answers_are_nothing_to_the_handler() {
    let (feed, mut seen) = pinging(INTERVAL).await;
    // A client that reads and writes bytes itself, and so answers when the test does.
    let mut client = feed.connect().await.into_inner();
    let mut frames = [[0; 18]; 3];
    for frame in &mut frames {
        within(tokio::io::AsyncReadExt::read_exact(&mut client, frame)).await.unwrap();
        assert_eq!(frame[..2], [0x89, 16], "a ping with sixteen bytes");
    }
    feed.clock.advance(Duration::from_secs(2));
    for frame in frames {
        // The payload as a pong, under a mask of zeros.
        let pong = [&[0x8a, 0x90, 0, 0, 0, 0], &frame[2..]].concat();
        tokio::io::AsyncWriteExt::write_all(&mut client, &pong).await.unwrap();
    }
    tokio::io::AsyncWriteExt::write_all(&mut client, &[0x81, 0x81, 0, 0, 0, 0, b'x']).await.unwrap();
    assert_eq!(within(seen.recv()).await, Some(Message::text("x")));
    assert!(pings(&feed) <= 1.0, "the answer to the third, unless a fourth has gone out meanwhile");
    drop(client);
    feed.ends("abnormal").await;
}

/// A ping asks the connection for room as the handler does; whoever asked last is woken.
#[tokio::test]
async fn handler_that_waits_to_send_is_not_forgotten_for_a_ping() {
    const MESSAGES: usize = 200;
    let feed = Feed::upgrading(PATIENCE, |upgrade, _| {
        upgrade.ping_every(INTERVAL).on_upgrade(async |mut socket| {
            for _ in 0..MESSAGES {
                socket.send(Message::binary(vec![0; 64 * 1024])).await.unwrap();
            }
            while let Some(Ok(_)) = socket.recv().await {}
        })
    })
    .await;
    let mut client = feed.connect().await;
    // Until the buffers of both sides are full, and for some pings after that.
    let stuck = async || {
        let sent = feed.messages("sent");
        tokio::time::sleep(INTERVAL * 3).await;
        sent > 0.0 && sent == feed.messages("sent")
    };
    within(async { while !stuck().await {} }).await;
    assert!(feed.messages("sent") < MESSAGES as f64);
    // Together in time, since pings come all along.
    within(async {
        let mut received = 0;
        while received < MESSAGES {
            received += usize::from(client.next().await.unwrap().unwrap().is_binary());
        }
    })
    .await;
    client.close(None).await.unwrap();
    feed.ends("normal").await;
}

#[tokio::test]
async fn socket_that_nobody_measures_is_pinged_too() {
    let upgrade = any(async |upgrade: WebSocketUpgrade| -> Response { upgrade.ping_every(INTERVAL).on_upgrade(echo) });
    let app = Router::new().route("/ws/{feed}", upgrade);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let stream = TcpStream::connect(address).await.unwrap();
    let mut client = within(client_async("ws://localhost/ws/prices", stream)).await.unwrap().0;
    assert_eq!(ping(&mut client).await.len(), 16);
}

#[tokio::test]
async fn sockets_that_resume_a_session_are_reconnects() {
    let feed = Feed::upgrading(PATIENCE, |upgrade, headers| {
        let is_known = headers.contains_key("last-event-id");
        upgrade.session(if is_known { Session::Resumed } else { Session::New }).on_upgrade(echo)
    })
    .await;
    let reconnects = || feed.value("websocket_reconnects_total", &[]);
    let _first = feed.connect().await;
    eventually(|| feed.sockets.active() == 1).await;
    assert_eq!(reconnects(), 0.0);
    let mut request = tungstenite::client::IntoClientRequest::into_client_request("ws://localhost/ws/a").unwrap();
    request.headers_mut().insert("last-event-id", "7".parse().unwrap());
    let stream = TcpStream::connect(feed.server.address).await.unwrap();
    let _again = within(client_async(request, stream)).await.unwrap();
    eventually(|| feed.sockets.active() == 2).await;
    assert_eq!((reconnects(), feed.value("websocket_connections_total", &[])), (1.0, 2.0));
}
