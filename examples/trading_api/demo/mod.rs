//! Traffic of the service at itself, so that there is something to see: `--demo`.
//!
//! Ten requests a second and two streams, no more: it is there to be looked at, not to be measured.

mod client;
mod plan;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use self::client::Client;
use self::plan::Plan;

/// Time between two requests.
const PACE: Duration = Duration::from_millis(100);
/// How long a stream is listened to before it is left.
const LISTENING: Duration = Duration::from_secs(15);
/// Time between two streams of one kind.
const PAUSE: Duration = Duration::from_secs(2);

/// Drives traffic at the service on `server` until dropped.
pub(crate) async fn run(server: SocketAddr) {
    let client = Client::new(server);
    tokio::join!(requests(&client), events(&client), websocket(&client));
}

async fn requests(client: &Client) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for path in Plan::new() {
        pace.tick().await;
        match client.get(&path).await {
            Ok(status) => tracing::debug!(path, status = status.as_u16(), "Demo request"),
            Err(error) => tracing::debug!(path, %error, "Demo request failed"),
        }
    }
}

async fn events(client: &Client) {
    loop {
        match client.listen_to_events(LISTENING).await {
            Ok(bytes) => tracing::debug!(bytes, "Demo listened to events"),
            Err(error) => tracing::debug!(%error, "Demo event stream failed"),
        }
        sleep(PAUSE).await;
    }
}

async fn websocket(client: &Client) {
    loop {
        match client.listen_to_websocket(LISTENING).await {
            Ok(messages) => tracing::debug!(messages, "Demo listened to a WebSocket"),
            Err(error) => tracing::debug!(%error, "Demo WebSocket failed"),
        }
        sleep(PAUSE).await;
    }
}
