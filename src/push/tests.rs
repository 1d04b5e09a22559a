//! Runs against a destination in memory, on a held clock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use super::destination::sealed::Deliver;
use super::destination::{Delivering, Destination, Origin, Replace};
use super::page::Page;
use super::*;
use crate::clock::ManualClock;
use crate::diagnostics::Problem;
use crate::metrics::{Collected, Collection, Definition, Meter, Registry};

/// The moment at which a [`ManualClock`] starts.
const START: &str = "1737541800";
/// Ends a test that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells of each page that it is given.
#[derive(Debug)]
struct Memory {
    delivered: Sender<(Replace, String)>,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Takes,
    Refuses,
    Hangs,
}

impl Destination for Memory {}

impl Deliver for Memory {
    fn shown(&self) -> String {
        "memory".to_owned()
    }

    fn deliver(&self, origin: &Origin, page: Page, replace: Replace) -> Delivering<'_> {
        let own = [("service", &*origin.service)];
        let page = page.clear_of(&own).labelled(&own);
        self.delivered.send((replace, page.to_string())).expect("the test listens");
        Box::pin(async {
            match self.manner {
                Manner::Takes => Ok(()),
                Manner::Refuses => Err(PushError::Interrupted),
                Manner::Hangs => std::future::pending().await,
            }
        })
    }
}

struct Bench {
    registry: Registry,
    held: ManualClock,
    jobs: Jobs,
    job: ShortLived,
    delivered: Receiver<(Replace, String)>,
}

fn bench(manner: Manner) -> Bench {
    let (registry, held) = (Registry::new(), ManualClock::new());
    let jobs = Jobs::register(&registry, held.clock(), "risk", "dev").unwrap();
    let (sender, delivered) = mpsc::channel();
    let job = jobs.short_lived("var", Memory { delivered: sender, manner }).unwrap();
    Bench { registry, held, jobs, job, delivered }
}

impl Bench {
    fn next(&self) -> (Replace, String) {
        self.delivered.recv_timeout(PATIENCE).expect("it is pushed")
    }

    /// The start's page, and then the end's, which says this outcome.
    fn pushed_start_and(&self, outcome: &str, replace: Replace) -> String {
        let (first, start) = self.next();
        assert_eq!(first, Replace::Families);
        let lines: Vec<_> = start.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines, [format!("job_last_start_timestamp_seconds{{job_name=\"var\",service=\"risk\"}} {START}")]);
        let (second, end) = self.next();
        assert_eq!(second, replace);
        for other in ["ok", "failed", "panicked", "cancelled"] {
            let value = u8::from(other == outcome);
            let line = format!("job_last_outcome{{job_name=\"var\",outcome=\"{other}\",service=\"risk\"}} {value}\n");
            assert!(end.contains(&line), "{line}{end}");
        }
        assert_eq!(end.contains("job_last_success_timestamp_seconds{job_name"), outcome == "ok", "{end}");
        end
    }
}

#[test]
fn success_is_pushed_at_start_and_end_and_replaces_everything() {
    let bench = bench(Manner::Takes);
    let report = bench.job.run_blocking(|| {
        bench.held.advance(Duration::from_secs(90));
        Ok::<_, ()>(7)
    });
    assert_eq!(report.result, Ok(7));
    assert!(report.at_start.is_ok() && report.at_end.is_ok());
    let end = bench.pushed_start_and("ok", Replace::Everything);
    for line in [
        "job_last_start_timestamp_seconds{job_name=\"var\",service=\"risk\"} 1737541800\n",
        "job_last_completion_timestamp_seconds{job_name=\"var\",service=\"risk\"} 1737541890\n",
        "job_last_success_timestamp_seconds{job_name=\"var\",service=\"risk\"} 1737541890\n",
        "job_last_duration_seconds{job_name=\"var\",service=\"risk\"} 90\n",
    ] {
        assert!(end.contains(line), "{line}{end}");
    }
}

#[test]
fn error_is_pushed_and_returned_and_leaves_the_last_success_alone() {
    let bench = bench(Manner::Takes);
    let report = bench.job.run_blocking(|| Err::<(), _>("no prices"));
    assert_eq!(report.result, Err("no prices"));
    bench.pushed_start_and("failed", Replace::Families);
}

#[test]
fn panic_is_pushed_and_goes_on() {
    let blocking = bench(Manner::Takes);
    let run = || blocking.job.run_blocking(|| -> Result<(), ()> { panic!("on purpose") });
    let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    blocking.pushed_start_and("panicked", Replace::Families);
}

#[tokio::test]
async fn panic_of_a_future_is_pushed_and_goes_on() {
    let bench = bench(Manner::Takes);
    let run = bench.job.run(async {
        tokio::task::yield_now().await;
        if true {
            panic!("on purpose");
        }
        Ok::<(), ()>(())
    });
    let panic = tokio::spawn(run).await.unwrap_err().into_panic();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    bench.pushed_start_and("panicked", Replace::Families);
}

#[test]
fn dropped_run_is_pushed_as_cancelled_without_a_runtime_and_waited_for_by_a_shutdown() {
    let bench = bench(Manner::Takes);
    drop(bench.job.run(std::future::pending::<Result<(), ()>>()));
    assert!(bench.jobs.is_idle(), "it was never polled");
    {
        let mut run = pin!(bench.job.run(std::future::pending::<Result<(), ()>>()));
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(bench.jobs.is_idle(), "a run under way holds up no shutdown");
    }
    assert_eq!(bench.jobs.wait(PATIENCE), (0, PATIENCE));
    bench.pushed_start_and("cancelled", Replace::Families);
}

