//! What every clone of the metrics layer, its services and their bodies share.

use super::instruments::HttpInstruments;
use super::route::Routes;
use crate::clock::Clock;
use crate::drain::Drain;
use crate::metrics::{DefinitionError, Meter};

/// One for each `Monitoring`. axum applies layers anew for every connection, so what is worth keeping is kept here.
pub(super) struct Shared {
    pub(super) routes: Routes,
    /// What an upgrade request's extensions get, so that its handler can measure the WebSocket.
    #[cfg(feature = "websocket")]
    pub(super) websockets: super::websocket::WebSockets,
}

/// What the ledgers of one layer have in common. Each holds it, so that an exchange needs nothing but its ledger.
pub(super) struct Common {
    pub(super) instruments: HttpInstruments,
    pub(super) clock: Clock,
    pub(super) drain: Drain,
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
            #[cfg(feature = "websocket")]
            websockets: super::websocket::WebSockets::new(meter, clock.clone(), drain.clone())?,
            routes: Routes::new(Common { instruments, clock, drain }, meter.diagnostics().clone(), unmeasured),
        })
    }
}
