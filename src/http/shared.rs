//! What every clone of the metrics layer, its services and their bodies share.

use std::collections::HashSet;

use super::instruments::HttpInstruments;
use super::route::Routes;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::metrics::{Counter, DefinitionError, Meter};

/// One for each `Monitoring`. axum applies layers anew for every connection, so what is worth keeping is kept here.
pub(super) struct Shared {
    pub(super) routes: Routes,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
    /// Templates of routes that are passed through.
    pub(super) unmeasured: HashSet<String>,
    pub(super) event_streams_ended: Counter,
    /// What an upgrade request's extensions get, so that its handler can measure the WebSocket.
    #[cfg(feature = "websocket")]
    pub(super) websockets: super::websocket::WebSockets,
}

impl Shared {
    pub(super) fn register(
        meter: &Meter,
        clock: Clock,
        drain: Drain,
        unmeasured: impl IntoIterator<Item = String>,
    ) -> Result<Self, DefinitionError> {
        let instruments = HttpInstruments::register(meter)?;
        Ok(Self {
            event_streams_ended: instruments.event_streams_ended.clone(),
            routes: Routes::new(instruments, meter.diagnostics().clone()),
            #[cfg(feature = "websocket")]
            websockets: super::websocket::WebSockets::new(meter, clock.clone(), drain.clone())?,
            clock,
            drain,
            unmeasured: unmeasured.into_iter().collect(),
        })
    }
}
