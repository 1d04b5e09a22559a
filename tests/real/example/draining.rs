//! SIGTERM under load: clients of every kind go on asking, and no request fails.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::stand_ins::Control;
use super::{SOON, WALLET, access_of, ok, strict_log, wait_until_healthy};
use crate::support::example::TradingApi;
use crate::support::http;

/// Clients of each kind, so that there are more of them than cores.
const CLIENTS: usize = 4;

/// Requests that a client still sends after it has seen that the service drains.
const AFTERWARDS: usize = 5;

const PATH: &str = "/api/v1/portfolios/1";

/// What can be seen from outside.
#[derive(Default)]
struct Seen {
    draining: AtomicBool,
    refused: AtomicBool,
}

impl Seen {
    // Ordering: what one client has seen, another acts on; the strongest, as nothing here is measured.
    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    fn is_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the example built; run by tests/run"]
async fn no_request_fails_while_a_loaded_service_goes_away() {
    let mut api = TradingApi::start(&[], &[]);
    let public = api.public();
    // Once before, so that there is a balance to fall back on; from here on it takes two seconds, twice the drain delay.
    ok(public, &access_of(WALLET));
    wait_until_healthy(&api);
    Control::of(&api, "Solana RPC node").set("hang");

    let seen = Arc::new(Seen::default());
    let begun = Arc::new(std::sync::Barrier::new(2 * CLIENTS + 1));
    let client = |ask: fn(SocketAddr, &Seen, &dyn Fn()) -> usize| {
        let (seen, begun) = (Arc::clone(&seen), Arc::clone(&begun));
        let wait = move || {
            begun.wait();
        };
        thread::spawn(move || ask(public, &seen, &wait))
    };
    let fresh: Vec<_> = (0..CLIENTS).map(|_| client(with_connections_of_their_own)).collect();
    let kept: Vec<_> = (0..CLIENTS).map(|_| client(on_connections_that_are_kept)).collect();
    let mut multiplexed = Vec::new();
    for _ in 0..CLIENTS {
        let sender = connect_http2(public).await;
        multiplexed.push(tokio::spawn(until_told_to_go(sender, PATH.to_owned(), Arc::clone(&seen))));
    }
    let told = tokio::spawn(watch_over_grpc(public));
    let slow = tokio::spawn(until_told_to_go(connect_http2(public).await, access_of(WALLET), Arc::clone(&seen)));
    tokio::task::block_in_place(|| begun.wait());
    let readiness = watch_readiness(public, Arc::clone(&seen));

    api.sigterm();

    for client in fresh.into_iter().chain(kept) {
        let while_draining = tokio::task::block_in_place(|| client.join()).expect("no request of HTTP/1.1 fails");
        assert!(while_draining >= AFTERWARDS, "{while_draining} requests were served while draining");
    }
    for client in multiplexed {
        let answered = client.await.expect("no request of HTTP/2 fails");
        assert!(answered.while_draining >= AFTERWARDS, "{answered:?}");
    }
    let slow = slow.await.expect("no request that is under way is cut");
    assert_eq!(slow.after_refusal, 1, "what was under way when the listener closed has its answer: {slow:?}");
    assert_eq!(told.await.expect("the watch goes on"), [ServingStatus::Serving, ServingStatus::NotServing]);
    let readiness = tokio::task::block_in_place(|| readiness.join()).expect("readiness is answered to the end");
    assert_eq!(readiness, [json!({"status": "ready"}), json!({"status": "not_ready", "reason": "draining"})]);

    assert_eq!(tokio::task::block_in_place(|| api.wait(SOON)).code(), Some(0), "{}", api.stderr());
    let log = strict_log(&api);
    let stopped = log.iter().find(|line| line["message"] == "Stopped serving").expect("the log says how it went");
    assert_eq!(stopped["details"]["aborted"], 0, "{stopped}");
    assert!(api.stderr().contains(" 0 lost;"), "{}", api.stderr());
}

/// What readiness says until nobody listens, without repetitions.
fn watch_readiness(public: SocketAddr, seen: Arc<Seen>) -> JoinHandle<Vec<Value>> {
    let mut said = vec![ok(public, "/health/ready").json()];
    thread::spawn(move || {
        while let Ok(connection) = http::connect(public) {
            // Who connects while the listener closes may have no answer: it has not been asked yet.
            let Ok(response) = Kept::over(connection).ask(public, "/health/ready") else { continue };
            let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
            let is_ready = answer["status"] == "ready";
            assert_eq!(response.status, if is_ready { 200 } else { 503 });
            seen.draining.fetch_or(!is_ready, Ordering::SeqCst);
            if said.last() != Some(&answer) {
                said.push(answer);
            }
        }
        seen.refused.store(true, Ordering::SeqCst);
        said
    })
}

/// What gRPC's health service says of the whole until it ends the stream, which it does with a word.
async fn watch_over_grpc(public: SocketAddr) -> Vec<ServingStatus> {
    let endpoint = Endpoint::from_shared(format!("http://{public}")).expect("a valid URL");
    let mut client = HealthClient::new(endpoint.connect().await.expect("it listens"));
    let mut stream = client.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    let mut said = Vec::new();
    loop {
        match stream.message().await {
            Ok(status) => said.push(status.expect("no end without a word").status()),
            Err(status) => {
                assert_eq!(status.code(), tonic::Code::Unavailable, "{status}");
                return said;
            }
        }
    }
}

/// Asks on a new connection each time, until a little after the service drains: what a load balancer sends before it
/// looks away. Gives how often it was served after it had seen that.
fn with_connections_of_their_own(public: SocketAddr, seen: &Seen, begun: &dyn Fn()) -> usize {
    let ask = || assert_eq!(http::get(public, PATH, &[]).expect("an answer").status, 200);
    ask();
    begun();
    while !seen.is_draining() {
        ask();
    }
    (0..AFTERWARDS).for_each(|_| ask());
    AFTERWARDS
}

/// Asks on one connection as long as that lasts, and never looks at readiness: it goes when it is told to, and comes
/// back until the service drains.
fn on_connections_that_are_kept(public: SocketAddr, seen: &Seen, begun: &dyn Fn()) -> usize {
    let mut kept = Kept::over(http::connect(public).expect("it listens"));
    kept.ask(public, PATH).expect("an answer");
    begun();
    let mut while_draining = 0;
    loop {
        let is_draining = seen.is_draining();
        let response = kept.ask(public, PATH).expect("an answer, until the connection is said to close");
        assert_eq!(response.status, 200);
        while_draining += usize::from(is_draining);
        if response.is_last {
            if while_draining >= AFTERWARDS {
                return while_draining;
            }
            kept = Kept::over(http::connect(public).expect("it still listens"));
        }
    }
}

/// A connection of HTTP/1.1 that is used again.
struct Kept(BufReader<TcpStream>);

struct Answer {
    status: u16,
    /// Whether the server closes the connection after it.
    is_last: bool,
    body: Vec<u8>,
}

impl Kept {
    fn over(connection: TcpStream) -> Self {
        Self(BufReader::new(connection))
    }

