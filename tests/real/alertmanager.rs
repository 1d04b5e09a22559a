//! Alerts pushed to a real Alertmanager, which tells a webhook of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use aistm7_monitoring::alert::notify::{Alert, Alertmanager, Delivery, Origin, Replicas, Route};
use aistm7_monitoring::alert::{Alerts, Severity};
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::ops::alertmanager::{self, AlertmanagerOptions, Slack};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

use crate::everything::{NAMINGS, everything};
use crate::support::alertmanager::Alertmanager as RealAlertmanager;
use crate::support::http;
use crate::support::poll::eventually_async;

const PATIENCE: Duration = Duration::from_secs(30);

fn alert(index: usize, starts_at: SystemTime) -> Alert {
    Alert::firing(Origin::new("risk-analysis", "prod"), "SyncFailed", Severity::Critical, starts_at)
        .label("source", &format!("<!channel> \"{index}\" 🦀"))
        .summary("Portfolios are not synchronised.")
        .description("several\nlines")
        .runbook("https://runbooks.example.com/sync")
}

/// A receiver of webhooks: status and number of alerts of each.
async fn receiver() -> (String, Arc<Mutex<Vec<(String, usize)>>>) {
    let told: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
    let note = async |State(told): State<Arc<Mutex<Vec<_>>>>, axum::Json(body): axum::Json<Value>| {
        let alerts = body["alerts"].as_array().map_or(0, Vec::len);
        told.lock()
            .expect("no panic while locked")
            .push((body["status"].as_str().unwrap_or_default().to_owned(), alerts));
    };
    let router = Router::new().route("/", post(note)).with_state(Arc::clone(&told));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus-alertmanager"]
async fn alertmanager_takes_alerts_tells_of_them_once_and_forgets_those_of_a_dead_replica() {
    let (url, told) = receiver().await;
    let real = RealAlertmanager::start(&format!(
        "route: {{receiver: hook, group_by: [alertname, service, environment], group_wait: 1s, group_interval: 1s}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{url}'}}]}}]\n"
    ));
    let replica = |name: &str| {
        let pushed = Alertmanager::new(&real.url()).unwrap().every(Duration::from_secs(1)).label("instance", name);
        Delivery::builder(Replicas::Several)
            .destination("alertmanager", pushed)
            .route(Route::to(["alertmanager"]))
            .build(&Meter::new(&Registry::new()))
            .unwrap()
    };
    let (one, two) = (replica("one"), replica("two"));
    let since = Clock::system().wall();
    for index in 0..300 {
        one.offer(alert(index, since));
    }
    two.offer(alert(0, since));
    let count = async |expected: usize| {
        let probe = async || match real.alerts().len() {
            found if found == expected => Ok(()),
            found => Err(format!("{found} alerts")),
        };
        eventually_async(PATIENCE, probe).await;
    };
    count(301).await;
    let shown = &real.alerts()[0];
    assert_eq!(shown["labels"]["severity"], "critical");
    assert_eq!(shown["annotations"]["description"], "several\nlines");
    // For one of two replicas it is over: the other one's alert goes on.
    for index in 0..300 {
        one.offer(alert(index, since).resolved(Clock::system().wall()));
    }
    count(1).await;
    assert_eq!(real.alerts()[0]["labels"]["instance"], "two");
    // The other one dies without a word: its alert ends by itself.
    drop(two);
    count(0).await;
    let probe = async || match told.lock().unwrap().last() {
        Some((status, _)) if status == "resolved" => Ok(()),
        last => Err(format!("{last:?}")),
    };
    eventually_async(PATIENCE, probe).await;
    let told = told.lock().unwrap();
    assert_eq!(told.iter().filter(|(status, _)| status == "resolved").count(), 1, "{told:?}");
    assert_eq!(one.pending(), 0);
}

/// A PagerDuty that takes everything: the events that it got.
async fn pager() -> (String, Arc<Mutex<Vec<Value>>>) {
    let told: Arc<Mutex<Vec<Value>>> = Arc::default();
    let note = async |State(told): State<Arc<Mutex<Vec<_>>>>, axum::Json(body): axum::Json<Value>| {
        told.lock().expect("no panic while locked").push(body);
        (StatusCode::ACCEPTED, axum::Json(json!({"status": "success", "message": "Event processed", "dedup_key": "a"})))
    };
    let router = Router::new().route("/v2/enqueue", post(note)).with_state(Arc::clone(&told));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/v2/enqueue", listener.local_addr().expect("an address"));
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, told)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs prometheus-alertmanager"]
async fn page_links_to_the_dashboard_at_the_time_of_the_alert_and_says_whose_it_is() {
    let (url, told) = pager().await;
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), "0123456789abcdef0123456789abcdef").unwrap();
    // Servers of tests are other users than root.
    fs::set_permissions(key.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let slack = Slack::WebhookFile(key.path().display().to_string());
    let options = AlertmanagerOptions::new(key.path().display().to_string(), slack, "http://127.0.0.1:1/");
    let config = alertmanager::config(&options).replace("group_wait: 10s", "group_wait: 1s");
    let real = RealAlertmanager::start(&format!("global: {{pagerduty_url: '{url}'}}\n{config}"));
    let alert = |name: &str, annotations: Value| {
        json!({
            "labels": {"alertname": name, "severity": "critical", "environment": "prod", "service": "orders"},
            "annotations": annotations,
            "startsAt": "2025-01-22T10:30:00Z",
            "endsAt": "2099-01-01T00:00:00Z",
        })
    };
    let known = json!({
        "summary": "Known.", "dashboard_url": "https://grafana.example.com/d/x?var-service=orders",
        "versions_changed": "orders 1.1.0", "owner": "platform", "escalation": "head of platform",
        "what_to_do": "1. Look.\n2. Act.",
    });
    let at_a_time = json!({"summary": "At a time.", "dashboard_url": "https://grafana.example.com/d/x?from=1&to=2"});
    let body =
        json!([alert("Known", known), alert("AtATime", at_a_time), alert("Unknown", json!({"summary": "Unknown."}))]);
    let headers = [("Content-Type", "application/json")];
    let taken = http::request(real.address(), "POST", "/api/v2/alerts", &headers, body.to_string().as_bytes()).unwrap();
    assert_eq!(taken.status, 200, "{}", taken.text());
    let probe = async || match told.lock().unwrap().len() {
        3 => Ok(()),
        events => Err(format!("{events} events")),
    };
    eventually_async(PATIENCE, probe).await;
    let told = told.lock().unwrap();
    let of = |name: &str| told.iter().find(|event| event["payload"]["class"] == name).expect("each has a page");
    let hour = 3_600_000;
    let start = 1_737_541_800_000_u64;
    let link = format!("https://grafana.example.com/d/x?var-service=orders&from={}&to={}", start - hour, start + hour);
    assert_eq!(of("Known")["links"], json!([{"href": link, "text": "Dashboard"}]));
    let details = &of("Known")["payload"]["custom_details"];
    for (name, value) in [
        ("versions_changed", "orders 1.1.0"),
        ("owner", "platform"),
        ("escalation", "head of platform"),
        ("what_to_do", "1. Look.\n2. Act."),
    ] {
        assert_eq!(details[name], value, "{details}");
    }
    assert_eq!(of("AtATime")["links"][0]["href"], "https://grafana.example.com/d/x?from=1&to=2");
    let links = of("Unknown").get("links").and_then(Value::as_array);
    assert!(links.is_none_or(Vec::is_empty), "{links:?}");
}

