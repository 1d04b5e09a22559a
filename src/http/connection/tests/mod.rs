//! Real connections over loopback.

mod listening;
mod waiting;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tower::layer::layer_fn;

use super::*;
use crate::clock::Clock;
use crate::drain::{Drain, Phase};
use crate::metrics::{Meter, Registry};

/// Longer than any test has to wait, so that a failure ends with a message.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of this crate that is running, and what a test sees of it.
pub(in crate::http) struct Running {
    pub(in crate::http) address: SocketAddr,
    pub(in crate::http) registry: Registry,
    pub(in crate::http) drain: Drain,
    pub(in crate::http) instruments: ConnectionInstruments,
    task: JoinHandle<Served>,
}

impl Running {
    pub(in crate::http) async fn start(app: Router, registry: Registry, drain: Drain, grace: Duration) -> Self {
        let instruments = ConnectionInstruments::register(&Meter::new(&registry), Clock::system()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = ServerOptions::new(instruments.clone(), drain.clone()).grace(grace);
        let task = tokio::spawn(serve(listener, app, options));
        Self { address, registry, drain, instruments, task }
    }

    async fn with(app: Router, grace: Duration) -> Self {
        Self::start(app, Registry::new(), Drain::new(), grace).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Tells the server to close and waits until it has.
    pub(in crate::http) async fn close(self) -> Served {
        self.drain.enter(Phase::Closing);
        self.ended().await
    }

    pub(in crate::http) async fn ended(self) -> Served {
        within(self.task).await.expect("the server does not panic")
    }

    pub(in crate::http) fn outcome(&self, outcome: &str) -> f64 {
        outcome_in(&self.registry, outcome)
    }
}

pub(in crate::http) fn outcome_in(registry: &Registry, outcome: &str) -> f64 {
    registry.snapshot().value("api_connections_total", &[("outcome", outcome)]).expect("exists from the start")
}

pub(in crate::http) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("happens in time")
}

/// Waits for what another task is about to do.
pub(in crate::http) async fn eventually(mut happened: impl FnMut() -> bool) {
    within(async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Says when it is dropped.
pub(in crate::http) struct DropBell(pub(in crate::http) Option<oneshot::Sender<()>>);

impl Drop for DropBell {
    fn drop(&mut self) {
        let _ = self.0.take().map(|bell| bell.send(()));
    }
}

/// Sends a request on a kept-alive connection and reads until `body` has come.
async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), body: &str) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with(body) {
        let mut chunk = [0; 1024];
        let read = within(stream.read(&mut chunk)).await.unwrap();
        assert_ne!(read, 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    answer
}

async fn end_of(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    let _ = within(stream.read_to_end(&mut rest)).await;
    String::from_utf8_lossy(&rest).into_owned()
}

fn says_from() -> Router {
    Router::new().route("/", get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { format!("from {from}.") }))
}

/// An application whose handler never answers, and the news that it was dropped.
fn hangs() -> (Router, Arc<Notify>, oneshot::Receiver<()>) {
    let (bell, dropped) = oneshot::channel();
    let (entered, bell) = (Arc::new(Notify::new()), Arc::new(std::sync::Mutex::new(DropBell(Some(bell)))));
    let told = Arc::clone(&entered);
    let handler = move || async move {
        let _held = DropBell(bell.lock().unwrap().0.take());
        told.notify_one();
        pending::<()>().await;
    };
    (Router::new().route("/", get(handler)), entered, dropped)
}

#[tokio::test]
async fn server_gives_connect_info_and_applies_layers_once() {
    let layered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&layered);
    let app = says_from().layer(layer_fn(move |inner: axum::routing::Route| {
        count.fetch_add(1, Ordering::Relaxed);
        inner
    }));
    let server = Running::with(app, PATIENCE).await;
    let mut first = server.connect().await;
    let here = first.local_addr().unwrap();
    assert!(exchange(&mut first, ".").await.contains(&here.to_string()));
    let after_one = layered.load(Ordering::Relaxed);
    for _ in 0..3 {
        exchange(&mut first, ".").await;
        exchange(&mut server.connect().await, ".").await;
    }
    assert_eq!(layered.load(Ordering::Relaxed), after_one);
}

#[tokio::test]
async fn idle_connections_are_closed_when_the_server_closes() {
    let server = Running::with(says_from(), PATIENCE).await;
    let (mut used, unused) = (server.connect().await, server.connect().await);
    exchange(&mut used, ".").await;
    eventually(|| server.instruments.active() == 2).await;
    let (registry, instruments) = (server.registry.clone(), server.instruments.clone());
    let served = server.close().await;
    assert_eq!(served, Served { accepted: 2, drained: 2, aborted: 0 });
    assert_eq!(end_of(used).await + &end_of(unused).await, "");
    assert_eq!((instruments.active(), outcome_in(&registry, "closed")), (0, 2.0));
}

