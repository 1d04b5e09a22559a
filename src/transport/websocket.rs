//! A WebSocket to a peer, opened by an ordinary request, so that trust and refusals are those of any other.

use futures_util::{SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::answer_of;
use super::{BODY_LIMIT, HttpAnswer, HttpClient, TransportError};

/// What a peer says to the request for a WebSocket.
pub(crate) enum WebSocketAnswer {
    Open(WebSocket),
    /// Anything but a switch of protocols.
    Refused(HttpAnswer),
}

/// An open WebSocket. Closed when dropped.
pub(crate) struct WebSocket(Box<WebSocketStream<TokioIo<Upgraded>>>);

/// The only version there is (RFC 6455).
const VERSION: HeaderValue = HeaderValue::from_static("13");

pub(super) async fn open(client: &HttpClient, uri: &Uri) -> Result<WebSocketAnswer, TransportError> {
    let key = generate_key();
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri.clone();
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(&key).expect("OK because base64 is visible ASCII"));
    let response = client.request(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(WebSocketAnswer::Refused(answer_of(response).await?));
    }
    check_accepted(response.headers(), &key)?;
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| TransportError::Broken(error.into()))?;
    let limits = WebSocketConfig::default().max_message_size(Some(BODY_LIMIT)).max_frame_size(Some(BODY_LIMIT));
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(limits)).await;
    Ok(WebSocketAnswer::Open(WebSocket(Box::new(stream))))
}

/// A peer that does not know what it switches to, such as a cache, repeats an answer that was to another key.
fn check_accepted(headers: &HeaderMap, key: &str) -> Result<(), TransportError> {
    let accepted = headers.get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    if accepted == Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Ok(());
    }
    Err(TransportError::Protocol("the switch to a WebSocket does not fit the request".into()))
}

impl WebSocket {
    /// # Errors
    /// When the connection is broken.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), TransportError> {
        self.0.send(Message::text(text)).await.map_err(of_websocket)
    }

    /// The next message that holds something. Pings are answered underneath.
    ///
    /// # Errors
    /// When the connection ends or breaks, or what comes breaks the protocol or is far too long.
    pub(crate) async fn next(&mut self) -> Result<Bytes, TransportError> {
        loop {
            match self.0.next().await {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => return Ok(message.into_data()),
                Some(Ok(Message::Close(_))) | None => return Err(of_websocket(Error::ConnectionClosed)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(of_websocket(error)),
            }
        }
    }
}

fn of_websocket(error: Error) -> TransportError {
    match error {
        Error::Capacity(_) => TransportError::TooLong,
        Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed => TransportError::Broken(error.into()),
        // A peer that is gone without a word.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TransportError::Broken(error.into()),
        _ => TransportError::Protocol(error.into()),
    }
}
