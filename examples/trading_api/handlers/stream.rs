//! Price ticks as they come: server-sent events at `GET /api/v1/stream`, a WebSocket at `GET /ws/prices`.

use std::convert::Infallible;
use std::sync::Arc;

use aistm7_monitoring::http::websocket::{WebSocket, WebSocketUpgrade};
use axum::extract::State;
use axum::extract::ws::Message;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};

use super::App;
use crate::market::Ticks;

pub(super) async fn events(State(app): State<Arc<App>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = stream::unfold(app.market.listen(), |mut ticks| async {
        let tick = ticks.next().await?;
        Some((Ok(Event::default().event("price").data(tick)), ticks))
    });
    Sse::new(ticks).keep_alive(KeepAlive::default())
}

pub(super) async fn websocket(State(app): State<Arc<App>>, upgrade: WebSocketUpgrade) -> Response {
    let ticks = app.market.listen();
    upgrade.on_upgrade(|socket| send(ticks, socket))
}

/// Sends ticks until the client leaves or the service stops. What the client says is read, so that its goodbye is
/// noticed, and ignored.
async fn send(mut ticks: Ticks, mut socket: WebSocket) {
    loop {
        tokio::select! {
            tick = ticks.next() => {
                let Some(tick) = tick else { return };
                if socket.send(Message::text(&*tick)).await.is_err() {
                    return;
                }
            }
            said = socket.recv() => {
                let Some(Ok(_)) = said else { return };
            }
        }
    }
}