#[tokio::test]
async fn request_at_hand_is_answered_before_its_connection_ends() {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, wait) = (Arc::clone(&entered), Arc::clone(&go));
    let handler = move || async move {
        told.notify_one();
        wait.notified().await;
        "done."
    };
    let server = Running::with(Router::new().route("/", get(handler)), PATIENCE).await;
    let mut client = server.connect().await;
    let address = server.address;
    let answer = tokio::spawn(async move { (exchange(&mut client, "done.").await, end_of(client).await) });
    within(entered.notified()).await;
    let closing = tokio::spawn(server.close());
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
    go.notify_one();
    let (answer, rest) = within(answer).await.unwrap();
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(rest, "");
    let served = closing.await.unwrap();
    assert_eq!((served.drained + served.aborted, served.aborted), (served.drained, 0));
}

#[tokio::test]
async fn hung_handler_is_cut_after_the_grace() {
    let (app, entered, dropped) = hangs();
    let server = Running::with(app, Duration::ZERO).await;
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    within(entered.notified()).await;
    let registry = server.registry.clone();
    assert_eq!(server.close().await, Served { accepted: 1, drained: 0, aborted: 1 });
    assert_eq!(outcome_in(&registry, "aborted"), 1.0);
    within(dropped).await.expect("the handler was dropped");
    assert_eq!(end_of(client).await, "");
}

#[tokio::test]
async fn last_phase_ends_the_grace_at_once() {
    let (app, entered, _dropped) = hangs();
    let server = Running::with(app, Duration::from_secs(3600)).await;
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    within(entered.notified()).await;
    server.drain.enter(Phase::Closed);
    assert_eq!(server.ended().await, Served { accepted: 1, drained: 0, aborted: 1 });
}

#[tokio::test]
async fn dropped_server_leaves_no_connection_behind() {
    let (app, entered, dropped) = hangs();
    let server = Running::with(app, PATIENCE).await;
    let mut client = server.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    within(entered.notified()).await;
    server.task.abort();
    within(dropped).await.expect("the handler was dropped");
    assert_eq!(end_of(client).await, "");
    eventually(|| server.instruments.active() == 0).await;
    assert_eq!(server.outcome("aborted"), 1.0);
}

#[tokio::test]
async fn panicking_handler_ends_its_own_connection_only() {
    let app = says_from().route("/panic", get(async || -> () { panic!("on purpose") }));
    let server = Running::with(app, PATIENCE).await;
    let mut other = server.connect().await;
    exchange(&mut other, ".").await;
    let mut client = server.connect().await;
    client.write_all(b"GET /panic HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(end_of(client).await, "");
    eventually(|| server.outcome("failed") == 1.0).await;
    exchange(&mut other, ".").await;
    assert_eq!(server.instruments.active(), 1);
}

#[tokio::test]
async fn visitor_without_a_word_is_no_failure_and_nonsense_is_one() {
    let server = Running::with(says_from(), PATIENCE).await;
    drop(server.connect().await);
    eventually(|| server.outcome("closed") == 1.0).await;
    let mut client = server.connect().await;
    client.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await.unwrap();
    end_of(client).await;
    eventually(|| server.outcome("failed") == 1.0).await;
    assert_eq!(server.instruments.active(), 0);
}

/// Time is held: it moves on when every task waits, and then to the next timeout.
#[tokio::test(start_paused = true)]
async fn slow_clients_are_timed_out_whatever_they_began_to_say() {
    let server = Running::with(says_from(), PATIENCE).await;
    for (index, beginning) in ["", "PRI * HTT", "GET / HTTP/1.1\r\nhost: loc"].into_iter().enumerate() {
        let mut client = server.connect().await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
        while server.outcome("timed_out") < index as f64 + 1.0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(server.instruments.active(), 0);
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_and_cut() {
    let (hanging, entered, dropped) = hangs();
    let app = says_from().nest("/hang", hanging);
    let server = Running::with(app, Duration::ZERO).await;
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |path| Request::get(format!("http://localhost{path}")).body(Empty::<Bytes>::new()).unwrap();
    let answer = within(client.send_request(request("/"))).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"from 127.0.0.1:"), "{body:?}");

    let hung = tokio::spawn(client.send_request(request("/hang")));
    within(entered.notified()).await;
    assert_eq!(server.close().await, Served { accepted: 1, drained: 0, aborted: 1 });
    within(dropped).await.expect("the handler was dropped");
    assert!(within(hung).await.unwrap().is_err());
    let _ = within(connection).await;
}

#[tokio::test]
async fn idle_http2_connection_is_told_to_go_away() {
    let server = Running::with(says_from(), PATIENCE).await;
    let io = TokioIo::new(server.connect().await);
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
    let answer = within(client.send_request(request)).await.unwrap();
    answer.into_body().collect().await.unwrap();
    assert_eq!(server.close().await, Served { accepted: 1, drained: 1, aborted: 0 });
    within(connection).await.unwrap().expect("ends without an error");
}
