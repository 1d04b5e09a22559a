//! Webhooks, heartbeats, and an Alertmanager that fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aistm7_monitoring::alert::Alerts;
use aistm7_monitoring::alert::evaluate::{Evaluating, Evaluation};
use aistm7_monitoring::alert::notify::{
    Alertmanager, Change, Delivery, Heartbeat, Notice, Notifier, Origin, Replicas, Route, Webhook,
};
use aistm7_monitoring::catalog::Catalog;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::redact::Secret;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;

use super::{critical, start};
use crate::client::PATIENCE;
use crate::poll::eventually_async;
use crate::service::serve;

type Request = (Method, Uri, HeaderMap, Bytes);

/// What was asked of somebody who answers with a status.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Request>>>);

impl Heard {
    /// Somebody who answers so for ever, and where.
    async fn answering(status: u16) -> (Self, String) {
        let heard = Self::default();
        let note = heard.clone();
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            note.0.lock().unwrap().push((method, uri, headers, body));
            std::future::ready(StatusCode::from_u16(status).unwrap())
        };
        let address = serve(Router::new().fallback(answer)).await;
        (heard, format!("http://{address}"))
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn last(&self) -> Request {
        self.0.lock().unwrap().last().cloned().unwrap()
    }
}

fn secret(text: impl Into<String>) -> Secret<String> {
    Secret::new(text.into())
}

#[tokio::test]
async fn webhook_gets_a_signed_document_with_headers_of_its_own() {
    let (heard, url) = Heard::answering(204).await;
    let webhook = Webhook::new(secret(format!("{url}/hook?key=k"))).unwrap();
    let webhook = webhook.signed(secret("key")).header("x-token", secret("t")).unwrap();
    webhook.notify(&Notice::of(critical("SyncFailed").label("source", "ibkr"), start())).await.unwrap();
    let (method, uri, headers, body) = heard.last();
    assert_eq!((method, uri.to_string().as_str()), (Method::POST, "/hook?key=k"));
    assert_eq!(headers["x-token"], "t");
    assert!(headers["x-aistm7-signature"].to_str().unwrap().starts_with("t=1737541800,v1="));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["version"], &body["kind"], &body["status"]), (&1.into(), &"alerts".into(), &"firing".into()));
    let alert = &body["alerts"][0];
    assert_eq!((&alert["rule"], &alert["labels"]["source"]), (&"SyncFailed".into(), &"ibkr".into()));
    assert_eq!(alert["fingerprint"], body["key"]);
    let change = Change::new(Origin::new("risk-analysis", "prod"), "Deployed", start());
    webhook.announce(&change).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&heard.last().3).unwrap()["kind"], "change");
    for (status, is_permanent) in [(400, true), (404, true), (301, true), (408, false), (429, false), (502, false)] {
        let (_, url) = Heard::answering(status).await;
        let webhook = Webhook::new(secret(url)).unwrap();
        let error = webhook.notify(&Notice::of(critical("A"), start())).await.unwrap_err();
        assert_eq!(error.is_permanent(), is_permanent, "{status}: {error:?}");
    }
}

#[tokio::test]
async fn heart_beats_while_the_watchdog_is_offered_and_no_longer() {
    let (heard, url) = Heard::answering(200).await;
    let (held, registry) = (ManualClock::new(), Registry::new());
    let heartbeat = Heartbeat::new(secret(url)).unwrap().every(Duration::from_secs(60));
    let delivery = Delivery::builder(Replicas::Several)
        .destination("heartbeat", heartbeat)
        .route(Route::to(["heartbeat"]).rule("Watchdog"))
        .clock(held.clock())
        .build(&Meter::new(&registry))
        .unwrap();
    let outcome = |outcome| {
        let labels = [("destination", "heartbeat"), ("outcome", outcome)];
        registry.snapshot().value("alert_notifications_total", &labels).unwrap()
    };
    for beats in 1..=3 {
        delivery.offer(critical("Watchdog"));
        eventually_async(PATIENCE, async || if outcome("ok") >= f64::from(beats) { Ok(()) } else { Err(beats) }).await;
        assert_eq!(heard.count(), beats as usize);
        held.advance(Duration::from_secs(60));
    }
    // The one that became due when the clock moved last.
    eventually_async(PATIENCE, async || if outcome("ok") >= 4.0 { Ok(()) } else { Err("no fourth") }).await;
    // Nobody evaluates any more: two intervals later the URL is not asked for.
    held.advance(Duration::from_secs(121));
    eventually_async(PATIENCE, async || if outcome("failed") >= 1.0 { Ok(()) } else { Err("it still beats") }).await;
    assert_eq!((outcome("ok"), heard.count()), (4.0, 4));
}

