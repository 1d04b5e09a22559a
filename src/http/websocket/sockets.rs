//! What all WebSockets of a service share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::instruments::{Families, RouteInstruments};
use crate::clock::Clock;
use crate::drain::Drain;
use crate::http::route::{MAX_ROUTES, OTHER};
use crate::metrics::{DefinitionError, LabelValue, Meter};

/// Measures the WebSockets of requests that carry it as an extension, and closes them when the process closes.
///
/// The HTTP layer puts it into upgrade requests. A service without that layer may add it by itself, with
/// `axum::Extension`. Cloning costs one atomic add.
#[derive(Clone)]
pub struct WebSockets(Arc<Shared>);

struct Shared {
    families: Families,
    clock: Clock,
    drain: Drain,
    routes: RwLock<HashMap<Box<str>, Arc<RouteInstruments>>>,
}

impl WebSockets {
    /// Registers the `websocket_*` metrics. The series of a route are created at 0 when it opens its first socket.
    ///
    /// # Errors
    /// When the registry holds another metric under one of the names.
    pub fn new(meter: &Meter, clock: Clock, drain: Drain) -> Result<Self, DefinitionError> {
        let families = Families::register(meter)?;
        Ok(Self(Arc::new(Shared { families, clock, drain, routes: RwLock::default() })))
    }

    /// WebSockets that are open now, over all routes.
    pub fn active(&self) -> u64 {
        let routes = self.0.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.values().map(|route| route.active()).sum()
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn drain(&self) -> &Drain {
        &self.0.drain
    }

    /// The handles of a route template. Cost: a read lock and a hash; more for the first socket of a route.
    pub(super) fn route(&self, template: &str) -> Arc<RouteInstruments> {
        let routes = self.0.routes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(template) {
            return Arc::clone(route);
        }
        drop(routes);
        let mut routes = self.0.routes.write().unwrap_or_else(PoisonError::into_inner);
        let template = if routes.len() < MAX_ROUTES { template } else { OTHER };
        let resolve = || Arc::new(self.0.families.route(&LabelValue::capped(template)));
        Arc::clone(routes.entry(template.into()).or_insert_with(resolve))
    }
}

impl fmt::Debug for WebSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSockets").field("active", &self.active()).finish_non_exhaustive()
    }
}
