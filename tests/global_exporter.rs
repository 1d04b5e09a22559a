//! The recorder of a process, in a process of its own: reported to when it is there, and never taken from the host.
#![cfg(feature = "metrics-exporter-prometheus")]
#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::global::Installed;
use aistm7_monitoring::metrics::HostRecorder;
use aistm7_monitoring::monitoring::{BuildError, MonitoringBuilder, Variables, exporter};
use metrics_exporter_prometheus::PrometheusBuilder;

fn reporting_to(recorder: HostRecorder, service: &str) -> MonitoringBuilder {
    Monitoring::builder(service).environment("test").variables(Variables::from([])).report_to(recorder)
}

#[test]
fn recorder_of_the_process_is_reported_to_once_it_is_there() {
    let refused = reporting_to(HostRecorder::global(), "early").build().unwrap_err();
    assert!(matches!(refused, BuildError::NoRecorder), "{refused}");
    assert!(refused.to_string().contains("before build"), "{refused}");

    let recorder = exporter::configure(PrometheusBuilder::new(), &[]).unwrap().build_recorder();
    let handle = recorder.handle();
    let first = reporting_to(HostRecorder::new(recorder), "first").build().unwrap();
    metrics::counter!("too_early_total").increment(1);
    assert_eq!(first.install().unwrap().recorder, Installed::Installed);
    assert_eq!(first.install().unwrap().recorder, Installed::AlreadyOurs);
    metrics::counter!("third_party_total").increment(1);

    let second = reporting_to(HostRecorder::global(), "second").build().unwrap();
    assert_eq!(second.install().unwrap().recorder, Installed::Taken);
    let page = handle.render();
    for shown in ["third_party_total 1\n", "service=\"first\"", "service=\"second\""] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(!page.contains("too_early"), "{page}");
}
