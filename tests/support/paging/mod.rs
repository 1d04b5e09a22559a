//! Stand-ins for those who tell people: they take what the real ones take, refuse what these refuse, and fail as told.

#![allow(dead_code, reason = "each test binary uses the part that it needs")]
#![allow(clippy::unwrap_used, reason = "a stand-in that cannot answer ends its test")]

pub(crate) mod pagerduty;
pub(crate) mod slack;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::net::TcpListener;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// 429, and to be asked again after so many seconds.
    TooMany(u64),
    /// Another status, with nothing done.
    Status(u16),
    /// What was asked is done, after so many milliseconds.
    Slow(u64),
    /// No answer, ever, and nothing done.
    Hang,
    /// The connection is closed without an answer, with nothing done.
    Reset,
    /// The connection breaks, with nothing done.
    Break,
    /// What was asked is done, and then the connection breaks.
    TakeAndBreak,
    /// 200 with `"ok": false` and this code: Slack's way.
    NotOk(&'static str),
}

/// What is to go wrong, in turn.
#[derive(Debug, Default)]
pub(crate) struct Faults(VecDeque<Fault>);

impl Faults {
    pub(crate) fn plan(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.0.extend(faults);
    }

    fn next(&mut self) -> Option<Fault> {
        self.0.pop_front()
    }
}

/// Answers a request as the fault says, or by what doing it gives.
async fn answered(fault: Option<Fault>, done: impl FnOnce() -> Response) -> Response {
    let status = |status: u16| Response::builder().status(StatusCode::from_u16(status).unwrap());
    match fault {
        None => done(),
        Some(Fault::TooMany(seconds)) => {
            let body = Body::from(r#"{"ok":false,"error":"ratelimited"}"#);
            status(429).header("retry-after", seconds.to_string()).body(body).unwrap()
        }
        Some(Fault::Status(code)) => status(code).body(Body::from("as the test wants")).unwrap(),
        Some(Fault::Slow(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            done()
        }
        // Without a message, since nobody is to look into it; the task of the connection ends, and with it the connection.
        Some(Fault::Reset) => std::panic::resume_unwind(Box::new("as the test wants")),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Break) => broken(),
        Some(Fault::TakeAndBreak) => {
            drop(done());
            broken()
        }
        Some(Fault::NotOk(code)) => json(200, &serde_json::json!({"ok": false, "error": code})),
    }
}

/// An answer in the middle of which the connection breaks.
fn broken() -> Response {
    let breaks = futures_util::stream::once(async { Err::<Bytes, _>(io::Error::other("as the test wants")) });
    Response::new(Body::from_stream(breaks))
}

fn json(status: u16, body: &serde_json::Value) -> Response {
    let head = Response::builder().status(StatusCode::from_u16(status).unwrap());
    head.header("content-type", "application/json; charset=utf-8").body(Body::from(body.to_string())).unwrap()
}

/// Serves on a free port of the loopback interface, for as long as the runtime lives.
async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}
