//! The extractor, and the task that a WebSocket's handler becomes.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{self, DefaultOnFailedUpgrade, OnFailedUpgrade};
use axum::response::Response;
use futures_util::future::{AbortHandle, abortable};
use http::HeaderValue;
use http::request::Parts;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::line::Line;
use super::ping;
use super::reason::Reason;
use super::record::Record;
use super::socket::WebSocket;
use super::sockets::WebSockets;
use crate::drain::{Drain, Phase};
use crate::http::connection::{Held, Lifeline};
use crate::http::route::template;
use crate::trace::{self, TraceContext};

/// Extractor for establishing WebSocket connections: [`axum::extract::ws::WebSocketUpgrade`], measured.
///
/// Measured are sockets of requests that passed the HTTP layer (or carry [`WebSockets`] by other means); any other
/// works as axum's does. The route is that of the request. The handler runs in the request's trace context and span.
#[derive(Debug)]
#[must_use = "a WebSocket is established by returning the response of `on_upgrade`"]
pub struct WebSocketUpgrade<F = DefaultOnFailedUpgrade> {
    inner: ws::WebSocketUpgrade<F>,
    origin: Origin,
    ping_every: Option<Duration>,
    session: Session,
}

/// Whether a client was here before, as its handler knows by what the client shows: a token, the last event it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Session {
    /// The beginning of one.
    #[default]
    New,
    /// One that a connection before this one began: a reconnect.
    Resumed,
}

/// What is known of the request.
#[derive(Debug)]
struct Origin {
    measured: Option<(WebSockets, Box<str>)>,
    lifeline: Option<Lifeline>,
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = WebSocketUpgradeRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let inner = ws::WebSocketUpgrade::from_request_parts(parts, state).await?;
        let measured = parts.extensions.get::<WebSockets>();
        let origin = Origin {
            measured: measured.map(|sockets| (sockets.clone(), template(&parts.extensions).into())),
            lifeline: parts.extensions.get::<Lifeline>().cloned(),
        };
        Ok(Self { inner, origin, ping_every: None, session: Session::New })
    }
}

impl<F> WebSocketUpgrade<F> {
    /// Read buffer capacity. Default: 128 KiB.
    pub fn read_buffer_size(self, size: usize) -> Self {
        self.with(|inner| inner.read_buffer_size(size))
    }

    /// How much is buffered before it is written. Default: 128 KiB; 0 writes each message at once.
    pub fn write_buffer_size(self, size: usize) -> Self {
        self.with(|inner| inner.write_buffer_size(size))
    }

    /// The size at which the write buffer refuses more, while writes fail. Default: unlimited.
    pub fn max_write_buffer_size(self, max: usize) -> Self {
        self.with(|inner| inner.max_write_buffer_size(max))
    }

    /// The size of the largest message that is received. Default: 64 MiB.
    pub fn max_message_size(self, max: usize) -> Self {
        self.with(|inner| inner.max_message_size(max))
    }

    /// The size of the largest frame that is received. Default: 16 MiB.
    pub fn max_frame_size(self, max: usize) -> Self {
        self.with(|inner| inner.max_frame_size(max))
    }

    /// Whether frames without a mask are accepted. Default: they are not.
    pub fn accept_unmasked_frames(self, accept: bool) -> Self {
        self.with(|inner| inner.accept_unmasked_frames(accept))
    }

    /// The subprotocols that the server knows, best first. The first one that the client offers is selected.
    pub fn protocols<I>(self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        self.with(|inner| inner.protocols(protocols))
    }

