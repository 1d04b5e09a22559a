//! The monitoring of a bench: what a service builds, with a log that nobody reads.

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::log::Sink;
use aistm7_monitoring::monitoring::{MonitoringBuilder, Variables};

/// Whatever the environment says.
pub(crate) fn builder() -> MonitoringBuilder {
    Monitoring::builder("bench")
        .environment("test")
        .variables(Variables::from([]))
        .log(|log| log.sink(Sink::Writer(Box::new(std::io::sink()))))
}

pub(crate) fn monitoring() -> Monitoring {
    builder().build().expect("valid settings")
}
