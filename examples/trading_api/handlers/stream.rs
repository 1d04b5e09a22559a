//! Price ticks as they come: server-sent events at `GET /api/v1/stream`, a WebSocket at `GET /ws/prices`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, stream};

use super::App;

pub(super) async fn events(State(app): State<Arc<App>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = stream::unfold(app.market.listen(), |mut ticks| async {
        let tick = ticks.next().await?;
        Some((Ok(Event::default().event("price").data(tick)), ticks))
    });
    Sse::new(ticks).keep_alive(KeepAlive::default())
}
