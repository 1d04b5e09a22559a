//! The connection below a WebSocket, shared by the handler's socket and by the watch that closes it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::extract::ws::{self, CloseFrame, Message, close_code};
use futures_util::{Sink, Stream};

use super::ping::Pings;
use super::reason::Reason;
use super::record::Record;

/// One WebSocket's connection. Cloning shares it.
///
/// The lock is held while axum's socket is polled, which never waits. Only at shutdown do two sides want it.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    phase: Phase,
    open: Option<Open>,
    /// Who waits for the connection on each side, to be woken when it is taken away.
    reader: Option<Waker>,
    writer: Option<Waker>,
    watch: Option<Waker>,
}

/// What exists while the connection does. Dropping it hangs up and finishes the record.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) socket: ws::WebSocket,
    /// `None` for a socket that nobody measures.
    pub(super) record: Option<Record>,
    pub(super) pings: Pings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The handler has the socket.
    Handled,
    /// The watch is saying goodbye; the handler is told that the socket is closed.
    Closing,
}

/// How long the client may take to answer a close frame. Chosen: some round trips on a bad mobile network.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

impl Line {
    pub(super) fn new(socket: ws::WebSocket, record: Option<Record>) -> Self {
        let open = Some(Open { socket, record, pings: Pings::new() });
        let state = State { phase: Phase::Handled, open, reader: None, writer: None, watch: None };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handler's socket is gone. Hangs up, unless the watch is still saying goodbye.
    pub(super) fn let_go(&self) {
        let state = self.state();
        if state.phase == Phase::Handled {
            let reason = if std::thread::panicking() { Reason::Panicked } else { Reason::Dropped };
            hang_up(state, reason);
        }
    }

    /// Hangs up whatever the handler does.
    pub(super) fn cut(&self, reason: Reason) {
        hang_up(self.state(), reason);
    }

    /// Resolves once the connection is gone.
    pub(super) async fn gone(&self) {
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            if state.open.is_none() {
                return Poll::Ready(());
            }
            park(&mut state.watch, cx);
            Poll::Pending
        })
        .await;
    }

    /// Takes the socket from the handler, sends 1001 and waits for the client's answer, for [`GOODBYE`] at most.
    pub(super) async fn say_goodbye(&self) {
        self.take_away();
        let mut unsent =
            Some(Message::Close(Some(CloseFrame { code: close_code::AWAY, reason: "shutting down".into() })));
        let goodbye = std::future::poll_fn(|cx| match &mut self.state().open {
            Some(open) => poll_goodbye(&mut open.socket, &mut unsent, cx),
            None => Poll::Ready(()),
        });
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.cut(Reason::ServerShutdown);
    }

    fn take_away(&self) {
        let mut state = self.state();
        state.phase = Phase::Closing;
        if let Some(record) = state.open.as_mut().and_then(|open| open.record.as_mut()) {
            record.note(Reason::ServerShutdown);
        }
        let parked = state.take_parked();
        drop(state);
        parked.into_iter().flatten().for_each(Waker::wake);
    }
}

impl State {
    /// The connection, as long as the handler may use it.
    pub(super) fn usable(&mut self) -> Option<&mut Open> {
        match self.phase {
            Phase::Handled => self.open.as_mut(),
            Phase::Closing => None,
        }
    }

    /// Remembers whom to wake when the connection is taken away.
    pub(super) fn park_reader(&mut self, cx: &Context<'_>) {
        park(&mut self.reader, cx);
    }

    /// As [`State::park_reader`], for the side that sends.
    pub(super) fn park_writer(&mut self, cx: &Context<'_>) {
        park(&mut self.writer, cx);
    }

    /// Who waits to send, or did so last.
    pub(super) fn parked_writer(&self) -> Option<&Waker> {
        self.writer.as_ref()
    }

    fn take_parked(&mut self) -> [Option<Waker>; 3] {
        [self.reader.take(), self.writer.take(), self.watch.take()]
    }
}

fn hang_up(mut state: MutexGuard<'_, State>, reason: Reason) {
    let mut open = state.open.take();
    let parked = state.take_parked();
    // Neither whoever is woken nor the record's and the socket's end needs the lock.
    drop(state);
    parked.into_iter().flatten().for_each(Waker::wake);
    if let Some(record) = open.as_mut().and_then(|open| open.record.as_mut()) {
        record.note(reason);
    }
}

/// Sends what is unsent, then reads until the client has answered or is gone.
fn poll_goodbye(socket: &mut ws::WebSocket, unsent: &mut Option<Message>, cx: &mut Context<'_>) -> Poll<()> {
    let mut socket = Pin::new(socket);
    if unsent.is_some() {
        // Whatever fails here, the client's close frame or the end of the connection is still to be read.
        let is_ready = ready!(socket.as_mut().poll_ready(cx)).is_ok();
        if let Some(message) = unsent.take().filter(|_| is_ready) {
            let _ = socket.as_mut().start_send(message);
        }
    }
    let flushed = socket.as_mut().poll_flush(cx);
    while let Some(Ok(_)) = ready!(socket.as_mut().poll_next(cx)) {}
    flushed.map(drop)
}

fn park(parked: &mut Option<Waker>, cx: &Context<'_>) {
    match parked {
        Some(waker) => waker.clone_from(cx.waker()),
        none => *none = Some(cx.waker().clone()),
    }
}