    fn ask(&mut self, host: SocketAddr, path: &str) -> io::Result<Answer> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
        let status = self.line()?.get(9..12).and_then(|code| code.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let (mut is_last, mut length) = (false, 0);
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                None => break,
                Some(("connection", value)) => is_last = value == "close",
                Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, is_last, body })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

type Http2 = SendRequest<Empty<Bytes>>;

async fn connect_http2(public: SocketAddr) -> Http2 {
    let stream = tokio::net::TcpStream::connect(public).await.expect("it listens");
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("it speaks HTTP/2");
    tokio::spawn(connection);
    sender
}

/// How often a client was answered.
#[derive(Debug, Default)]
struct Answered {
    /// Asked after it was known that the service drains.
    while_draining: usize,
    /// Answered after it was known that nobody listens any more.
    after_refusal: usize,
}

/// Asks on one connection of HTTP/2 until the server says that it takes no more streams. What it took has its answer.
async fn until_told_to_go(mut sender: Http2, path: String, seen: Arc<Seen>) -> Answered {
    let mut answered = Answered::default();
    while sender.ready().await.is_ok() {
        let is_draining = seen.is_draining();
        let request = Request::get(format!("http://test{path}")).body(Empty::new()).expect("a valid request");
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) if was_not_taken(&error) => break,
            Err(error) => panic!("{error:?}"),
        };
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("a whole body");
        answered.while_draining += usize::from(is_draining);
        answered.after_refusal += usize::from(seen.is_refused());
    }
    answered
}

/// Whether the client learned in this very moment to send no more: a request that GOAWAY without an error leaves out is
/// one that the server has not begun, and that any client sends again elsewhere.
fn was_not_taken(error: &hyper::Error) -> bool {
    let of_http2 = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    let left_out = of_http2.is_some_and(|error| error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR));
    error.is_canceled() || left_out
}
