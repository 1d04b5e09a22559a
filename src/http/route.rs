//! Which route a request belongs to, and the state that each route shares over all connections.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use http::Extensions;

use super::instruments::HttpInstruments;
use super::labels::MethodLabel;
use super::ledger::Ledger;
use crate::diagnostics::{Diagnostics, Problem};
use crate::metrics::LabelValue;

/// The route of requests that no route matched: one series, whatever the paths.
pub(super) const UNMATCHED: &str = "_unmatched";

/// The route of requests whose routes no longer fit.
pub(super) const OTHER: &str = "_other";

/// How many routes have series of their own. Chosen: ten times those of a large service, and with eleven methods still
/// under the cap of a family.
pub(super) const MAX_ROUTES: usize = 900;

/// The template of the route that matched, such as `/api/v1/portfolios/{id}`. Never the path itself.
pub(super) fn template(extensions: &Extensions) -> &str {
    #[cfg(feature = "axum")]
    if let Some(matched) = extensions.get::<axum::extract::MatchedPath>() {
        return matched.as_str();
    }
    #[cfg(not(feature = "axum"))]
    let _ = extensions;
    UNMATCHED
}

/// The ledgers of every route and method, found without allocating.
///
/// axum applies layers anew for every connection, so this lives in the layer's shared state.
pub(super) struct Routes {
    known: RwLock<HashMap<Box<str>, Arc<Route>>>,
    other: Route,
    instruments: HttpInstruments,
    diagnostics: Diagnostics,
}

struct Route {
    template: LabelValue,
    methods: [OnceLock<Arc<Ledger>>; MethodLabel::COUNT],
}

impl Routes {
    pub(super) fn new(instruments: HttpInstruments, diagnostics: Diagnostics) -> Self {
        Self { known: RwLock::default(), other: Route::new(OTHER), instruments, diagnostics }
    }

    /// The ledger of a route and method. Cost: a read lock and a hash of the template; more on the first hit.
    pub(super) fn ledger(&self, template: &str, method: MethodLabel) -> Arc<Ledger> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = known.get(template) {
            return route.ledger(method, &self.instruments);
        }
        drop(known);
        self.admit(template, method)
    }

    fn admit(&self, template: &str, method: MethodLabel) -> Arc<Ledger> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let full = known.len() >= MAX_ROUTES && !known.contains_key(template);
        if full {
            drop(known);
            self.diagnostics.report(Problem::SeriesOverflow, "api routes");
            return self.other.ledger(method, &self.instruments);
        }
        let route = Arc::clone(known.entry(template.into()).or_insert_with(|| Arc::new(Route::new(template))));
        drop(known);
        route.ledger(method, &self.instruments)
    }
}

impl Route {
    fn new(template: &str) -> Self {
        Self { template: LabelValue::capped(template), methods: Default::default() }
    }

    fn ledger(&self, method: MethodLabel, instruments: &HttpInstruments) -> Arc<Ledger> {
        let slot = &self.methods[method.index()];
        Arc::clone(slot.get_or_init(|| Ledger::open(instruments, method, self.template.clone())))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::metrics::{Meter, Registry};

    #[test]
    fn routes_past_the_limit_share_one_ledger() {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let routes = Routes::new(HttpInstruments::register(&meter).unwrap(), meter.diagnostics().clone());
        let get = MethodLabel::of(&Method::GET);
        for route in 0..MAX_ROUTES + 50 {
            routes.ledger(&format!("/{route}"), get).begin();
        }
        routes.ledger("/0", get).begin();
        let snapshot = registry.snapshot();
        let started = |route| snapshot.value("api_requests_started_total", &[("method", "GET"), ("route", route)]);
        assert_eq!(started("_other"), Some(50.0));
        assert_eq!(started("/0"), Some(2.0));
    }
}
