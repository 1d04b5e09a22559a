//! Listeners of every kind: counted, and their clients' addresses known.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::serve::{Listener, ListenerExt};
use tokio::io::ReadBuf;

use super::*;
use crate::clock::ManualClock;

/// A socket as TLS makes one: what is on the wire is not what is read, and a stranger fails at the greeting.
struct Veiled<I>(I);

/// Bytes are this far from what they stand for.
const VEIL: u8 = 0x80;

impl<I: AsyncRead + Unpin> AsyncRead for Veiled<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        let read = &mut buf.filled_mut()[before..];
        read.iter_mut().for_each(|byte| *byte ^= VEIL);
        // HTTP is ASCII, so what is not was never veiled.
        Poll::Ready(if read.is_ascii() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) })
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Veiled<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let veiled: Vec<_> = buf.iter().map(|byte| byte ^ VEIL).collect();
        Pin::new(&mut self.0).poll_write(cx, &veiled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

struct VeiledListener(TcpListener);

impl Listener for VeiledListener {
    type Io = Veiled<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = Listener::accept(&mut self.0).await;
        (Veiled(io), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A listener on a free port, its address, and the metrics of its connections.
async fn listening() -> (TcpListener, SocketAddr, Registry, ConnectionInstruments, ManualClock) {
    let (registry, clock) = (Registry::new(), ManualClock::new());
    let instruments = ConnectionInstruments::register(&Meter::new(&registry), clock.clock()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address, registry, instruments, clock)
}

fn serve_by_axum<L: Listener<Addr = SocketAddr>>(listener: L, instruments: &ConnectionInstruments) {
    let app = says_from().into_make_service_with_connect_info::<SocketAddr>();
    let listener = measured(listener, instruments);
    tokio::spawn(async move { axum::serve(listener, app).await });
}

fn value(registry: &Registry, name: &str) -> Option<f64> {
    registry.snapshot().value(name, &[])
}

#[tokio::test]
async fn measured_listener_counts_below_axum_and_keeps_connect_info() {
    let (listener, address, registry, instruments, clock) = listening().await;
    serve_by_axum(listener, &instruments);

    let mut client = TcpStream::connect(address).await.unwrap();
    let here = client.local_addr().unwrap();
    assert!(exchange(&mut client, ".").await.contains(&here.to_string()));
    assert_eq!(registry.snapshot().value("api_active_connections", &[]), Some(1.0));
    assert_eq!(outcome_in(&registry, "closed"), 0.0);
    clock.advance(Duration::from_secs(90));
    drop(client);
    eventually(|| registry.snapshot().value("api_active_connections", &[]) == Some(0.0)).await;
    assert_eq!(outcome_in(&registry, "closed"), 1.0);
    let text = registry.render();
    assert!(text.contains("api_connection_duration_seconds_sum 90\n"), "{text}");
    assert_eq!(value(&registry, "api_connections_accepted_total"), Some(1.0));
}

#[tokio::test]
async fn sockets_of_other_kinds_are_counted_below_axum_and_keep_connect_info() {
    let (listener, address, registry, instruments, _) = listening().await;
    serve_by_axum(listener.tap_io(|stream| stream.set_nodelay(true).unwrap()), &instruments);
    let mut client = TcpStream::connect(address).await.unwrap();
    let here = client.local_addr().unwrap();
    assert!(exchange(&mut client, ".").await.contains(&here.to_string()));
    drop(client);
    eventually(|| outcome_in(&registry, "closed") == 1.0).await;

    let (listener, address, registry, instruments, _) = listening().await;
    serve_by_axum(VeiledListener(listener), &instruments);
    speak_in_veils(address, &registry).await;
}

#[tokio::test]
async fn sockets_of_other_kinds_are_counted_by_our_server_and_keep_connect_info() {
    let (listener, address, registry, instruments, _) = listening().await;
    let drain = Drain::new();
    let options = ServerOptions::new(instruments, drain.clone());
    let server = tokio::spawn(serve(VeiledListener(listener), says_from(), options));
    speak_in_veils(address, &registry).await;
    drain.enter(Phase::Closing);
    assert_eq!(server.await.unwrap(), Served { accepted: 2, drained: 0, aborted: 0 });
}

/// One who knows the veil is answered and told its address; one who does not is a failure.
async fn speak_in_veils(address: SocketAddr, registry: &Registry) {
    let stream = TcpStream::connect(address).await.unwrap();
    let here = stream.local_addr().unwrap();
    let mut client = Veiled(stream);
    assert!(exchange(&mut client, ".").await.contains(&here.to_string()));
    assert_eq!(value(registry, "api_active_connections"), Some(1.0));
    drop(client);
    eventually(|| outcome_in(registry, "closed") == 1.0).await;

    let mut stranger = TcpStream::connect(address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(!end_of(stranger).await.contains("200"));
    eventually(|| outcome_in(registry, "failed") == 1.0).await;
    let counted = ["api_connections_accepted_total", "api_connection_duration_seconds", "api_active_connections"];
    assert_eq!(counted.map(|name| value(registry, name)), [Some(2.0), Some(2.0), Some(0.0)]);
}

/// A connected stream in the place of a listening socket fails at every accept. With its other end.
fn broken_listener() -> (TcpListener, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (broken, _) = listener.accept().unwrap();
    std::io::Write::write_all(&mut client, b"readable").unwrap();
    broken.set_nonblocking(true).unwrap();
    (TcpListener::from_std(std::net::TcpListener::from(std::os::fd::OwnedFd::from(broken))).unwrap(), client)
}

#[tokio::test(start_paused = true)]
async fn failed_accepts_of_a_measured_listener_are_counted() {
    let registry = Registry::new();
    let instruments = ConnectionInstruments::register(&Meter::new(&registry), Clock::system()).unwrap();
    let (broken, _client) = broken_listener();
    let server = tokio::spawn(axum::serve(measured(broken, &instruments), Router::new()).into_future());
    eventually(|| registry.snapshot().value("api_accept_errors_total", &[]) >= Some(3.0)).await;
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn failed_accepts_are_counted_and_do_not_end_the_loop() {
    let registry = Registry::new();
    let instruments = ConnectionInstruments::register(&Meter::new(&registry), Clock::system()).unwrap();
    let (broken, _client) = broken_listener();
    let drain = Drain::new();
    let server = tokio::spawn(serve(broken, Router::new(), ServerOptions::new(instruments, drain.clone())));
    eventually(|| registry.snapshot().value("api_accept_errors_total", &[]) >= Some(3.0)).await;
    drain.enter(Phase::Closing);
    assert_eq!(server.await.unwrap(), Served::default());
}