#[test]
fn failed_pushes_are_counted_told_and_returned_beside_the_result() {
    let bench = bench(Manner::Refuses);
    let (heard, diagnostics) =
        (Arc::<Mutex<Vec<String>>>::default(), Meter::new(&bench.registry).diagnostics().clone());
    let told = Arc::clone(&heard);
    diagnostics.set_hook(move |problem, cause| told.lock().unwrap().push(format!("{}: {cause}", problem.as_str())));
    let report = bench.job.run_blocking(|| Ok::<_, ()>(7));
    assert_eq!(report.result, Ok(7));
    assert!(matches!(report.at_start, Err(PushError::Interrupted)));
    assert!(matches!(report.at_end, Err(PushError::Interrupted)));
    assert_eq!(diagnostics.total(Problem::PushFailed), 2);
    assert_eq!(*heard.lock().unwrap(), ["push_failed: the push was interrupted"]);
}

#[test]
fn destination_that_hangs_holds_a_run_up_for_its_deadline_only() {
    let bench = bench(Manner::Hangs);
    let deadline = Duration::from_millis(20);
    let report = bench.job.clone().push_deadline(deadline).run_blocking(|| Ok::<_, ()>(7));
    assert_eq!(report.result, Ok(7));
    for pushed in [&report.at_start, &report.at_end] {
        let Err(PushError::Deadline { destination, deadline: told }) = pushed else { panic!("{pushed:?}") };
        assert_eq!((destination.as_str(), *told), ("memory", deadline));
    }
}

#[test]
fn job_starts_while_its_start_is_still_being_pushed() {
    let bench = bench(Manner::Hangs);
    let job = bench.job.clone().push_deadline(Duration::from_millis(20));
    let report = job.run_blocking(|| {
        let _ = bench.next();
        Ok::<_, ()>("the destination has not answered")
    });
    assert!(report.result.is_ok() && report.at_start.is_err());
}

#[test]
fn page_holds_the_whole_registry_but_what_is_of_other_jobs_or_the_destination() {
    let bench = bench(Manner::Takes);
    let (sender, _others) = mpsc::channel();
    let other = bench.jobs.short_lived("pnl", Memory { delivered: sender, manner: Manner::Takes }).unwrap();
    let _ = other.run_blocking(|| Ok::<_, ()>(()));
    let work = || {
        metrics::counter!("books_total", "service" => "other").increment(3);
        metrics::gauge!("process_open_fds").set(5.0);
        Err::<(), ()>(())
    };
    let job = bench.job.clone().expected_every(Duration::from_secs(60));
    let _ = metrics::with_local_recorder(&bench.registry, || job.run_blocking(work));
    let (_, start) = bench.next();
    assert!(start.contains("job_expected_interval_seconds{job_name=\"var\",service=\"risk\"} 60\n"), "{start}");
    let (_, end) = bench.next();
    assert!(end.contains("books_total{exported_service=\"other\",service=\"risk\"} 3\n"), "{end}");
    assert!(!end.contains("\nprocess_") && !end.contains("pnl"), "{end}");
    assert!(!end.contains("\njob_last_success"), "the other job's success is none of this one's: {end}");
}

#[test]
fn end_is_pushed_with_what_collectors_measure_then() {
    static LEFT: Definition = Definition::gauge("books_left", "Books that are not done.");
    let bench = bench(Manner::Takes);
    let meter = Meter::new(&bench.registry);
    let left: Collected<f64, 0> = meter.collected(&LEFT).unwrap();
    let collect = move |collection: &mut Collection| {
        collection.set(&left, [], 2.0);
        Ok(())
    };
    meter.collector("books", collect).unwrap();
    let _ = bench.job.run_blocking(|| Ok::<_, ()>(()));
    let end = bench.pushed_start_and("ok", Replace::Everything);
    assert!(end.contains("books_left{service=\"risk\"} 2\n"), "{end}");
}

#[test]
fn bad_name_is_refused() {
    let bench = bench(Manner::Takes);
    let (sender, _) = mpsc::channel();
    let refused = bench.jobs.short_lived("Nightly VaR", Memory { delivered: sender, manner: Manner::Takes });
    assert!(matches!(refused, Err(JobError::InvalidName(name)) if name.what() == "job name"));
}

#[test]
fn runs_can_be_spawned() {
    fn is_send<T: Send + 'static>(_: &T) {}
    let bench = bench(Manner::Takes);
    let run = bench.job.run(async { Ok::<(), ()>(()) });
    is_send(&run);
}

#[cfg(feature = "metrics-exporter-prometheus")]
#[test]
fn numbers_that_are_elsewhere_cannot_be_pushed() {
    use crate::metrics::{HostRecorder, RegistryOptions};

    let elsewhere = RegistryOptions::new().report_to(HostRecorder::new(Registry::new()));
    let jobs = Jobs::register(&Registry::with(elsewhere), ManualClock::new().clock(), "risk", "dev").unwrap();
    let refused = jobs.short_lived("var", Textfile::new("var.prom").unwrap());
    assert!(matches!(refused, Err(JobError::NoNumbers { job }) if job == "var"));
}