    /// The subprotocols that the client offers.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.inner.requested_protocols()
    }

    /// Selects a subprotocol; of this and [`protocols`](Self::protocols) the later call counts.
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.inner.set_selected_protocol(protocol);
    }

    /// The selected subprotocol, if any.
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.inner.selected_protocol()
    }

    /// What to call when the connection cannot be upgraded after all. By default nothing; such sockets are not counted.
    pub fn on_failed_upgrade<C: OnFailedUpgrade>(self, callback: C) -> WebSocketUpgrade<C> {
        let Self { inner, origin, ping_every, session } = self;
        WebSocketUpgrade { inner: inner.on_failed_upgrade(callback), origin, ping_every, session }
    }

    /// Sends a ping in each interval, which keeps the connection alive through proxies that close idle ones, and
    /// measures the way to the client and back (`websocket_ping_seconds`). Default: no pings.
    ///
    /// Pongs are read with the handler's messages: while it does not read, its own delay is measured too, or nothing.
    /// It sees no pong that answers these pings, and every one that answers its own. A client that does not answer is
    /// left alone: a handler may be too busy to see the answer. An interval is at least 100 ms and at most a day.
    pub fn ping_every(self, interval: Duration) -> Self {
        Self { ping_every: Some(interval), ..self }
    }

    /// Says whether the client resumes a session, which nobody but the handler can know; a server sees connections
    /// only. Resumed ones are counted (`websocket_reconnects_total`). Default: [`Session::New`].
    ///
    /// ```
    /// use aistm7_monitoring::http::websocket::{Session, WebSocketUpgrade};
    /// use axum::http::HeaderMap;
    /// use axum::response::Response;
    ///
    /// async fn prices(upgrade: WebSocketUpgrade, headers: HeaderMap) -> Response {
    ///     let session = match headers.get("last-event-id") {
    ///         Some(_) => Session::Resumed,
    ///         None => Session::New,
    ///     };
    ///     upgrade.session(session).on_upgrade(async |_socket| {})
    /// }
    /// ```
    pub fn session(self, session: Session) -> Self {
        Self { session, ..self }
    }

    /// Finishes the upgrade and calls `callback` with the socket, in a task of its own.
    #[must_use = "to set up the WebSocket connection, this response must be returned"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
        F: OnFailedUpgrade,
    {
        let held = self.origin.lifeline.and_then(|lifeline| lifeline.hold());
        let task = Task {
            measured: self.origin.measured,
            session: self.session,
            ping_every: self.ping_every,
            held,
            context: trace::current(),
            span: Span::current(),
        };
        self.inner.on_upgrade(|socket| task.run(socket, callback))
    }

    fn with(self, set: impl FnOnce(ws::WebSocketUpgrade<F>) -> ws::WebSocketUpgrade<F>) -> Self {
        Self { inner: set(self.inner), ..self }
    }
}

/// What the handler of an upgraded connection takes along from the request.
struct Task {
    measured: Option<(WebSockets, Box<str>)>,
    session: Session,
    ping_every: Option<Duration>,
    held: Option<Held>,
    context: Option<TraceContext>,
    span: Span,
}

impl Task {
    async fn run<C, Fut>(self, socket: ws::WebSocket, callback: C)
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let drain = self.measured.as_ref().map(|(sockets, _)| sockets.drain().clone());
        let record = self.measured.map(|(sockets, template)| Record::open(sockets, &template, self.session));
        let socket = WebSocket::new(socket, record);
        let line = socket.line();
        let (handler, abort) = abortable(async move { callback(socket).await }.instrument(self.span));
        let (_running, over) = oneshot::channel();
        if drain.is_some() || self.held.is_some() || self.ping_every.is_some() {
            tokio::spawn(Watch { line, ping_every: self.ping_every, drain, held: self.held, abort, over }.run());
        }
        // An aborted handler has nothing to say.
        let _ = match self.context {
            Some(context) => context.scope(handler).await,
            None => handler.await,
        };
    }
}

/// Stands beside the handler, so that a socket is closed whatever its handler waits for. A task of its own, so that it
/// costs the handler nothing.
struct Watch {
    line: Line,
    ping_every: Option<Duration>,
    drain: Option<Drain>,
    held: Option<Held>,
    abort: AbortHandle,
    over: oneshot::Receiver<()>,
}

impl Watch {
    async fn run(self) {
        let Self { line, ping_every, drain, held, abort, over } = self;
        let ended = async {
            // An error is what the sender's end looks like.
            let _ = over.await;
            line.gone().await;
        };
        let goodbye = async {
            reached(drain.as_ref(), Phase::Closing).await;
            line.say_goodbye().await;
            // The handler may still have something to finish.
            std::future::pending().await
        };
        tokio::select! {
            () = ended => return,
            never = goodbye => never,
            never = pings(&line, ping_every) => never,
            () = reached(drain.as_ref(), Phase::Closed) => {}
            () = cut(held.as_ref()) => {}
        }
        line.cut(Reason::Aborted);
        abort.abort();
    }
}

async fn pings(line: &Line, interval: Option<Duration>) -> ! {
    match interval {
        Some(interval) => ping::ping_every(line, interval).await,
        None => std::future::pending().await,
    }
}

async fn reached(drain: Option<&Drain>, phase: Phase) {
    match drain {
        Some(drain) => drain.reached(phase).await,
        None => std::future::pending().await,
    }
}

async fn cut(held: Option<&Held>) {
    match held {
        Some(held) => held.cut().await,
        None => std::future::pending().await,
    }
}
