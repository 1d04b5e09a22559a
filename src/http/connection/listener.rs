//! A listener whose connections are counted, for `axum::serve` and whatever else takes a listener.

use std::fmt;
use std::io;

use axum::serve::{Listener, ListenerExt, TapIo};

use super::accept::accept;
use super::instruments::ConnectionInstruments;
use super::io::MeasuredIo;
use super::record::Record;

/// A listener that counts, in the form in which axum still knows its clients' addresses.
///
/// axum gives `ConnectInfo<SocketAddr>` to its own listeners only, and to any listener inside its [`TapIo`]; so this is
/// one, with a tap that does nothing.
pub type MeasuredListener<L> = TapIo<CountingListener<L>, fn(&mut MeasuredIo<<L as Listener>::Io>)>;

/// Counts the connections of any listener.
///
/// Failed accepts are counted for a [`tokio::net::TcpListener`]; other listeners retry behind axum's trait, unseen.
///
/// ```
/// # use std::net::SocketAddr;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::http::{ConnectionInstruments, measured};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use axum::{Router, extract::ConnectInfo, routing::get};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let instruments = ConnectionInstruments::register(&Meter::new(&Registry::new()), Clock::system())?;
/// let app = Router::new().route("/", get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.to_string() }));
/// let listener = measured(tokio::net::TcpListener::bind("127.0.0.1:0").await?, &instruments);
/// let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>());
/// # drop(server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// Not for [`serve`](super::serve), which counts by itself.
pub fn measured<L: Listener>(listener: L, instruments: &ConnectionInstruments) -> MeasuredListener<L> {
    let untouched: fn(&mut MeasuredIo<L::Io>) = |_| {};
    CountingListener { listener, instruments: instruments.clone() }.tap_io(untouched)
}

/// What [`measured`] puts inside axum's [`TapIo`].
pub struct CountingListener<L> {
    listener: L,
    instruments: ConnectionInstruments,
}

impl<L: Listener> Listener for CountingListener<L> {
    type Io = MeasuredIo<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = accept(&mut self.listener, &self.instruments.accept_errors).await;
        (MeasuredIo::new(io, Record::open(&self.instruments, None)), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl<L: fmt::Debug> fmt::Debug for CountingListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingListener").field("listener", &self.listener).finish_non_exhaustive()
    }
}
