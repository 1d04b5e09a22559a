//! Nights of a job with two batches, wherever it pushes to.

use std::time::{Duration, SystemTime};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::business::Outcome;
use aistm7_monitoring::business::risk::Batches;
use aistm7_monitoring::push::Destination;

const SUCCESS: &str = "risk_batch_last_success_timestamp_seconds";
const DEADLINE: &str = "risk_batch_deadline_timestamp_seconds";

/// Plays nights, each in a process of its own, and says whether what was known of each batch stayed until that batch
/// succeeded again. `shown` is the value of a metric of a batch at the destination.
pub(crate) fn play<D: Destination>(
    monitoring: impl Fn() -> Monitoring,
    destination: impl Fn() -> D,
    shown: impl Fn(&str, &str) -> Option<f64>,
) {
    let night = |work: &dyn Fn(&Monitoring) -> Result<(), &'static str>| {
        let monitoring = monitoring();
        let job = monitoring.short_lived("nightly", destination()).expect("a valid name");
        let report = job.run_blocking(|| work(&monitoring));
        assert!(report.at_start.is_ok() && report.at_end.is_ok(), "{report:?}");
        ["var", "pnl"].map(|batch| [SUCCESS, DEADLINE].map(|metric| shown(metric, batch)))
    };
    let both = night(&|monitoring| {
        run(&batch(monitoring, "var", 1), 3, Ok(()))?;
        run(&batch(monitoring, "pnl", 1), 3, Ok(()))
    });
    assert!(both.as_flattened().iter().all(Option::is_some), "{both:?}");

    let nothing_to_do = night(&|monitoring| run(&batch(monitoring, "var", 2), 0, Ok(())));
    assert_eq!(nothing_to_do, both, "a success of the job is none of an empty batch, nor of one that is left out");
    let without_batches = night(&|_| Ok(()));
    assert_eq!(without_batches, both);
    let failed = night(&|monitoring| run(&batch(monitoring, "var", 3), 3, Err("no prices")));
    assert_eq!(failed, both);

    let [var, pnl] = night(&|monitoring| {
        run(&batch(monitoring, "pnl", 4), 3, Ok(()))?;
        Err("something else")
    });
    assert_eq!(var, both[0], "the batch that was left out of a run that failed");
    assert!(pnl[1] > both[1][1], "{pnl:?} {both:?}");
}

/// A batch whose deadline lies so many days after a success.
fn batch(monitoring: &Monitoring, name: &'static str, days: u32) -> Batches {
    let batch = monitoring.risk().batch(name);
    batch.due_again(move |began: SystemTime| began.checked_add(Duration::from_secs(24 * 3600) * days));
    batch
}

fn run(batch: &Batches, items: u64, result: Result<(), &'static str>) -> Result<(), &'static str> {
    batch.execute(|| {
        batch.items().record_many(Outcome::Ok, items);
        result
    })
}