/// Alerts with and without their causes.
fn storm() -> Vec<Alert> {
    let since = Clock::system().wall();
    let prod = |rule, severity| Alert::firing(Origin::new("risk", "prod"), rule, severity, since);
    let staging = |rule, severity| Alert::firing(Origin::new("risk", "staging"), rule, severity, since);
    use Severity::{Critical, Info, Warning};
    vec![
        prod("PortfolioSyncFailing", Critical).label("source", "ibkr"),
        prod("DependencyDown", Critical).label("dependency", "ibkr"),
        prod("DependencyUnreachableFromSome", Warning).label("dependency", "ibkr"),
        prod("DependencyUnreachableFromSome", Warning).label("dependency", "solana"),
        staging("PortfolioSyncFailing", Critical).label("source", "ibkr"),
        prod("ApiErrorRateHigh", Critical),
        prod("ApiErrorRateElevated", Warning),
        prod("ApiErrorBudgetBurnsFast", Critical).label("route", "/a"),
        prod("ApiErrorBudgetBurnsSlowly", Warning).label("route", "/a"),
        prod("ApiErrorBudgetBurnsSlowly", Warning).label("route", "/b"),
        staging("ServiceAbsent", Critical),
        staging("Watchdog", Info),
        prod("Late", Critical).label("dependency", "a").label("source", "x"),
        prod("Late", Warning).label("dependency", "a"),
        prod("Late", Warning).label("dependency", "b"),
        // A drill mutes nothing, and nothing mutes it.
        prod("DependencyDown", Critical).label("dependency", "solana").label("drill", "true"),
        prod("TokenPriceOverdue", Warning).label("token", "sol"),
        prod("PortfolioDataOverdue", Critical).label("source", "ibkr").label("drill", "true"),
    ]
}