#[tokio::test]
async fn heart_beats_while_rules_are_evaluated_and_stops_when_their_thread_does() {
    let (heard, url) = Heard::answering(200).await;
    let (held, registry) = (ManualClock::new(), Registry::new());
    let delivery = Delivery::builder(Replicas::One)
        .destination("heartbeat", Heartbeat::new(secret(url)).unwrap())
        .route(Route::to(["heartbeat"]).rule("Watchdog"))
        .clock(held.clock())
        .build(&Meter::new(&registry))
        .unwrap();
    let rules = Alerts::new().bind(&Catalog::of(&registry)).unwrap();
    let options = Evaluation::new().grace(Duration::ZERO).deliver_to(&delivery);
    let evaluating = Evaluating::start(&rules, options, &registry, &held.clock()).unwrap();
    let outcome = |outcome| {
        let labels = [("destination", "heartbeat"), ("outcome", outcome)];
        registry.snapshot().value("alert_notifications_total", &labels).unwrap()
    };
    // Quarters of the interval, so that rules are evaluated in between.
    let pass_until = async |what: &str, holds: &dyn Fn() -> bool| {
        let probe = async || {
            let holds = holds();
            held.advance(Duration::from_secs(15));
            if holds { Ok(()) } else { Err(what.to_owned()) }
        };
        eventually_async(PATIENCE, probe).await;
    };
    pass_until("it beats on", &|| outcome("ok") >= 5.0).await;
    drop(evaluating);
    pass_until("it is missed", &|| outcome("failed") >= 2.0).await;
    let beats = heard.count();
    pass_until("it is missed for longer", &|| outcome("failed") >= 4.0).await;
    assert_eq!(heard.count(), beats);
}

#[tokio::test]
async fn alertmanager_is_sent_everything_in_few_requests_and_tried_again() {
    let (heard, url) = Heard::answering(503).await;
    let alertmanager = Alertmanager::new(&url).unwrap().bearer_token(secret("hunter2")).unwrap();
    assert!(!format!("{alertmanager:?}").contains("hunter2"));
    let error = alertmanager.notify(&Notice::of(critical("A"), start())).await.unwrap_err();
    assert!(!error.is_permanent());
    assert_eq!(heard.last().2["authorization"], "Bearer hunter2");

    let (heard, url) = Heard::answering(200).await;
    let (held, registry) = (ManualClock::new(), Registry::new());
    let delivery = Delivery::builder(Replicas::Several)
        .destination("alertmanager", Alertmanager::new(&url).unwrap())
        .route(Route::to(["alertmanager"]))
        .clock(held.clock())
        .build(&Meter::new(&registry))
        .unwrap();
    (0..1_000).for_each(|index| delivery.offer(critical("A").label("index", &index.to_string())));
    let sent = || -> usize {
        let heard = heard.0.lock().unwrap();
        heard
            .iter()
            .map(|(.., body)| serde_json::from_slice::<Vec<Value>>(body).unwrap().len())
            .max()
            .unwrap_or_default()
    };
    eventually_async(PATIENCE, async || {
        held.advance(Duration::from_secs(1));
        if sent() == 256 && delivery.pending() == 0 { Ok(()) } else { Err(heard.count()) }
    })
    .await;
    assert_eq!(heard.last().1, "/api/v2/alerts");
}
