//! The checks of Interactive Brokers against gateways made from the facts of the wire, and against what is none.

mod portal;
mod tws;

use aistm7_monitoring::health::HealthCheck;

/// The code of a failure, or `degraded:` and that of a report.
async fn said(check: &impl HealthCheck) -> String {
    match check.check().await {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}
