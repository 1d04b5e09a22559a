//! The health service of gRPC, asked by tonic's client over real connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::health::{CheckFailure, CheckOptions, CheckReport, check_fn};
use aistm7_monitoring::http::Served;
use aistm7_monitoring::monitoring::ServeError;
use axum::Router;
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, ServiceUnknown, Serving, Unknown};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::client::{self, Http2, PATIENCE, within};
use crate::poll::eventually_async;
use crate::service::{A_LONG_TIME, Lines, builder, ends, until};

const INTERVAL: Duration = Duration::from_secs(10);

/// A service with three checks: of the ledger, which the test opens and closes; of the cache, which works; of the archive,
/// which is not looked at before an hour is over. It serves until it is stopped.
struct Service {
    monitoring: Monitoring,
    address: SocketAddr,
    held: ManualClock,
    ledger_is_open: Arc<AtomicBool>,
    served: JoinHandle<Result<Served, ServeError>>,
}

impl Service {
    async fn start(drain_delay: Duration) -> Self {
        let held = ManualClock::new();
        let ledger_is_open = Arc::new(AtomicBool::new(true));
        let is_open = Arc::clone(&ledger_is_open);
        let ledger = check_fn(move || {
            // Ordering: nothing else is read because of it.
            let is_open = is_open.load(Ordering::Relaxed);
            std::future::ready(match is_open {
                true => Ok(CheckReport::healthy()),
                false => Err(CheckFailure::new("closed", "the books are closed")),
            })
        });
        let fine = || check_fn(async || Ok(CheckReport::healthy()));
        let once_each = CheckOptions::new().failure_threshold(1).recovery_threshold(1).interval(INTERVAL);
        let monitoring = builder(&Lines::default())
            .clock(held.clock())
            .drain_delay(drain_delay)
            .termination_grace(2 * A_LONG_TIME)
            .check_with("ledger", ledger, once_each)
            .check("cache", fine())
            .check_with("archive", fine(), CheckOptions::new().initial_delay(A_LONG_TIME))
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().merge(monitoring.grpc_health_routes()).layer(monitoring.http_layer());
        let serving = monitoring.clone();
        let served = tokio::spawn(async move { serving.serve(listener, app).await });
        Self { monitoring, address, held, ledger_is_open, served }
    }

    /// Past the time for which first results are waited for.
    async fn started(&self) {
        self.held.advance(Duration::from_secs(30));
        until("started", || self.monitoring.health().report().is_started().then_some(())).await;
        self.until_checked("cache").await;
        self.until_checked("ledger").await;
    }

    async fn until_checked(&self, check: &str) {
        until("a first result", || self.monitoring.health().report().check(check)?.last_success).await;
    }

    /// Opens or closes the ledger, and lets the time of its next run come.
    fn set_ledger(&self, is_open: bool) {
        self.ledger_is_open.store(is_open, Ordering::Relaxed);
        self.held.advance(INTERVAL);
    }

    async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        within(endpoint.connect()).await.unwrap()
    }

    async fn client(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel().await)
    }
}

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Status> {
    within(client.check(of(service))).await.map(|response| response.into_inner().status())
}

async fn watch(client: &mut HealthClient<Channel>, service: &str) -> Result<Streaming<HealthCheckResponse>, Status> {
    within(client.watch(of(service))).await.map(tonic::Response::into_inner)
}

async fn next(stream: &mut Streaming<HealthCheckResponse>) -> Result<ServingStatus, Status> {
    within(stream.message()).await.map(|message| message.expect("the stream goes on").status())
}

#[tokio::test]
async fn tonics_client_is_told_readiness_and_each_check() {
    let service = Service::start(Duration::ZERO).await;
    let mut client = service.client().await;
    assert_eq!(check(&mut client, "").await.unwrap(), NotServing, "not started");
    assert_eq!(check(&mut client, "archive").await.unwrap(), Unknown);
    service.started().await;
    for (name, status) in [("", Serving), ("ledger", Serving), ("cache", Serving), ("archive", Unknown)] {
        assert_eq!(check(&mut client, name).await.unwrap(), status, "{name:?}");
    }
    for name in ["none", "Ledger", "live", "grpc.health.v1.Health"] {
        assert_eq!(check(&mut client, name).await.unwrap_err().code(), Code::NotFound, "{name}");
    }
    let snapshot = service.monitoring.registry().snapshot();
    assert!(ends(&snapshot).is_empty(), "not measured");
    assert_eq!(snapshot.sum("api_requests_started_total", &[]).unwrap_or_default(), 0.0);
}

/// What tonic's package does not know yet.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
struct ListRequest {}

#[derive(Clone, PartialEq, prost::Message)]
struct ListResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    statuses: BTreeMap<String, HealthCheckResponse>,
}

#[tokio::test]
async fn list_names_every_service_with_its_status() {
    let service = Service::start(Duration::ZERO).await;
    service.started().await;
    let mut client = tonic::client::Grpc::new(service.channel().await);
    within(client.ready()).await.unwrap();
    let path = PathAndQuery::from_static("/grpc.health.v1.Health/List");
    let codec = tonic_prost::ProstCodec::<ListRequest, ListResponse>::default();
    let listed = within(client.unary(tonic::Request::new(ListRequest {}), path, codec)).await.unwrap().into_inner();
    let statuses: Vec<_> = listed.statuses.iter().map(|(name, response)| (name.as_str(), response.status())).collect();
    assert_eq!(statuses, [("", Serving), ("archive", Unknown), ("cache", Serving), ("ledger", Serving)]);
}

