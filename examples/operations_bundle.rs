//! Writes everything that operators need of a service: rules with their tests, runbooks, configurations.
//!
//! ```text
//! cargo run --features full --example operations_bundle -- DIR [open-telemetry]
//! cargo run --features full --example operations_bundle -- drill RULE --alertmanager URL [SECONDS]
//! ```
//!
//! The service here has everything that this crate can measure, one endpoint with an objective, and one rule of its own.
//! With `open-telemetry`, requests have the names of the semantic conventions, and the rules follow. A service of yours calls
//! `monitoring.operations_bundle(…)` once everything is registered. Secrets are not in the files: those that they name are
//! read by Alertmanager. The second form sends an alert of a rule to an Alertmanager as if it fired, and resolves it after some
//! seconds, a minute if not said: `severity` and `environment` send it where real ones go, and the label `drill` says what it is.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::notify::{Alertmanager, Delivery, Origin, Replicas, Route};
use aistm7_monitoring::alert::{
    Alerts, Contacts, MaintenanceInterval, Pack, Quantity, Rule, Severity, Value, Weekday, metric,
};
use aistm7_monitoring::database::postgres::PostgresFacts;
use aistm7_monitoring::http::{HttpOptions, UrlScheme};
use aistm7_monitoring::metrics::Definition;
use aistm7_monitoring::ops::BundleOptions;
use aistm7_monitoring::ops::alertmanager::{AlertmanagerOptions, Slack};
use aistm7_monitoring::ops::cloudwatch::CloudWatchOptions;
use aistm7_monitoring::ops::prometheus::{Probes, PublicEndpoints, RuleOptions, Scrape, Target};
use aistm7_monitoring::otlp::OtlpOptions;
use aistm7_monitoring::resource::HostNumbers;
use sqlx_0_9 as sqlx;

const USAGE: &str = "usage: operations_bundle <directory> [open-telemetry]
       operations_bundle drill <rule> --alertmanager <url> [seconds]";

const SERVICE: &str = "orders";
const ENVIRONMENT: &str = "prod";

/// Such as a file of yours has them.
const CONTACTS: &str = r#"{
    "severities": { "critical": { "owner": "platform, on call", "escalation": "head of platform" } },
    "rules": { "OrdersRejected": { "owner": "trading", "escalation": "platform, on call" } }
}"#;

static ORDERS: Definition =
    Definition::counter("orders_total", "Orders sent to the broker.").labels(&["side", "outcome"]);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["drill", rule, "--alertmanager", url] => return drill(rule, url, Duration::from_secs(60)).await,
        ["drill", rule, "--alertmanager", url, lasts] => {
            return drill(rule, url, Duration::from_secs(lasts.parse()?)).await;
        }
        _ => {}
    }
    let naming: fn(HttpOptions) -> HttpOptions = match arguments[..] {
        [_] => |http| http,
        [_, "open-telemetry"] => |http| http.open_telemetry(UrlScheme::Https),
        _ => return Err(USAGE.into()),
    };
    let monitoring = service(naming)?;
    // Nobody is told: only the names are wanted, of what a service counts that tells of its alerts itself.
    let _delivery = delivery(&monitoring, "http://alertmanager:9093")?;
    monitoring.operations_bundle(options()?)?.write_to(Path::new(arguments[0]))?;
    Ok(())
}

fn service(naming: fn(HttpOptions) -> HttpOptions) -> Result<Monitoring, Box<dyn Error>> {
    let monitoring = Monitoring::builder(SERVICE)
        .environment(ENVIRONMENT)
        .http(|http| naming(http.objective("/orders/{id}", Duration::from_millis(300))))
        .otlp(OtlpOptions::new())
        .resources(|resources| resources.host(HostNumbers::Always))
        .build()?;
    monitoring.meter().counter::<2>(&ORDERS)?;
    // Nobody is asked: only the names are wanted.
    let facts = PostgresFacts::<sqlx::PgConnection>::from_url("postgres://nobody@127.0.0.1/none")?;
    monitoring.database().collect("orders", facts)?;
    Ok(monitoring)
}

/// To an Alertmanager.
fn delivery(monitoring: &Monitoring, url: &str) -> Result<Delivery, Box<dyn Error>> {
    let delivery = Delivery::builder(Replicas::One)
        .destination("alertmanager", Alertmanager::new(url)?)
        .route(Route::to(["alertmanager"]))
        .build(&monitoring.meter())?;
    Ok(delivery)
}

/// Sends an alert of a rule, and resolves it.
async fn drill(rule: &str, url: &str, lasts: Duration) -> Result<(), Box<dyn Error>> {
    let monitoring = service(|http| http)?;
    let delivery = delivery(&monitoring, url)?;
    let all_told = async || match delivery.flush(Duration::from_secs(10)).await {
        0 => Ok(()),
        _ => Err(format!("{url} does not answer")),
    };
    let rules = alerts().bind(&monitoring.catalog())?;
    let drill = delivery.drill(&rules, rule, Origin::new(SERVICE, ENVIRONMENT))?;
    all_told().await?;
    writeln!(io::stdout(), "{rule} fires as a drill, for {} s", lasts.as_secs())?;
    tokio::time::sleep(lasts).await;
    drill.resolve();
    all_told().await?;
    Ok(())
}

fn alerts() -> Alerts {
    let rejected = Value::events(metric("orders_total").is("outcome", "rejected"), Duration::from_secs(600));
    let rule = Rule::new("OrdersRejected", Pack::Service, rejected.at_least(Quantity::count(3.0)))
        .by(["service", "environment", "side"])
        .summary("The broker rejects orders.")
        .description("{service} had {value} {side} orders rejected within ten minutes.")
        .runbook_url("https://wiki.example.com/runbooks/orders-rejected");
    Alerts::new().rule(rule)
}

fn options() -> Result<BundleOptions, Box<dyn Error>> {
    let target = Target {
        service: SERVICE.to_owned(),
        environment: ENVIRONMENT.to_owned(),
        addresses: vec!["10.0.0.7:9464".to_owned(), "10.0.0.8:9464".to_owned()],
    };
    let public = PublicEndpoints {
        service: SERVICE.to_owned(),
        environment: ENVIRONMENT.to_owned(),
        urls: vec!["https://api.example.com/health/live".to_owned()],
    };
    let slack = Slack::TokenFile("/etc/alertmanager/slack-token".to_owned());
    let restart = MaintenanceInterval::new("ibkr-restart", "dependency", "ibkr", "America/New_York")
        .on([Weekday::Saturday])
        .between("23:00", "24:00");
    let alertmanager = AlertmanagerOptions::new("/etc/alertmanager/pagerduty-key", slack, "http://127.0.0.1:8081/beat")
        .maintenance(restart);
    let rules =
        RuleOptions::new().dashboard("https://grafana.example.com/d/service").contacts(Contacts::from_json(CONTACTS)?);
    let cloudwatch = CloudWatchOptions::new("orders", "prod")
        .values("source", ["ibkr"])
        .values("pool", ["orders"])
        .values("tier", ["gold", "silver"])
        .topic(Severity::Critical, "arn:aws:sns:eu-central-1:123456789012:pages")
        .topic(Severity::Warning, "arn:aws:sns:eu-central-1:123456789012:warnings");
    let options = BundleOptions::new()
        .alerts(alerts())
        .rules(rules)
        .scrape(Scrape::Static(vec![target]), ["alertmanager:9093"])
        .probes(Probes { exporter: "blackbox:9115".to_owned(), endpoints: vec![public] })
        .alertmanager(alertmanager)
        .cloudwatch(cloudwatch);
    Ok(options)
}
