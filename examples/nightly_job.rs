//! A batch job that ends before Prometheus would come: the value at risk of some books, pushed at its start and end.
//!
//! ```text
//! cargo run --features pushgateway --example nightly_job -- http://localhost:9091
//! cargo run --features pushgateway --example nightly_job -- /tmp/nightly-var.prom
//! ```
//!
//! The first pushes to a Pushgateway, the second writes a file for node-exporter's textfile collector. SIGTERM and Ctrl-C
//! cancel the job, and that is pushed too.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::risk::Batches;
use aistm7_monitoring::monitoring::Workload;
use aistm7_monitoring::push::{Pushgateway, ShortLived, Textfile};

const BOOKS: [&str; 3] = ["equities", "rates", "crypto"];
/// Trading days of four years.
const DAYS: usize = 1_000;
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const AN_HOUR: Duration = Duration::from_secs(60 * 60);
/// How long a cancelled run's last push and the last lines of the log may take.
const FLUSH: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let to = std::env::args().nth(1).ok_or("usage: nightly_job <URL of a Pushgateway | path of a .prom file>")?;
    let monitoring = Monitoring::builder("risk-analysis")
        .workload(Workload::Batch)
        .drain_delay(Duration::ZERO) // nobody sends a batch job requests
        .build()?;
    monitoring.install()?;
    let job = job(&monitoring, &to)?.expected_every(A_DAY);

    let batch = monitoring.risk().batch("nightly-var");
    batch.due_again(|began| began.checked_add(A_DAY + AN_HOUR)); // pushed by a success, and kept until the next one
    let run = job.run(batch.execute_async(night(batch.clone())));
    let ended = tokio::select! {
        report = run => told(report.result),
        () = monitoring.shutdown_signal() => ExitCode::FAILURE, // the run is dropped, and so cancelled
    };
    monitoring.shutdown(FLUSH).await;
    Ok(ended)
}

fn job(monitoring: &Monitoring, to: &str) -> Result<ShortLived, Box<dyn Error>> {
    const NAME: &str = "nightly-var";
    let job = if to.contains("://") {
        monitoring.short_lived(NAME, Pushgateway::new(to)?)?
    } else {
        monitoring.short_lived(NAME, Textfile::new(to)?)?
    };
    Ok(job)
}

/// The job itself.
async fn night(batch: Batches) -> Result<Vec<f64>, NoHistory> {
    batch.expect_items(BOOKS.len() as u64);
    let mut values = Vec::new();
    for (book, seed) in BOOKS.into_iter().zip(1..) {
        let returns = returns(seed);
        // Beside the runtime, which must see a signal meanwhile.
        let model = tokio::task::spawn_blocking(move || value_at_risk(returns));
        let value = batch.items().execute_async(async { model.await.map_err(|_| NoHistory)? }).await?;
        tracing::info!(book, value_at_risk = value, "Value at risk of one day, 99 %");
        values.push(value);
    }
    Ok(values)
}

/// How the process ends: by the job's own result. A lost push is in the log already.
fn told(result: Result<Vec<f64>, NoHistory>) -> ExitCode {
    match result {
        Ok(values) => {
            tracing::info!(books = values.len(), "Done");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "The job failed");
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a book has no history")]
struct NoHistory;

/// The loss that one day in a hundred exceeds, by the history of returns.
fn value_at_risk(mut returns: Vec<f64>) -> Result<f64, NoHistory> {
    returns.sort_by(f64::total_cmp);
    returns.get(returns.len() / 100).map(|worst| -worst).ok_or(NoHistory)
}

/// A history that is the same each time: returns between -3 % and 3 %, from a linear congruential generator.
fn returns(seed: u32) -> Vec<f64> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = std::iter::successors(Some(seed), next).skip(1).take(DAYS);
    states.map(|state| (f64::from(state) / f64::from(u32::MAX) - 0.5) * 0.06).collect()
}
