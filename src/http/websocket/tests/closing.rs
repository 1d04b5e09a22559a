//! What happens when the server closes.

use super::*;

#[tokio::test]
async fn split_halves_work_in_tasks_of_their_own() {
    let feed = Feed::start(|socket: WebSocket| async move {
        let (mut sink, mut stream) = socket.split();
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if sink.send(message).await.is_err() {
                    break;
                }
            }
        });
        // The handler's own future is over, its socket is not.
    })
    .await;
    let mut client = feed.connect().await;
    client.send("a".into()).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());
    feed.server.drain.enter(Phase::Closing);
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Away));
    drop(client);
    feed.ends("server_shutdown").await;
}

#[tokio::test]
async fn closing_ends_a_handler_that_waits_for_messages() {
    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    client.send("a".into()).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());
    let registry = feed.server.registry.clone();
    let closing = tokio::spawn(feed.server.close());
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Away));
    assert!(within(client.next()).await.is_none(), "the server hangs up after the handshake");
    let served = closing.await.unwrap();
    assert_eq!((served.accepted, served.drained, served.aborted), (1, 1, 0));
    assert_eq!(closes_in(&registry, "server_shutdown"), 1.0);
}

#[tokio::test]
async fn closing_ends_a_handler_that_only_sends() {
    let (over, is_over) = oneshot::channel();
    let over = Arc::new(Mutex::new(Some(over)));
    let feed = Feed::start(|mut socket: WebSocket| async move {
        let error = loop {
            if let Err(error) = socket.send("price".into()).await {
                break error;
            }
            tokio::task::yield_now().await;
        };
        let _ = over.lock().unwrap().take().map(|over| over.send(error.to_string()));
    })
    .await;
    let mut client = feed.connect().await;
    feed.server.drain.enter(Phase::Closing);
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Away));
    assert_eq!(within(is_over).await.unwrap(), "the WebSocket is closed: the process is shutting down");
    drop(client);
    feed.ends("server_shutdown").await;
}

#[tokio::test]
async fn closing_reaches_the_client_while_the_handler_waits_elsewhere_and_the_grace_ends_it() {
    let (bell, dropped) = oneshot::channel();
    let bell = Arc::new(Mutex::new(Some(bell)));
    let feed = Feed::with_grace(Duration::from_millis(50), |socket: WebSocket| async move {
        let _held = (DropBell(bell.lock().unwrap().take()), socket);
        pending::<()>().await;
    })
    .await;
    let mut client = feed.connect().await;
    let registry = feed.server.registry.clone();
    let closing = tokio::spawn(feed.server.close());
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Away));
    let served = closing.await.unwrap();
    assert_eq!((served.drained, served.aborted), (0, 1));
    within(dropped).await.expect("the handler was dropped");
    assert_eq!((outcome_in(&registry, "aborted"), active_in(&registry)), (1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn client_that_never_answers_does_not_hold_the_server() {
    let feed = Feed::with_grace(Duration::from_secs(3600), echo).await;
    let client = feed.connect().await;
    // Held open, never read: the paused clock moves on to the end of the goodbye, far before that of the grace.
    let served = feed.server.close().await;
    assert_eq!((served.drained, served.aborted), (1, 0));
    drop(client);
}

#[tokio::test]
async fn socket_over_http2_is_measured_and_closed_too() {
    let feed = Feed::start(echo).await;
    let io = TokioIo::new(TcpStream::connect(feed.server.address).await.unwrap());
    let (mut http, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |method| Request::builder().method(method).uri("http://localhost/ws/prices");
    // The answer comes after the server's settings, without which a client may not ask for the protocol.
    within(http.send_request(request(Method::GET).body(Empty::<Bytes>::new()).unwrap())).await.unwrap();
    let connect = request(Method::CONNECT)
        .extension(hyper::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    let response = within(http.send_request(connect.body(Empty::new()).unwrap())).await.unwrap();
    assert_eq!(response.status(), 200);
    let upgraded = TokioIo::new(within(hyper::upgrade::on(response)).await.unwrap());
    let mut client = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    client.send("a".into()).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());

    let registry = feed.server.registry.clone();
    let closing = tokio::spawn(feed.server.close());
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Away));
    while within(client.next()).await.is_some() {}
    drop(client);
    let served = closing.await.unwrap();
    assert_eq!((served.accepted, served.drained, served.aborted), (1, 1, 0));
    assert_eq!((closes_in(&registry, "server_shutdown"), active_in(&registry)), (1.0, 0.0));
    let _ = within(connection).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_end_in_every_way_at_once_are_each_counted_once() {
    const CLIENTS: u32 = 60;
    let feed = Feed::start(echo).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| {
            let address = feed.server.address;
            tokio::spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                let mut client = within(client_async("ws://localhost/ws/prices", stream)).await.unwrap().0;
                client.send("a".into()).await.unwrap();
                within(client.next()).await.unwrap().unwrap();
                match index % 3 {
                    0 => drop(client),
                    1 => client.close(None).await.unwrap(),
                    _ => while within(client.next()).await.is_some_and(|message| message.is_ok()) {},
                }
            })
        })
        .collect();
    let (registry, sockets) = (feed.server.registry.clone(), feed.sockets.clone());
    eventually(|| feed.messages("sent") == f64::from(CLIENTS)).await;
    eventually(|| feed.server.instruments.active() == u64::from(CLIENTS) / 3).await;
    let served = feed.server.close().await;
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!((served.accepted, served.drained, served.aborted), (60, 20, 0));
    for reason in ["abnormal", "normal", "server_shutdown"] {
        assert_eq!(closes_in(&registry, reason), 20.0, "{reason}");
    }
    assert_eq!(registry.snapshot().sum("websocket_closes_total", &[]), Some(60.0));
    assert_eq!((sockets.active(), outcome_in(&registry, "aborted")), (0, 0.0));
}

#[tokio::test]
async fn unmeasured_and_foreign_sockets_work_and_are_waited_for() {
    let (told, mut opened) = mpsc::unbounded_channel();
    let (mine, other) = (told.clone(), told);
    let app = Router::new()
        .route(
            "/ws/{feed}",
            any(async move |upgrade: WebSocketUpgrade| -> Response {
                upgrade.on_upgrade(async move |socket| {
                    let _ = mine.send(());
                    echo(socket).await;
                })
            }),
        )
        .route(
            "/foreign",
            any(async move |upgrade: ws::WebSocketUpgrade| -> Response {
                upgrade.on_upgrade(async move |_socket| {
                    let _ = other.send(());
                    pending::<()>().await;
                })
            }),
        );
    let server = Running::start(app, Registry::new(), Drain::new(), Duration::from_millis(20)).await;
    let mut client = connect(&server).await;
    client.send("a".into()).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), "a".into());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let _foreign = within(client_async("ws://localhost/foreign", stream)).await.unwrap();
    within(opened.recv()).await.unwrap();
    within(opened.recv()).await.unwrap();
    let served = server.close().await;
    assert_eq!((served.accepted, served.drained, served.aborted), (2, 0, 2));
    assert!(within(client.next()).await.is_none_or(|end| end.is_err()), "the unmeasured one is cut");
}
