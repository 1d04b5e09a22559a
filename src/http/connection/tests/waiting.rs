//! Clients that take their time: over a head, which has a limit, and over everything else, which has none.
//!
//! Time is held: it moves on when every task waits, and then to the next timeout. It would not wait for a kernel that
//! carries bytes, so these sockets are in memory.

use std::convert::Infallible;

use axum::routing::post;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::*;

const LIMIT: Duration = ServerOptions::HEAD_TIMEOUT;

/// Far longer than any client may take over a head.
const LONG: Duration = LIMIT.saturating_mul(3);

/// What each direction of a connection holds.
const ROOM: usize = 1 << 16;

/// A server of this crate that clients reach through memory.
struct Server {
    door: mpsc::UnboundedSender<DuplexStream>,
    registry: Registry,
    instruments: ConnectionInstruments,
}

struct Door(mpsc::UnboundedReceiver<DuplexStream>);

impl axum::serve::Listener for Door {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(visitor) => (visitor, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Server {
    fn start(app: Router) -> Self {
        let registry = Registry::new();
        let instruments = ConnectionInstruments::register(&Meter::new(&registry), Clock::system()).unwrap();
        let (door, visitors) = mpsc::unbounded_channel();
        tokio::spawn(serve(Door(visitors), app, ServerOptions::new(instruments.clone(), Drain::new())));
        Self { door, registry, instruments }
    }

    fn connect(&self) -> DuplexStream {
        let (client, visitor) = duplex(ROOM);
        self.door.send(visitor).unwrap();
        client
    }

    /// How long it takes from now on until a client's connection is timed out.
    async fn times_out(&self, mut client: DuplexStream) -> Duration {
        let timed_out = || outcome_in(&self.registry, "timed_out");
        let (began, before) = (Instant::now(), timed_out());
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        while self.instruments.active() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(timed_out(), before + 1.0);
        began.elapsed()
    }
}

fn says_hello() -> Router {
    Router::new().route("/", get(async || "hello."))
}

async fn read_until(client: &mut DuplexStream, end: &str) {
    let mut answer = String::new();
    while !answer.ends_with(end) {
        let mut chunk = [0; 1024];
        let read = client.read(&mut chunk).await.unwrap();
        assert_ne!(read, 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn first_head_has_its_time_whatever_its_beginning() {
    let server = Server::start(says_hello());
    for beginning in ["", "PRI * HTT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", "GET / HTTP/1.1\r\nhost: loc"] {
        let mut client = server.connect();
        client.write_all(beginning.as_bytes()).await.unwrap();
        assert_eq!(server.times_out(client).await.as_secs(), LIMIT.as_secs(), "{beginning:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_further_head_has_the_same_time_from_the_last_answer_on() {
    let server = Server::start(says_hello());
    for beginning in ["", "GET / HTTP/1.1\r\nhost: loc"] {
        let mut client = server.connect();
        for _ in 0..8 {
            exchange(&mut client, "hello.").await;
            sleep(LIMIT * 2 / 3).await;
        }
        exchange(&mut client, "hello.").await;
        client.write_all(beginning.as_bytes()).await.unwrap();
        let waited = server.times_out(client).await;
        assert!((LIMIT..=LIMIT * 5 / 4).contains(&waited), "{beginning:?} {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_that_handlers_and_bodies_take_is_not_the_clients() {
    let slow = get(async || {
        sleep(LONG).await;
        "late."
    });
    let dripping = get(async || {
        let drops = futures_util::stream::unfold(0, async |number| {
            sleep(LONG).await;
            (number < 3).then(|| (Ok::<_, Infallible>(Bytes::from(format!("{number}."))), number + 1))
        });
        axum::body::Body::from_stream(drops)
    });
    let reading = post(async |body: String| body);
    let app = Router::new().route("/slow", slow).route("/dripping", dripping).route("/reading", reading);
    let server = Server::start(app);

    let mut client = server.connect();
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut client, "late.").await;
    client.write_all(b"GET /dripping HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    read_until(&mut client, "0\r\n\r\n").await;
    let head = b"POST /reading HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\n";
    client.write_all(head).await.unwrap();
    for part in ["pa", "rt", "s."] {
        sleep(LONG).await;
        client.write_all(part.as_bytes()).await.unwrap();
    }
    read_until(&mut client, "parts.").await;
    server.times_out(client).await;
}

/// What the handler gave away goes on being read after the answer.
#[tokio::test(start_paused = true)]
async fn request_body_that_outlasts_its_answer_is_not_cut() {
    let (rest, read) = oneshot::channel();
    let rest = Arc::new(std::sync::Mutex::new(Some(rest)));
    let early = post(async move |mut body: axum::body::Body| {
        let rest = rest.lock().unwrap().take().unwrap();
        tokio::spawn(async move { rest.send(body.frame().await.unwrap().unwrap().into_data().unwrap()) });
        "early."
    });
    let server = Server::start(Router::new().route("/", early));
    let mut client = server.connect();
    client.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    read_until(&mut client, "early.").await;
    sleep(LONG).await;
    client.write_all(b"late.").await.unwrap();
    assert_eq!(read.await.unwrap(), "late.");
    server.times_out(client).await;
}

#[tokio::test(start_paused = true)]
async fn client_that_reads_a_long_response_slowly_is_not_cut() {
    let app = Router::new().route("/", get(async || ".".repeat(16 * ROOM) + "end."));
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(LONG).await;
    read_until(&mut client, "end.").await;
    server.times_out(client).await;
}

#[tokio::test(start_paused = true)]
async fn http2_connection_may_be_idle() {
    let server = Server::start(says_hello());
    let io = TokioIo::new(server.connect());
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::get("http://localhost/").body(Empty::<Bytes>::new()).unwrap();
        client.send_request(request).await.unwrap().into_body().collect().await.unwrap();
        sleep(LONG).await;
    }
    assert_eq!((server.instruments.active(), outcome_in(&server.registry, "timed_out")), (1, 0.0));
}
