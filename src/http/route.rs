//! Which route a request belongs to, and the state that each route shares over all connections.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Extensions, Method, Request};

use super::head::{RequestHead, RouteLabel};
use super::hold::LedgerHolds;
use super::ledger::{Answers, Ledger};
use super::methods::{KnownMethods, MethodSlot};
use super::rules;
use super::shared::Common;
use super::template_map::TemplateMap;
use crate::diagnostics::Problem;
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

/// How routes are named and what is done with them.
pub(super) struct RouteTreatments {
    pub(super) methods: KnownMethods,
    pub(super) label: Option<Arc<dyn RouteLabel>>,
    pub(super) unmeasured: Vec<String>,
    pub(super) streaming: Vec<String>,
}

/// The ledgers of every route and method, found without a lock or an allocation.
///
/// axum applies layers anew for every connection, so this lives in the layer's shared state.
pub(super) struct Routes {
    known: TemplateMap<Treatment>,
    /// How many routes were admitted. Held while one is.
    admitted: Mutex<usize>,
    other: Route,
    treatments: RouteTreatments,
    common: Arc<Common>,
}

/// What happens to the requests of a route.
enum Treatment {
    /// They are passed through.
    Unmeasured,
    Measured(Route),
}

struct Route {
    template: LabelValue,
    answers: Answers,
    methods: Box<[OnceLock<LedgerHolds>]>,
}

impl Routes {
    pub(super) fn new(common: Common, treatments: RouteTreatments) -> Self {
        let known = TemplateMap::with_capacity(MAX_ROUTES + treatments.unmeasured.len());
        for template in &treatments.unmeasured {
            known.get_or_insert_with(template, || Treatment::Unmeasured);
        }
        let other = Route::new(OTHER, &treatments);
        Self { known, admitted: Mutex::new(0), other, treatments, common: Arc::new(common) }
    }

    /// The ledger of a request's route and method, if it is measured.
    pub(super) fn ledger_of<B>(&self, request: &Request<B>) -> Option<&LedgerHolds> {
        let named = self.treatments.label.as_ref().and_then(|label| {
            rules::run(self.common.diagnostics(), || label.template(&RequestHead::of(request))).flatten()
        });
        self.ledger(named.unwrap_or_else(|| template(request.extensions())), request.method())
    }

    /// The ledger of a route and method, if its requests are measured. Cost: a hash of the template; more on the first
    /// hit.
    pub(super) fn ledger(&self, template: &str, method: &Method) -> Option<&LedgerHolds> {
        let method = self.treatments.methods.slot(method);
        match self.known.get(template).or_else(|| self.admit(template)) {
            Some(Treatment::Unmeasured) => None,
            Some(Treatment::Measured(route)) => Some(route.ledger(method, self)),
            None => Some(self.other.ledger(method, self)),
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
                Treatment::Measured(Route::new(template, &self.treatments))
            }));
        }
        drop(admitted);
        let admitted_meanwhile = self.known.get(template);
        if admitted_meanwhile.is_none() {
            self.common.diagnostics().report(Problem::SeriesOverflow, "api routes");
        }
        admitted_meanwhile
    }
}

impl Route {
    fn new(template: &str, treatments: &RouteTreatments) -> Self {
        let streams = treatments.streaming.iter().any(|streaming| streaming == template);
        Self {
            template: LabelValue::capped(template),
            answers: if streams { Answers::Streams } else { Answers::Finite },
            methods: (0..treatments.methods.count()).map(|_| OnceLock::new()).collect(),
        }
    }

    fn ledger(&self, method: MethodSlot, routes: &Routes) -> &LedgerHolds {
        let open = || {
            let label = routes.treatments.methods.label(method);
            LedgerHolds::of(Ledger::open(&routes.common, label, self.template.clone(), self.answers))
        };
        self.methods[method.index()].get_or_init(open)
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::options::HttpOptions;
    use super::super::shared::Shared;
    use super::*;
    use crate::clock::Clock;
    use crate::drain::Drain;
    use crate::metrics::{Meter, Registry};

    fn routes(registry: &Registry, options: HttpOptions) -> Routes {
        Shared::register(&Meter::new(registry), Clock::system(), Drain::new(), options).unwrap().routes
    }

    #[test]
    fn routes_past_the_limit_share_one_ledger() {
        let registry = Registry::new();
        let routes = routes(&registry, HttpOptions::new().unmeasured("/health"));
        let begin = |template: &str| routes.ledger(template, &Method::GET).unwrap().begin();
        (0..MAX_ROUTES + 50).for_each(|route| begin(&format!("/{route}")));
        begin("/0");
        let snapshot = registry.snapshot();
        let started = |route| snapshot.value("api_requests_started_total", &[("method", "GET"), ("route", route)]);
        assert_eq!(started("_other"), Some(50.0));
        assert_eq!(started("/0"), Some(2.0));
    }

    #[test]
    fn ledgers_are_made_once_and_unmeasured_routes_have_none() {
        let routes = routes(&Registry::new(), HttpOptions::new().unmeasured("/health"));
        let [get, post] = [&Method::GET, &Method::POST];
        let first = routes.ledger("/orders", get).unwrap();
        assert!(ptr::eq(first, routes.ledger("/orders", get).unwrap()));
        assert!(!ptr::eq(first, routes.ledger("/orders", post).unwrap()));
        assert!(routes.ledger("/health", get).is_none());
    }
}
