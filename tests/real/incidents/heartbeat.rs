//! What counts signs of life.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::State;
use tokio::net::TcpListener;

/// A heartbeat service, which counts.
pub(super) struct HeartbeatPeer {
    address: SocketAddr,
    beats: Arc<AtomicUsize>,
}

impl HeartbeatPeer {
    pub(super) async fn start() -> Self {
        let beats: Arc<AtomicUsize> = Arc::default();
        // Ordering here and below: a lone number.
        let count = async |State(beats): State<Arc<AtomicUsize>>| {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let router = Router::new().fallback(count).with_state(Arc::clone(&beats));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { address, beats }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/beat", self.address)
    }

    pub(super) fn beats(&self) -> usize {
        self.beats.load(Ordering::Relaxed)
    }
}
