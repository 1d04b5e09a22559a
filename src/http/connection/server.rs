//! Serving a router over HTTP/1.1 and HTTP/2 until told to stop, and stopping within a bound.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::serve::Listener;
use http::{Extensions, HeaderValue, Method, Request, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use pin_project_lite::pin_project;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Service;

use super::accept::{accept, internet_address};
use super::aside::Aside;
use super::head_wait::{Busy, BusyBody};
use super::instruments::Outcome;
use super::io::MeasuredIo;
use super::options::ServerOptions;
use super::record::{Lifeline, Live, Record};
use crate::drain::{Drain, Phase};
use crate::sync::PerThread;

/// What became of a server's connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Connections accepted in all.
    pub accepted: u64,
    /// Connections that were open when the server began to close, and ended by themselves.
    pub drained: u64,
    /// Connections that were still there when the grace was over, and were cut.
    pub aborted: u64,
}

/// Serves `app` on `listener` until [`Phase::Closing`], then ends within the grace.
///
/// HTTP/1.1 with upgrades, HTTP/2 with extended CONNECT. Layers are applied once for every few threads, not once a
/// connection. Handlers find `ConnectInfo<SocketAddr>` when the listener's addresses are that. A failed accept, a client's
/// mistake or a panic in a handler ends at most its own connection.
///
/// From [`Phase::Draining`] on, responses over HTTP/1.1 say `connection: close`: a client that kept its connection would
/// else send its next request while the connection is being closed, and get no answer.
///
/// At [`Phase::Closing`] the listener is dropped, idle connections are closed, the others are asked to end: HTTP/1.1
/// after the response at hand, HTTP/2 by GOAWAY, measured WebSockets by a close frame. What is left after the grace,
/// or at [`Phase::Closed`], is cut: tasks are aborted, measured WebSocket handlers dropped. Sockets that a handler
/// upgraded by other means are waited for as well, but nothing can end their tasks, so they are only reported.
///
/// ```
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::drain::{Drain, Phase};
/// use aistm7_monitoring::http::{ConnectionInstruments, ServerOptions, serve};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use axum::{Router, routing::get};
/// use std::time::Duration;
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let drain = Drain::new();
/// let instruments = ConnectionInstruments::register(&Meter::new(&Registry::new()), Clock::system())?;
/// let options = ServerOptions::new(instruments, drain.clone()).grace(Duration::from_secs(10));
/// let app = Router::new().route("/", get(async || "hello"));
/// let server = tokio::spawn(serve(tokio::net::TcpListener::bind("127.0.0.1:0").await?, app, options));
///
/// drain.enter(Phase::Closing);
/// assert_eq!(server.await?.aborted, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Cancellation
/// Dropping the future cuts every connection.
pub async fn serve<L: Listener>(mut listener: L, app: Router, options: ServerOptions) -> Served {
    let connections = Connections(Live::new(&options.drain));
    let mut closing = pin!(options.drain.reached(Phase::Closing));
    let server = Arc::new(Server::new(app, &options));
    let mut tasks = JoinSet::new();
    let mut accepted = 0;
    loop {
        let (io, address) = tokio::select! {
            biased;
            () = &mut closing => break,
            connection = accept(&mut listener, &options.instruments.accept_errors) => connection,
        };
        accepted += 1;
        let record = Record::open(&options.instruments, Some(&connections.0));
        tasks.spawn(Arc::clone(&server).serve_connection(io, internet_address(&address), record));
        // Forgets the tasks that are done, so that the set grows with open connections only.
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    let (drained, aborted) = connections.close(tasks, &options).await;
    Served { accepted, drained, aborted }
}

/// What the connections of a server share.
struct Server {
    app: PerThread<Router>,
    http: Builder<TokioExecutor>,
    drain: Drain,
    head_timeout: Duration,
}

impl Server {
    fn new(app: Router, options: &ServerOptions) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http2().timer(TokioTimer::new()).enable_connect_protocol();
        // A router applies its layers when it is given its state; left to `call`, once for every request.
        let app = PerThread::of(|| app.clone().with_state(()));
        Self { app, http, drain: options.drain.clone(), head_timeout: options.head_timeout }
    }

    async fn serve_connection<I>(self: Arc<Self>, io: I, address: Option<SocketAddr>, record: Arc<Record>)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        if self.drain.phase() >= Phase::Draining {
            // At once: a short first request is done before anything else of the connection is looked at.
            record.leave();
        }
        let extensions = extensions(address);
        let service = service_fn(|request| self.answer(request, &extensions, Busy::with(&record)));
        let io = TokioIo::new(MeasuredIo::new(io, Arc::clone(&record)));
        let mut connection = pin!(self.http.serve_connection_with_upgrades(io, service));
        let mut next_phase = pin!(Aside::new(self.drain.reached(Phase::Draining)));
        let mut too_late = pin!(Aside::new(record.head_wait.is_too_long(self.head_timeout)));
        let mut is_closing = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        record.note(outcome_of(error.as_ref(), is_closing));
                    }
                    return;
                }
                () = &mut next_phase, if !is_closing => {
                    record.leave();
                    is_closing = self.drain.phase() >= Phase::Closing;
                    if is_closing {
                        connection.as_mut().graceful_shutdown();
                    } else {
                        next_phase.set(Aside::new(self.drain.reached(Phase::Closing)));
                    }
                }
                () = &mut too_late => {
                    record.note(Outcome::TimedOut);
                    return;
                }
            }
        }
    }

    /// Has the application answer one request, for which its connection is busy until the response's last byte.
    fn answer(&self, mut request: Request<Incoming>, extensions: &Extensions, busy: Busy) -> Answer {
        let hypers = mem::replace(request.extensions_mut(), extensions.clone());
        request.extensions_mut().extend(hypers);
        if may_upgrade(&request) {
            request.extensions_mut().insert(Lifeline::of(busy.record()));
        }
        let version = request.version();
        let request = request.map(|body| request_body(body, busy.record()));
        Answer { app: self.app.own().clone().call(request), version, busy: Some(busy) }
    }
}

