//! The handler's side of a WebSocket.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::ws::{self, Message};
use futures_util::stream::FusedStream;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use http::HeaderValue;

use super::line::{Line, Open};
use super::reason::Reason;
use super::record::{Kind, Record};

/// A stream of WebSocket messages: [`axum::extract::ws::WebSocket`], measured.
///
/// When the process closes, or the connection is cut, reading ends and sending fails. Cost over axum's: an uncontended
/// lock and a relaxed atomic add a message.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct WebSocket {
    line: Line,
    protocol: Option<HeaderValue>,
}

impl WebSocket {
    pub(super) fn new(socket: ws::WebSocket, record: Option<Record>) -> Self {
        let protocol = socket.protocol().cloned();
        Self { line: Line::new(socket, record), protocol }
    }

    pub(super) fn line(&self) -> Line {
        self.line.clone()
    }

    /// Receives another message; `None` once the stream has closed.
    ///
    /// # Errors
    /// When the client broke the connection or the protocol.
    ///
    /// # Cancellation
    /// Safe: no message is lost.
    pub async fn recv(&mut self) -> Option<Result<Message, axum::Error>> {
        self.next().await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is broken or closed; also when the process closes.
    pub async fn send(&mut self, message: Message) -> Result<(), axum::Error> {
        SinkExt::send(self, message).await
    }

    /// The selected WebSocket subprotocol, if one was chosen.
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    fn poll_sink(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut ws::WebSocket>, &mut Context<'_>) -> Poll<Result<(), axum::Error>>,
    ) -> Poll<Result<(), axum::Error>> {
        let mut state = self.line.state();
        let Some(open) = state.usable() else {
            return Poll::Ready(Err(axum::Error::new(Closed)));
        };
        let polled = poll(Pin::new(&mut open.socket), cx);
        match &polled {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => open.note_failed_write(error),
            Poll::Pending => state.park_writer(cx),
        }
        polled
    }
}

impl Open {
    fn note_failed_write(&mut self, error: &axum::Error) {
        if let (Some(record), Some(reason)) = (&mut self.record, Reason::of_write(error)) {
            record.note(reason);
        }
    }

    fn note_read(&mut self, read: Option<&Result<Message, axum::Error>>) {
        let Some(record) = &mut self.record else { return };
        match read {
            Some(Ok(message)) => record.received(message),
            Some(Err(error)) => record.note(Reason::of_read(error)),
            // A close frame, if there was one, has been noted before.
            None => record.note(Reason::Abnormal),
        }
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.line.state();
        loop {
            let Some(open) = state.usable() else {
                return Poll::Ready(None);
            };
            let polled = open.socket.poll_next_unpin(cx);
            match &polled {
                Poll::Ready(Some(Ok(Message::Pong(payload)))) if open.takes_pong(payload) => continue,
                Poll::Ready(read) => open.note_read(read.as_ref()),
                Poll::Pending => state.park_reader(cx),
            }
            return polled;
        }
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.line.state().usable().is_none_or(|open| open.socket.is_terminated())
    }
}

impl Sink<Message> for WebSocket {
    type Error = axum::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_sink(cx, Sink::poll_ready)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        let mut state = self.line.state();
        let open = state.usable().ok_or_else(|| axum::Error::new(Closed))?;
        let kind = Kind::of(&message);
        let started = open.socket.start_send_unpin(message);
        match (&started, &mut open.record) {
            (Ok(()), Some(record)) => record.sent(kind),
            (Err(error), _) => open.note_failed_write(error),
            (Ok(()), None) => {}
        }
        started
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.poll_sink(cx, Sink::poll_flush)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self.line.state().usable() {
            // Whoever took the connection away closes it too.
            None => return Poll::Ready(Ok(())),
            Some(Open { record: Some(record), .. }) => record.note(Reason::Normal),
            Some(_) => {}
        }
        self.poll_sink(cx, Sink::poll_close)
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.line.let_go();
    }
}

/// Why sending fails on a socket that was taken from its handler.
#[derive(Debug, thiserror::Error)]
#[error("the WebSocket is closed: the process is shutting down")]
struct Closed;
