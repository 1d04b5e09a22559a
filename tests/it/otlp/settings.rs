//! The standard variables, over code.

use std::time::Duration;

use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::{BuildError, Variables};
use aistm7_monitoring::otlp::OtlpOptions;
use aistm7_monitoring::redact::Secret;
use aistm7_monitoring::trace::TraceContext;
use aistm7_monitoring::{Monitoring, monitoring};

use super::collector::Collector;
use super::{flush, subscribe};
use crate::service::Lines;

const SECRET: &str = "hunter2";

fn build<const N: usize>(
    options: OtlpOptions,
    variables: [(&str, &str); N],
) -> Result<(Monitoring, Lines), BuildError> {
    let lines = Lines::default();
    let sink = lines.clone();
    let builder = Monitoring::builder("under-test").environment("test").variables(Variables::from(variables));
    let builder: monitoring::MonitoringBuilder = builder.log(|log| log.sink(Sink::Writer(Box::new(sink))));
    Ok((builder.otlp(options).build()?, lines))
}

/// One span and one log record.
fn tell() {
    let context = TraceContext::new_root();
    let _entered = context.enter();
    tracing::info_span!("span").in_scope(|| tracing::info!("event"));
}

#[tokio::test]
async fn variables_say_where_how_and_as_whom() {
    let collector = Collector::start().await;
    let traces = format!("{}/of/its/own", collector.url());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*format!("{}/base/", collector.url())),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=hunter2%2C, x-tenant=a"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-logs=1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "20000"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=risk,service.instance.id=i1,service.name=other"),
    ];
    // What code says gives way.
    let options = OtlpOptions::new()
        .endpoint("http://127.0.0.1:1")
        .header("x-tenant", Secret::new("b".to_owned()))
        .header("x-code", Secret::new("c".to_owned()))
        .timeout(Duration::from_millis(1))
        .logs();
    let (monitoring, lines) = build(options, variables).unwrap();
    {
        let _subscriber = subscribe(&monitoring);
        tell();
    }
    assert_eq!(flush(&monitoring).await, 0, "{:?}", lines.read());
    let received = collector.received();
    let (sender, _, _) = &received.spans[0];
    assert_eq!((&sender["team"], &sender["service.instance.id"]), (&"risk".into(), &"i1".into()));
    // A name that is settled otherwise is not there twice.
    assert_eq!(sender["service.name"], "other");
    assert_eq!(received.logs.len(), 1);
    let of =
        |path: &str| received.requests.iter().find(|(uri, _)| uri.path() == path).map(|(_, headers)| headers).unwrap();
    let (spans, logs) = (of("/of/its/own"), of("/base/v1/logs"));
    assert_eq!(
        (&spans["x-api-key"], &spans["x-tenant"], &spans["x-code"]),
        (&"hunter2,".parse().unwrap(), &"a".parse().unwrap(), &"c".parse().unwrap())
    );
    assert_eq!(
        (&logs["x-logs"], logs.get("x-api-key"), &logs["x-tenant"]),
        (&"1".parse().unwrap(), None, &"b".parse().unwrap())
    );
    assert_eq!(spans["content-encoding"], "gzip");
}

#[tokio::test]
async fn export_is_switched_off_by_a_variable() {
    let collector = Collector::start().await;
    let options = OtlpOptions::new().endpoint(collector.url()).logs();
    let (monitoring, _) = build(options, [("OTEL_SDK_DISABLED", "True")]).unwrap();
    let _subscriber = subscribe(&monitoring);
    tell();
    assert_eq!(flush(&monitoring).await, 0);
    assert_eq!(collector.received().requests.len(), 0);
}

#[tokio::test]
async fn bad_settings_are_refused_by_name_and_without_their_secrets() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:hunter2@collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2%zz"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "key=hunter2%0A"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a key=hunter2"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
    ] {
        let refused = build(OtlpOptions::new(), [(name, value)]).map(drop).unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(shown.contains(name) && !shown.contains(SECRET), "{shown}");
    }
    for (options, name) in [
        (OtlpOptions::new().endpoint("nowhere"), "OtlpOptions::endpoint"),
        (OtlpOptions::new().timeout(Duration::ZERO), "timeout"),
        (OtlpOptions::new().queue_bytes(1), "queue"),
        (OtlpOptions::new().header("x y", Secret::new(SECRET.to_owned())), "header"),
    ] {
        let refused = build(options, []).map(drop).unwrap_err();
        let shown = format!("{refused} {refused:?}");
        assert!(shown.contains(name) && !shown.contains(SECRET), "{shown}");
    }
}
