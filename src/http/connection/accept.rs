//! Accepting, with the failures of TCP listeners counted.

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

use crate::metrics::Counter;

/// How long to wait when the process lacks something, such as a free file descriptor. As axum and hyper 0.14 do.
const BACK_OFF: Duration = Duration::from_secs(1);

/// The listener's next connection.
///
/// axum's [`Listener`] hides failures behind retries of its own, so a TCP listener is asked directly; what other
/// listeners fail at stays with them.
pub(super) async fn accept<L: Listener>(listener: &mut L, errors: &Counter) -> (L::Io, L::Addr) {
    if let Some(tcp) = (listener as &mut dyn Any).downcast_mut::<TcpListener>() {
        let accepted = accept_tcp(tcp, errors).await;
        return same(accepted).expect("OK because L is TcpListener, which gives TcpStream and SocketAddr");
    }
    listener.accept().await
}

async fn accept_tcp(listener: &TcpListener, errors: &Counter) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                errors.increment();
                if !is_of_one_client(&error) {
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }
}

/// A client that left before it was accepted says nothing of the next one.
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

/// `value` under the name that the compiler does not know to be the same type.
fn same<T: 'static, U: 'static>(value: T) -> Option<U> {
    let mut slot = Some(value);
    (&mut slot as &mut dyn Any).downcast_mut::<Option<U>>().and_then(Option::take)
}

/// The address as one of the internet, if it is one.
pub(super) fn internet_address<A: 'static>(address: &A) -> Option<SocketAddr> {
    (address as &dyn Any).downcast_ref::<SocketAddr>().copied()
}
