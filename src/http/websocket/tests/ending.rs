//! Every way in which a client, its network or its handler can end a socket.

use tokio::io::AsyncWriteExt;

use super::*;

#[tokio::test]
async fn every_close_code_of_a_client_counts_for_its_reason() {
    let feed = Feed::start(echo).await;
    let codes = [
        (Some(1000), "normal"),
        (None, "normal"),
        (Some(1001), "going_away"),
        (Some(1002), "protocol_error"),
        (Some(1003), "protocol_error"),
        (Some(1007), "protocol_error"),
        (Some(1009), "protocol_error"),
        (Some(1010), "protocol_error"),
        (Some(1011), "internal_error"),
        (Some(1012), "other"),
        (Some(1013), "other"),
        (Some(3000), "other"),
        (Some(4999), "other"),
    ];
    for (code, reason) in codes {
        let before = feed.value("websocket_closes_total", &[("reason", reason)]);
        let mut client = feed.connect().await;
        let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: "".into() });
        client.close(frame).await.unwrap();
        eventually(|| feed.closes(reason) == before + 1.0).await;
    }
    let all = feed.server.registry.snapshot().sum("websocket_closes_total", &[]);
    assert_eq!((all, feed.sockets.active()), (Some(codes.len() as f64), 0));
}

#[tokio::test]
async fn close_code_of_a_handler_counts_for_its_reason() {
    let feed = Feed::start(|mut socket: WebSocket| async move {
        let frame = ws::CloseFrame { code: ws::close_code::ERROR, reason: "lost the prices".into() };
        socket.send(Message::Close(Some(frame))).await.unwrap();
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
    let mut client = feed.connect().await;
    assert_eq!(close_code(&mut client).await, Some(CloseCode::Error));
    drop(client);
    feed.ends("internal_error").await;
}

#[tokio::test]
async fn connection_that_is_reset_is_abnormal() {
    let feed = Feed::start(echo).await;
    let client = feed.connect().await;
    client.get_ref().set_zero_linger().unwrap();
    drop(client);
    feed.ends("abnormal").await;
    assert_eq!(feed.server.outcome("failed"), 1.0, "the connection below says so too");
}

#[tokio::test]
async fn connection_that_ends_within_a_frame_is_abnormal() {
    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    // The head of a text frame of five bytes, and two of them.
    client.get_mut().write_all(&[0x81, 0x85, 0, 0, 0, 0, b'h', b'e']).await.unwrap();
    client.get_mut().shutdown().await.unwrap();
    feed.ends("abnormal").await;
}

#[tokio::test]
async fn messages_past_a_limit_and_broken_text_are_protocol_errors() {
    let oversized = tungstenite::Message::binary(vec![0; 2048]);
    let limits: [fn(WebSocketUpgrade) -> WebSocketUpgrade; 2] =
        [|upgrade| upgrade.max_message_size(1024), |upgrade| upgrade.max_frame_size(1024)];
    for limit in limits {
        let feed = Feed::upgrading(PATIENCE, move |upgrade, _| limit(upgrade).on_upgrade(echo)).await;
        let mut client = feed.connect().await;
        client.send(oversized.clone()).await.unwrap();
        feed.ends("protocol_error").await;
        assert_eq!(feed.messages("received"), 0.0);
    }

    let feed = Feed::start(echo).await;
    let mut client = feed.connect().await;
    // A text frame of one byte that is no UTF-8, masked.
    client.get_mut().write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.unwrap();
    feed.ends("protocol_error").await;
}
