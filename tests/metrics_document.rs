//! The document of metrics names exactly what the registry holds, and the committed catalog is that of the metrics.
#![cfg(all(
    feature = "alert",
    feature = "axum",
    feature = "business",
    feature = "cache",
    feature = "database",
    feature = "log",
    feature = "notify",
    feature = "otlp",
    feature = "push",
    feature = "queue",
    feature = "redis",
    feature = "resource",
    feature = "sqlx-0_9",
    feature = "websocket"
))]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::Alerts;
use aistm7_monitoring::alert::evaluate::{Evaluating, Evaluation};
use aistm7_monitoring::alert::notify::{Delivery, Heartbeat, Replicas, Route};
use aistm7_monitoring::catalog::{Catalog, diff};
use aistm7_monitoring::database::postgres::PostgresFacts;
use aistm7_monitoring::http::{AccessLog, HttpOptions, UrlScheme};
use aistm7_monitoring::metrics::{AskOptions, Collection};
use aistm7_monitoring::otlp::OtlpOptions;
use aistm7_monitoring::redact::Secret;
use aistm7_monitoring::resource::HostNumbers;
use aistm7_monitoring::store::redis::RedisConnection;

const DOCUMENT: &str = include_str!("../src/docs/metrics.md");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");

/// Writes the catalog anew.
const UPDATE: &str = "UPDATE_CATALOG=1 cargo test --features full --test metrics_document";

#[tokio::test]
async fn metrics_document_names_every_family_with_its_kind_and_no_other() {
    let registered: BTreeSet<_> = everything().iter().flat_map(families).collect();
    let documented: BTreeSet<_> = DOCUMENT.lines().filter_map(name_and_kind).collect();
    assert_eq!(documented, registered);
}

#[tokio::test]
async fn committed_catalog_is_that_of_the_metrics_and_what_breaks_is_announced() {
    let catalogs = everything().map(|(monitoring, _)| monitoring.catalog());
    let now: Catalog = catalogs.iter().flat_map(Catalog::metrics).cloned().collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs/catalog.json");
    let committed = fs::read_to_string(&path).expect("the catalog is committed");
    let difference = diff(&Catalog::from_json(&committed).expect("a catalog"), &now);
    let changes = difference.changes().iter().map(|change| format!("  {change}\n")).collect::<String>();
    if let Err(unannounced) = difference.check(CHANGELOG) {
        panic!(
            "{unannounced}\nWhoever relies on it must hear of it: name it in CHANGELOG.md, `- **breaking:** …`, and run\n  {UPDATE}"
        );
    }
    if env::var_os("UPDATE_CATALOG").is_some() {
        fs::write(&path, now.to_json()).expect("it can be written");
    } else {
        assert!(
            now.to_json() == committed,
            "src/docs/catalog.json is not that of the metrics:\n{changes}run\n  {UPDATE}"
        );
    }
}

/// What is registered by default, what is asked for, and what has other names. With what keeps them so.
fn everything() -> [(Monitoring, Evaluating); 3] {
    let all = |http: HttpOptions| {
        http.grpc()
            .response_complete()
            .response_body_bytes()
            .objective("/", Duration::from_secs(1))
            .access_log(AccessLog::new())
    };
    [monitoring(|http| http), monitoring(all), monitoring(|http| all(http).open_telemetry(UrlScheme::Http))]
}

fn monitoring(http: impl FnOnce(HttpOptions) -> HttpOptions) -> (Monitoring, Evaluating) {
    let monitoring = Monitoring::builder("document")
        .http(http)
        .otlp(OtlpOptions::new().logs())
        .resources(|resources| resources.host(HostNumbers::Always))
        .build()
        .expect("a valid service");
    // What tells of collectors comes with the first one, and what tells of request bodies with their layer.
    monitoring.meter().collector("any", |_: &mut Collection| Ok(())).expect("a valid collector");
    monitoring.request_body_layer().expect("a fresh name");
    let facts =
        PostgresFacts::<sqlx_0_9::PgConnection>::from_url("postgres://nobody@127.0.0.1/none").expect("a good URL");
    monitoring.database().collect("document", facts).expect("a fresh name");
    let redis = RedisConnection::from_url("redis://127.0.0.1").expect("a good URL");
    monitoring.cache().redis("document", redis, AskOptions::new()).expect("a fresh name");
    let nowhere = Heartbeat::new(Secret::new("http://127.0.0.1/".to_owned())).expect("a good URL");
    let delivery = Delivery::builder(Replicas::One).destination("nowhere", nowhere).route(Route::to(["nowhere"]));
    delivery.build(&monitoring.meter()).expect("fresh names");
    let evaluating = monitoring.evaluate(&Alerts::new(), Evaluation::new()).expect("rules of this crate make sense");
    (monitoring, evaluating)
}

fn families((monitoring, _): &(Monitoring, Evaluating)) -> Vec<String> {
    let snapshot = monitoring.registry().snapshot();
    snapshot.families().iter().map(|family| format!("{} {}", family.name, family.kind.as_str())).collect()
}

/// Of a row `| `name` | kind, … | labels | meaning |`.
fn name_and_kind(line: &str) -> Option<String> {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    let kind = cells.next()?.split(',').next()?;
    matches!(kind, "counter" | "gauge" | "histogram").then(|| format!("{name} {kind}"))
}