/// Rule, environment and further labels: who an alert is.
fn name(alert: &Alert) -> String {
    let labels: Vec<_> = alert.labels().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {} {}", alert.rule(), alert.origin().environment(), labels.join(","))
}

#[tokio::test]
#[ignore = "needs prometheus-alertmanager"]
async fn what_a_delivery_holds_back_is_what_alertmanager_inhibits() {
    let options =
        AlertmanagerOptions::new("/etc/pagerduty", Slack::TokenFile("/etc/slack".to_owned()), "http://127.0.0.1:1/");
    let written = alertmanager::config(&options);
    let (_, rules) = written.split_once("inhibit_rules:").expect("it has rules");
    let (rules, _) = rules.split_once("\ntime_intervals:").expect("these follow");
    let config = format!("route: {{receiver: none}}\nreceivers: [{{name: none}}]\ninhibit_rules:{rules}\n");
    let real = RealAlertmanager::start(&config);
    let delivery = || {
        Delivery::builder(Replicas::Several)
            .destination("alertmanager", Alertmanager::new(&real.url()).unwrap())
            .route(Route::to(["alertmanager"]))
            .build(&Meter::new(&Registry::new()))
            .unwrap()
    };
    let alerts = storm();
    // Each by a delivery that knows of no cause, so that the real one is told of all.
    for alert in &alerts {
        let one = delivery();
        one.offer(alert.clone());
        assert_eq!(one.flush(PATIENCE).await, 0);
    }
    let whole = delivery();
    whole.offer_all(alerts.clone());
    let mut ours: Vec<_> = alerts.iter().filter(|alert| whole.held_back(alert).is_some()).map(name).collect();
    ours.sort();
    assert!(!ours.is_empty() && ours.len() < alerts.len(), "{ours:?}");
    let probe = async || {
        let shown = real.alerts();
        let inhibited =
            shown.iter().filter(|alert| alert["status"]["inhibitedBy"].as_array().is_some_and(|by| !by.is_empty()));
        let of = |alert: &Value| {
            let labels = alert["labels"].as_object().expect("labels").iter();
            let own = ["alertname", "environment", "service", "severity"];
            let labels = labels.filter(|(name, _)| !own.contains(&name.as_str()));
            let labels: Vec<_> =
                labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default())).collect();
            let own = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", own("alertname"), own("environment"), labels.join(","))
        };
        let mut theirs: Vec<_> = inhibited.map(of).collect();
        theirs.sort();
        match (shown.len() == alerts.len(), theirs == ours) {
            (true, true) => Ok(()),
            _ => Err(format!("{} alerts\ntheirs: {theirs:#?}\nours: {ours:#?}", shown.len())),
        }
    };
    eventually_async(PATIENCE, probe).await;
}

