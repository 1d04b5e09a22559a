//! Which route a request belongs to, and the state that each route shares over all connections.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::Extensions;

use super::labels::MethodLabel;
use super::ledger::Ledger;
use super::shared::Common;
use super::template_map::TemplateMap;
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

/// The ledgers of every route and method, found without a lock or an allocation.
///
/// axum applies layers anew for every connection, so this lives in the layer's shared state.
pub(super) struct Routes {
    known: TemplateMap<Treatment>,
    /// How many routes were admitted. Held while one is.
    admitted: Mutex<usize>,
    other: Route,
    common: Arc<Common>,
    diagnostics: Diagnostics,
}

/// What happens to the requests of a route.
enum Treatment {
    /// They are passed through.
    Unmeasured,
    Measured(Route),
}

struct Route {
    template: LabelValue,
    methods: [OnceLock<Arc<Ledger>>; MethodLabel::COUNT],
}

impl Routes {
    pub(super) fn new(common: Common, diagnostics: Diagnostics, unmeasured: impl IntoIterator<Item = String>) -> Self {
        let unmeasured: Vec<_> = unmeasured.into_iter().collect();
        let known = TemplateMap::with_capacity(MAX_ROUTES + unmeasured.len());
        for template in &unmeasured {
            known.get_or_insert_with(template, || Treatment::Unmeasured);
        }
        let common = Arc::new(common);
        Self { known, admitted: Mutex::new(0), other: Route::new(OTHER), common, diagnostics }
    }

    /// The ledger of a route and method, if its requests are measured. Cost: a hash of the template; more on the first
    /// hit.
    pub(super) fn ledger(&self, template: &str, method: MethodLabel) -> Option<&Arc<Ledger>> {
        match self.known.get(template).or_else(|| self.admit(template)) {
            Some(Treatment::Unmeasured) => None,
            Some(Treatment::Measured(route)) => Some(route.ledger(method, &self.common)),
            None => Some(self.other.ledger(method, &self.common)),
        }
    }

    /// What identifies the layer: the same for all its clones, another one's for no other.
    pub(super) fn common(&self) -> &Arc<Common> {
        &self.common
    }

    fn admit(&self, template: &str) -> Option<&Treatment> {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if *admitted < MAX_ROUTES {
            return Some(self.known.get_or_insert_with(template, || {
                *admitted += 1;
                Treatment::Measured(Route::new(template))
            }));
        }
        drop(admitted);
        let admitted_meanwhile = self.known.get(template);
        if admitted_meanwhile.is_none() {
            self.diagnostics.report(Problem::SeriesOverflow, "api routes");
        }
        admitted_meanwhile
    }
}

impl Route {
    fn new(template: &str) -> Self {
        Self { template: LabelValue::capped(template), methods: Default::default() }
    }

    fn ledger(&self, method: MethodLabel, common: &Arc<Common>) -> &Arc<Ledger> {
        self.methods[method.index()].get_or_init(|| Ledger::open(common, method, self.template.clone()))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::instruments::HttpInstruments;
    use super::*;
    use crate::clock::Clock;
    use crate::drain::Drain;
    use crate::metrics::{Meter, Registry};

    fn routes(registry: &Registry, unmeasured: &[&str]) -> Routes {
        let meter = Meter::new(registry);
        let instruments = HttpInstruments::register(&meter).unwrap();
        let common = Common { instruments, clock: Clock::system(), drain: Drain::new() };
        Routes::new(common, meter.diagnostics().clone(), unmeasured.iter().map(|&template| template.to_owned()))
    }

    #[test]
    fn routes_past_the_limit_share_one_ledger() {
        let registry = Registry::new();
        let routes = routes(&registry, &["/health"]);
        let get = MethodLabel::of(&Method::GET);
        let begin = |template: &str| routes.ledger(template, get).unwrap().begin();
        (0..MAX_ROUTES + 50).for_each(|route| begin(&format!("/{route}")));
        begin("/0");
        let snapshot = registry.snapshot();
        let started = |route| snapshot.value("api_requests_started_total", &[("method", "GET"), ("route", route)]);
        assert_eq!(started("_other"), Some(50.0));
        assert_eq!(started("/0"), Some(2.0));
    }

    #[test]
    fn ledgers_are_made_once_and_unmeasured_routes_have_none() {
        let routes = routes(&Registry::new(), &["/health"]);
        let [get, post] = [Method::GET, Method::POST].map(|method| MethodLabel::of(&method));
        let first = routes.ledger("/orders", get).unwrap();
        assert!(Arc::ptr_eq(first, routes.ledger("/orders", get).unwrap()));
        assert!(!Arc::ptr_eq(first, routes.ledger("/orders", post).unwrap()));
        assert!(routes.ledger("/health", get).is_none());
    }
}
