//! `/metrics` as scrapers ask for it: formats, compression, names, and many at once.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::metrics::{Definition, Family, Gauge};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use flate2::read::GzDecoder;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::service::monitoring;

/// What Prometheus 3 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

async fn ask(monitoring: &Monitoring, method: Method, uri: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let app: Router = monitoring.admin_routes();
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri(uri), |request, (name, value)| request.header(*name, *value));
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).await).unwrap()
}

/// The sample lines that do not tell of scrapes.
fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#') && !changes_by_itself(line)).collect()
}

/// What scrapes change, and what the watchdog of the runtime sees of it.
fn changes_by_itself(line: &str) -> bool {
    ["monitoring_scrape", "monitoring_page_bytes", "tokio_"].iter().any(|own| line.starts_with(own))
}

#[tokio::test]
async fn scraper_gets_the_format_it_likes_with_the_same_series() {
    let monitoring = monitoring();
    let plain = ask(&monitoring, Method::GET, "/metrics", &[]).await;
    assert_eq!(plain.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(plain.headers()["vary"], "accept, accept-encoding");
    let plain = text(plain).await;

    let open = ask(&monitoring, Method::GET, "/metrics", &[("accept", PROMETHEUS)]).await;
    assert_eq!(open.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let open = text(open).await;
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE log_lines counter\n"), "{open}");
    assert_eq!(samples(&open), samples(&plain));
    assert!(!plain.contains("# EOF"));
}

#[tokio::test]
async fn page_is_compressed_for_those_who_offer_it() {
    let monitoring = monitoring();
    let plain = text(ask(&monitoring, Method::GET, "/metrics", &[("accept-encoding", "gzip;q=0, br")]).await).await;
    let packed = ask(&monitoring, Method::GET, "/metrics", &[("accept-encoding", "gzip, deflate")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let packed = bytes(packed).await;
    assert!(packed.len() * 4 < plain.len(), "{} of {}", packed.len(), plain.len());
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
    assert_eq!(samples(&unpacked), samples(&plain));
}

#[tokio::test]
async fn only_the_named_families_are_shown() {
    let monitoring = monitoring();
    let uri = "/metrics?name[]=log_lines_total&name%5B%5D=service_info&name[]=no_such_family";
    let page = text(ask(&monitoring, Method::GET, uri, &[]).await).await;
    let families: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert_eq!(families, ["log_lines_total counter", "service_info gauge"]);
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let monitoring = monitoring();
    let response = ask(&monitoring, Method::HEAD, "/metrics", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers()["content-length"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(bytes(response).await.is_empty());
}

/// What Prometheus 2.42 sends when it takes native histograms.
#[cfg(feature = "protobuf")]
const TAKING_NATIVE_HISTOGRAMS: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
    encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,\
    application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[cfg(feature = "protobuf")]
#[tokio::test]
async fn protobuf_is_served_as_the_texts_are() {
    use crate::protobuf;

    let monitoring = monitoring();
    let accept = ("accept", TAKING_NATIVE_HISTOGRAMS);
    let whole = ask(&monitoring, Method::GET, "/metrics", &[accept]).await;
    let content_type = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    assert_eq!(whole.headers()["content-type"], content_type);
    let whole = protobuf::families(&bytes(whole).await);
    let plain = text(ask(&monitoring, Method::GET, "/metrics", &[]).await).await;
    let shown = protobuf::samples(&whole).into_keys().filter(|series| !changes_by_itself(series));
    let mut expected: Vec<_> = samples(&plain).iter().map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(shown.collect::<Vec<_>>(), expected);

    let packed =
        ask(&monitoring, Method::GET, "/metrics?name[]=service_info", &[accept, ("accept-encoding", "gzip")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes(packed).await.as_slice()).read_to_end(&mut unpacked).unwrap();
    let families = protobuf::families(&unpacked);
    assert_eq!(families.iter().map(protobuf::MetricFamily::name).collect::<Vec<_>>(), ["service_info"]);

    let head = ask(&monitoring, Method::HEAD, "/metrics", &[accept]).await;
    assert_eq!(head.headers()["content-type"], content_type);
    assert!(bytes(head).await.is_empty());
}

static GATE: Definition = Definition::gauge("gate", "Opens when the test says so.");

#[tokio::test]
async fn scrapes_at_the_same_time_share_one_gather() {
    let monitoring = monitoring();
    let gathers = Arc::new(AtomicU64::new(0));
    let (open, opened) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let (counted, opened) = (Arc::clone(&gathers), Mutex::new(opened));
    let gate: Family<Gauge, 0> = monitoring.meter().gauge(&GATE).unwrap();
    gate.observe([], move || {
        counted.fetch_add(1, Ordering::Relaxed);
        entered.send(()).unwrap();
        // The first gather waits; the channel is closed for all later ones.
        let _ = opened.lock().unwrap().recv();
        Some(1.0)
    });

    let scrape = |_| Box::pin(ask(&monitoring, Method::GET, "/metrics?name[]=gate", &[]));
    let mut scrapes: Vec<_> = (0..20).map(scrape).collect();
    let mut context = Context::from_waker(Waker::noop());
    assert!(scrapes[0].as_mut().poll(&mut context).is_pending());
    inside.recv().unwrap();
    // All others come while the first is gathered, so they may not have its page, but share the next.
    for scrape in &mut scrapes {
        assert!(scrape.as_mut().poll(&mut context).is_pending());
    }
    drop(open);
    for scrape in scrapes {
        assert!(text(scrape.await).await.ends_with("gate 1\n"));
    }
    assert_eq!(gathers.load(Ordering::Relaxed), 2);
}