#[tokio::test]
#[ignore = "needs prometheus-alertmanager"]
async fn drill_is_an_alert_of_its_rule_at_alertmanager_until_it_is_resolved() {
    let real = RealAlertmanager::start("route: {receiver: none}\nreceivers: [{name: none}]\n");
    let delivery = Delivery::builder(Replicas::Several)
        .destination("alertmanager", Alertmanager::new(&real.url()).unwrap())
        .route(Route::to(["alertmanager"]))
        .build(&Meter::new(&Registry::new()))
        .unwrap();
    let rules = Alerts::new().bind(&everything(NAMINGS[0]).catalog()).unwrap();
    let drill = delivery.drill(&rules, "DependencyDown", Origin::new("orders", "prod")).unwrap();
    assert_eq!(delivery.flush(PATIENCE).await, 0);
    let shown = real.alerts();
    let labels = json!({
        "alertname": "DependencyDown", "service": "orders", "environment": "prod", "severity": "critical",
        "dependency": "drill", "drill": "true",
    });
    assert_eq!((shown.len(), &shown[0]["labels"]), (1, &labels));
    let says =
        |annotation: &str, text| shown[0]["annotations"][annotation].as_str().is_some_and(|said| said.contains(text));
    assert!(says("summary", "Drill: ") && says("description", "nothing is wrong"), "{}", shown[0]);
    drill.resolve();
    assert_eq!(delivery.flush(PATIENCE).await, 0);
    assert_eq!(real.alerts(), [] as [Value; 0]);
}

#[tokio::test]
#[ignore = "needs prometheus-alertmanager"]
async fn alert_of_several_replicas_is_over_when_none_of_them_sees_it_any_more() {
    let real = RealAlertmanager::start("route: {receiver: none}\nreceivers: [{name: none}]\n");
    let replica = || {
        let registry = Registry::new();
        let delivery = Delivery::builder(Replicas::Several)
            .destination("alertmanager", Alertmanager::new(&real.url()).unwrap().every(Duration::from_secs(1)))
            .route(Route::to(["alertmanager"]))
            .build(&Meter::new(&registry))
            .unwrap();
        (delivery, registry)
    };
    let shown = async |expected: usize| {
        let probe = async || match real.alerts().len() {
            found if found == expected => Ok(()),
            found => Err(format!("{found} alerts")),
        };
        eventually_async(PATIENCE, probe).await;
    };
    let fires = || alert(0, Clock::system().wall());
    let is_over = || fires().resolved(Clock::system().wall());
    let ((one, _), (two, registry)) = (replica(), replica());
    one.offer(fires());
    two.offer(fires());
    assert_eq!((one.flush(PATIENCE).await, two.flush(PATIENCE).await), (0, 0));
    shown(1).await;
    // One recovers. For longer than what it said holds, the other one goes on to say that it fires.
    one.offer(is_over());
    let told = || {
        let labels = [("destination", "alertmanager"), ("outcome", "ok")];
        registry.snapshot().value("alert_notifications_total", &labels).unwrap()
    };
    let before = told();
    let probe = async || match (real.alerts().len(), told() - before) {
        (1, times) if times >= 6.0 => Ok(true),
        (1, times) => Err(format!("{times} times")),
        (_, _) => Ok(false),
    };
    assert!(eventually_async(PATIENCE, probe).await, "it is over for both");
    // It fires again, and the other one dies without a word.
    one.offer(fires());
    drop(two);
    assert_eq!(one.flush(PATIENCE).await, 0);
    shown(1).await;
    // Nobody sees it any more.
    one.offer(is_over());
    shown(0).await;
}
