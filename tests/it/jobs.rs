//! Short-lived jobs by way of a `Monitoring`, into files.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use aistm7_monitoring::business::Outcome;
use aistm7_monitoring::push::{PushError, Textfile};

use crate::nights;
use crate::service::{Lines, all_lines, builder, monitoring};

/// Ends a test that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn cancelled_run_is_in_its_file_before_a_shutdown_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nightly-var.prom");
    let monitoring = builder(&Lines::default()).build().unwrap();
    let job = monitoring.short_lived("nightly-var", Textfile::new(&path).unwrap()).unwrap();
    let run = tokio::spawn(job.run(std::future::pending::<Result<(), ()>>()));
    tokio::task::yield_now().await;
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    assert_eq!(monitoring.shutdown(PATIENCE).await.pushes_lost, 0);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("outcome=\"cancelled\",service=\"under-test\"} 1\n"), "{text}");
}

#[tokio::test]
async fn failed_push_is_a_line_and_a_count_and_leaves_result_and_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (missing, present) = (directory.path().join("missing/a.prom"), directory.path().join("a.prom"));
    let lines = Lines::default();
    let monitoring = builder(&lines).build().unwrap();
    let job = |path| monitoring.short_lived("nightly-var", Textfile::new(path).unwrap()).unwrap();

    let report = job(&missing).run(async { Ok::<_, ()>(7) }).await;
    assert_eq!(report.result, Ok(7));
    for pushed in [&report.at_start, &report.at_end] {
        let Err(PushError::File { path, source, .. }) = pushed else { panic!("{pushed:?}") };
        assert!(path.starts_with(missing.parent().unwrap()), "{path:?}");
        assert_eq!(source.kind(), ErrorKind::NotFound);
    }
    monitoring.registry().snapshot().assert_value("monitoring_problems_total", &[("problem", "push_failed")], 2);
    let told = all_lines(&monitoring, &lines).await;
    assert!(told.iter().any(|line| line["details"]["problem"] == "push_failed"), "{told:?}");

    assert!(job(&present).run(async { Ok::<_, ()>(()) }).await.at_end.is_ok());
    let before = fs::read_to_string(&present).unwrap();
    let report = job(&missing).run(async { Err::<(), _>("no prices") }).await;
    assert_eq!(report.result, Err("no prices"));
    assert_eq!(fs::read_to_string(&present).unwrap(), before);
}

#[tokio::test]
async fn deadline_of_a_batch_stays_in_its_file_until_a_later_run_succeeds() {
    const DEADLINE: &str = "risk_batch_deadline_timestamp_seconds{";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nightly-var.prom");
    // Each run is a process of its own.
    let run = async |items: u64, result: Result<(), &'static str>| {
        let monitoring = builder(&Lines::default()).build().unwrap();
        let job = monitoring.short_lived("nightly-var", Textfile::new(&path).unwrap()).unwrap();
        let batch = monitoring.risk().batch("nightly-var");
        batch.due_again(|began| began.checked_add(Duration::from_secs(25 * 3600)));
        let work = async {
            batch.items().record_many(Outcome::Ok, items);
            result
        };
        let report = job.run(batch.execute_async(work)).await;
        assert!(report.at_end.is_ok());
        let text = fs::read_to_string(&path).unwrap();
        text.lines().find(|line| line.starts_with(DEADLINE)).map(str::to_owned)
    };
    assert_eq!(run(0, Err("no prices")).await, None, "nothing is due before a first success");
    let succeeded = run(3, Ok(())).await;
    assert!(succeeded.is_some());
    assert_eq!(run(3, Err("no prices")).await, succeeded);
}

#[test]
fn what_is_known_of_each_batch_stays_in_its_file_until_that_batch_succeeds_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nightly.prom");
    let shown = |metric: &str, batch: &str| {
        let text = fs::read_to_string(&path).unwrap();
        let series = format!("{metric}{{batch=\"{batch}\",");
        let mut found = text.lines().filter(|line| line.starts_with(&series));
        let value = found.next()?.rsplit(' ').next()?.parse().ok();
        assert_eq!(found.next(), None, "{text}");
        value
    };
    nights::play(monitoring, || Textfile::new(&path).unwrap(), shown);
}
