//! What outlasts the runs that do not show it.
//!
//! A process knows the last success and the deadline of a batch only if that batch succeeded in it. A run that is a success
//! as a whole may leave a batch out, or find nothing for it to do; what an earlier run said of it must stay then, or the
//! alert on it has nothing left to look at. So such series are replaced one by one, and by their own successors only.

use super::instruments::is_about_jobs;

/// What rules compare with the present time: the ends of the names of such metrics, a service's own included.
const ENDS: [&str; 4] = [
    "_last_success_timestamp_seconds",
    "_deadline_timestamp_seconds",
    "_last_update_timestamp_seconds",
    "_update_expected_interval_seconds",
];

/// Metrics that tell of the process, which is gone.
const OF_THE_PROCESS: [&str; 3] = ["monitoring_", "health_", "alert_"];

/// Whether each series of the metric stays until it is shown anew. Those of the job itself are shown by every success.
pub(super) fn is_lasting(metric: &str) -> bool {
    let is_of_the_process = OF_THE_PROCESS.iter().any(|prefix| metric.starts_with(prefix));
    ENDS.iter().any(|end| metric.ends_with(end)) && !is_of_the_process && !is_about_jobs(metric)
}

#[cfg(test)]
mod tests {
    use super::is_lasting;

    #[test]
    fn what_rules_of_batches_and_updates_look_at_lasts() {
        for lasting in [
            "risk_batch_last_success_timestamp_seconds",
            "risk_batch_deadline_timestamp_seconds",
            "portfolio_last_update_timestamp_seconds",
            "portfolio_update_expected_interval_seconds",
            "ledger_last_success_timestamp_seconds",
        ] {
            assert!(is_lasting(lasting), "{lasting}");
        }
        for other in [
            "risk_batch_started_timestamp_seconds",
            "portfolio_oldest_break_timestamp_seconds",
            "job_last_success_timestamp_seconds",
            "health_check_last_success_timestamp_seconds",
            "monitoring_collector_last_success_timestamp_seconds",
        ] {
            assert!(!is_lasting(other), "{other}");
        }
    }
}