#[tokio::test]
async fn watch_tells_each_change_and_nothing_between() {
    let service = Service::start(Duration::ZERO).await;
    service.started().await;
    let mut client = service.client().await;
    let mut ledger = watch(&mut client, "ledger").await.unwrap();
    let mut whole = watch(&mut client, "").await.unwrap();
    let mut nothing = watch(&mut client, "none").await.unwrap();
    assert_eq!(next(&mut ledger).await.unwrap(), Serving);
    for (is_open, status) in [(false, NotServing), (true, Serving), (false, NotServing)] {
        service.set_ledger(is_open);
        assert_eq!(next(&mut ledger).await.unwrap(), status);
    }
    // What else there was to say would have come first: the ledger does not gate readiness.
    assert_eq!(next(&mut whole).await.unwrap(), Serving);
    assert_eq!(next(&mut nothing).await.unwrap(), ServiceUnknown);
    service.monitoring.stop();
    assert_eq!(next(&mut whole).await.unwrap(), NotServing);
    for stream in [&mut ledger, &mut whole, &mut nothing] {
        assert_eq!(within(stream.message()).await.unwrap_err().code(), Code::Unavailable);
    }
    let served = within(service.served).await.unwrap().unwrap();
    assert_eq!(served.aborted, 0, "watches end by themselves: {served:?}");
}

#[tokio::test]
async fn draining_process_serves_nothing_whatever_its_checks_say() {
    let service = Service::start(A_LONG_TIME).await;
    service.started().await;
    let mut client = service.client().await;
    let mut cache = watch(&mut client, "cache").await.unwrap();
    assert_eq!(next(&mut cache).await.unwrap(), Serving);
    service.monitoring.stop();
    assert_eq!(next(&mut cache).await.unwrap(), NotServing);
    for _ in 0..2 {
        for name in ["", "ledger", "cache", "archive"] {
            assert_eq!(check(&mut client, name).await.unwrap(), NotServing, "{name:?}");
        }
        assert_eq!(check(&mut client, "none").await.unwrap_err().code(), Code::NotFound);
        // Results that come in meanwhile change nothing.
        within(service.monitoring.health().refresh()).await;
        assert!(service.monitoring.health().report().checks().iter().all(|check| check.reason.is_none()));
    }
    service.monitoring.stop();
    // Asked twice, the process waits for nobody, so how the stream ends is not said; that it says nothing before is.
    within(cache.message()).await.unwrap_err();
}

#[tokio::test]
async fn watches_are_bounded_and_one_that_ends_makes_room() {
    // Of gRPC's own limits, the number of streams of one connection comes first.
    const CONNECTIONS: usize = 10;
    const EACH: usize = 100;

    let service = Service::start(Duration::ZERO).await;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = service.client().await;
        for _ in 0..EACH {
            streams.push(watch(&mut client, "").await.unwrap());
        }
    }
    let mut client = service.client().await;
    assert_eq!(watch(&mut client, "").await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(check(&mut client, "").await.unwrap(), NotServing, "who only asks is answered");
    streams.pop();
    eventually_async(PATIENCE, async || watch(&mut client.clone(), "").await.map_err(|status| status.code())).await;
}

/// Sends bytes as a call and gives the HTTP status with the head's headers, or those behind the body.
async fn call(address: SocketAddr, method: &str, content_type: &str, body: &'static [u8]) -> (StatusCode, HeaderMap) {
    let mut http2 = Http2::connect(address).await;
    let request = Request::post(format!("http://test/grpc.health.v1.Health/{method}"));
    let request = request.header("content-type", content_type).body(Body::from(body)).unwrap();
    let (head, body) = within(http2.sender.send_request(request)).await.unwrap().into_parts();
    let body = within(body.collect()).await.unwrap();
    (head.status, body.trailers().unwrap_or(&head.headers).clone())
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_the_words_of_its_protocol() {
    const EMPTY: &[u8] = &[0, 0, 0, 0, 0];
    const OF_CACHE: &[u8] = b"\0\0\0\0\x07\x0a\x05cache";

    let service = Service::start(Duration::ZERO).await;
    let long: &'static [u8] = vec![0; 5_000].leak();
    for (method, body, code) in [
        ("Check", EMPTY, "0"),
        ("Check", OF_CACHE, "0"),
        // A field that a later version may have.
        ("Check", b"\0\0\0\0\x09\x0a\x05cache\x10\x01", "0"),
        ("Check", b"", "13"),
        ("Check", b"\0\0\0\0", "13"),
        ("Check", b"\0\0\0\0\x08\x0a\x05cache", "13"),
        ("Check", b"\0\0\0\0\x07\x0a\x06cache", "13"),
        ("Check", b"\0\0\0\0\x03\x0a\x01\xff", "13"),
        ("Check", b"\x01\0\0\0\0", "12"),
        ("Check", long, "8"),
        ("List", EMPTY, "0"),
        ("List", b"", "13"),
        ("Watch", b"\0\0\0\0\x01\x0a", "13"),
        ("Forget", EMPTY, "12"),
    ] {
        let (status, headers) = call(service.address, method, "application/grpc", body).await;
        assert_eq!((status.as_u16(), headers["grpc-status"].to_str().unwrap()), (200, code), "{method} {body:?}");
        assert_eq!(headers.contains_key("grpc-message"), code != "0");
    }
    for (content_type, expected) in [
        ("application/grpc+proto", 200),
        ("application/grpc;charset=utf-8", 200),
        ("application/grpc-web", 415),
        ("application/grpc+json", 415),
        ("application/json", 415),
    ] {
        assert_eq!(call(service.address, "Check", content_type, EMPTY).await.0, expected, "{content_type}");
    }
    let headers = [("content-type", "application/grpc")];
    let in_http1 = client::request(service.address, "POST", "/grpc.health.v1.Health/Check", &headers).await;
    assert_eq!(in_http1.status, 505);
    assert_eq!(client::get(service.address, "/grpc.health.v1.Health/Check").await.status, 405);
}