pin_project! {
    /// The answer to one request. Written out, because an `async` block would have room for the application's future
    /// twice and move it as often.
    struct Answer {
        #[pin]
        app: RouteFuture<Infallible>,
        version: Version,
        // `None` once the response's body has it.
        busy: Option<Busy>,
    }
}

impl Future for Answer {
    type Output = Result<http::Response<BusyBody<Body>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.app.poll(cx))?;
        let busy = this.busy.take().expect("OK because nobody may poll what was ready");
        if busy.record().is_leaving() && *this.version < Version::HTTP_2 {
            say_goodbye(&mut response);
        }
        Poll::Ready(Ok(response.map(|body| BusyBody::new(body, busy))))
    }
}

/// What every request of a connection has in its extensions, cloned for each.
///
/// With room for what the router, the layers and a handler's own put there: a map keeps its room when it is cloned, while
/// one that grows is made twice.
fn extensions(address: Option<SocketAddr>) -> Extensions {
    #[derive(Clone)]
    struct Place<const NUMBER: usize>;
    let mut extensions = Extensions::new();
    extensions.insert(Place::<0>);
    extensions.insert(Place::<1>);
    extensions.insert(Place::<2>);
    extensions.insert(Place::<3>);
    extensions.clear();
    if let Some(address) = address {
        extensions.insert(ConnectInfo(address));
    }
    extensions
}

/// A body as the router takes it. One that is empty needs no box.
fn request_body(body: Incoming, record: &Arc<Record>) -> Body {
    if body.is_end_stream() { Body::empty() } else { Body::new(BusyBody::new(body, Busy::with(record))) }
}

/// Makes this the last response of its connection, unless the connection is another protocol's from here on.
fn say_goodbye(response: &mut Response) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn may_upgrade<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT || request.headers().contains_key(header::UPGRADE)
}

fn outcome_of(error: &(dyn std::error::Error + Send + Sync + 'static), is_closing: bool) -> Outcome {
    let is_timeout = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout);
    // How hyper-util says that it closed a connection on which nothing had been said.
    let is_unused = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::Interrupted);
    if is_timeout {
        Outcome::TimedOut
    } else if is_closing && is_unused {
        Outcome::Closed
    } else {
        Outcome::Failed
    }
}

/// The connections of a running server; cut when it is dropped.
struct Connections(Live);

/// An aborted task ends at its next `.await`; one that blocks its thread has none and is not waited for any longer.
/// Chosen: far more than a scheduler needs, little beside any grace.
const ABORT_WAIT: Duration = Duration::from_millis(250);

impl Connections {
    /// Waits for every connection and cuts those that outlast the grace; how many drained and how many were cut.
    async fn close(self, mut tasks: JoinSet<()>, options: &ServerOptions) -> (u64, u64) {
        tokio::select! {
            () = self.0.none() => {}
            () = sleep(options.grace) => {}
            () = options.drain.reached(Phase::Closed) => {}
        }
        let left = self.0.cut();
        tasks.abort_all();
        let _ = timeout(ABORT_WAIT, self.0.none()).await;
        (left.drained, left.open)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.0.cut();
    }
}
