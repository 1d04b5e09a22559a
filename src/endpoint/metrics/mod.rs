//! `GET /metrics`: the format that the scraper likes best, compressed if it offers that, gathered once for all who ask
//! at the same time.

mod instruments;
mod negotiation;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::query;
use crate::clock::Clock;
use crate::metrics::{DefinitionError, Meter, Registry};
use instruments::ScrapeInstruments;
use page::{Asked, Encoding, Page, Pages};

/// The scrapes of one monitoring, however many routers serve them. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Scrapes(Arc<Pages>);

impl Scrapes {
    pub(crate) fn register(registry: &Registry, clock: &Clock) -> Result<Self, DefinitionError> {
        let instruments = ScrapeInstruments::register(&Meter::new(registry))?;
        Ok(Self(Arc::new(Pages::new(registry.clone(), instruments, clock.clone()))))
    }

    /// The route. A scrape waits for nothing outside the process; collectors are run, within their budget, and the page
    /// is encoded off the workers that serve requests.
    ///
    /// `name[]=…`, given once or more, leaves out every other family.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new().route("/metrics", get(answer).with_state(Arc::clone(&self.0)))
    }
}

async fn answer(State(pages): State<Arc<Pages>>, uri: Uri, headers: HeaderMap) -> Response {
    let asked = Asked {
        format: negotiation::format(texts(&headers, &ACCEPT)),
        encoding: match negotiation::accepts_gzip(texts(&headers, &ACCEPT_ENCODING)) {
            true => Encoding::Gzip,
            false => Encoding::Identity,
        },
        names: names(uri.query().unwrap_or_default()),
    };
    match pages.get(asked).await {
        Some(page) => respond(page),
        // Only while the runtime goes down.
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn respond(page: Page) -> Response {
    let mut response = Response::new(Body::from(page.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.asked.format.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if page.asked.encoding == Encoding::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The families that a query asks for, sorted, each once.
fn names(query: &str) -> Vec<String> {
    let mut names = query::values(query, "name[]");
    names.sort_unstable();
    names.dedup();
    names
}

/// The values of a header that are text; others name nothing that we have.
fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}
