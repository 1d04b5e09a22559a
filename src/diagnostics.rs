//! What went wrong inside the crate: counted always, told once per cause to one hook. No logger is needed.
//!
//! Monitoring never fails its host, so whatever it has to refuse, cut or drop ends here and is shown in `/metrics` as
//! `monitoring_problems_total{problem}`.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// A sample was not a number, infinite or negative where that has no meaning, and was not recorded.
    SampleRejected,
    /// A label set beyond a cap was recorded in its family's overflow series.
    SeriesOverflow,
    /// A metric of the `metrics` facade clashed with another of the same name.
    NameConflict,
    /// A label name or value was changed to be valid.
    LabelSanitised,
    /// A label value outside its declared set was recorded as `_other`.
    UnknownLabelValue,
    /// A value to format panicked or failed.
    FormatFailed,
    /// A background thread or task of the crate could not be started.
    SpawnFailed,
    /// The code of an observed metric panicked; its series was left out of that reading.
    ObservationPanicked,
    /// A collector failed, panicked or did not end in time; what it gave before is shown while it is fresh.
    CollectorFailed,
    /// A series was given more than once at a time; the first value was kept.
    DuplicateSeries,
    /// An observed metric is missing from a recorder of the host's, which never reads.
    ObservationUnread,
    /// The metrics of a short-lived job did not reach their destination.
    PushFailed,
    /// A rule of the service's for its requests panicked; the usual rule held instead, or the caller was not trusted.
    RulePanicked,
    /// A subscriber panicked at an event of ours, and may have lost it.
    SubscriberPanicked,
    /// Spans or log records did not reach the collector.
    ExportFailed,
    /// A destination did not take what it was to be told of alerts, or that could not be remembered.
    NotificationFailed,
}

impl Problem {
    /// Every kind, in the order of their counters.
    pub const ALL: [Self; 16] = [
        Self::SampleRejected,
        Self::SeriesOverflow,
        Self::NameConflict,
        Self::LabelSanitised,
        Self::UnknownLabelValue,
        Self::FormatFailed,
        Self::SpawnFailed,
        Self::ObservationPanicked,
        Self::CollectorFailed,
        Self::DuplicateSeries,
        Self::ObservationUnread,
        Self::PushFailed,
        Self::RulePanicked,
        Self::SubscriberPanicked,
        Self::ExportFailed,
        Self::NotificationFailed,
    ];

    /// The value of the `problem` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SampleRejected => "sample_rejected",
            Self::SeriesOverflow => "series_overflow",
            Self::NameConflict => "name_conflict",
            Self::LabelSanitised => "label_sanitised",
            Self::UnknownLabelValue => "unknown_label_value",
            Self::FormatFailed => "format_failed",
            Self::SpawnFailed => "spawn_failed",
            Self::ObservationPanicked => "observation_panicked",
            Self::CollectorFailed => "collector_failed",
            Self::DuplicateSeries => "duplicate_series",
            Self::ObservationUnread => "observation_unread",
            Self::PushFailed => "push_failed",
            Self::RulePanicked => "rule_panicked",
            Self::SubscriberPanicked => "subscriber_panicked",
            Self::ExportFailed => "export_failed",
            Self::NotificationFailed => "notification_failed",
        }
    }
}

type Hook = Box<dyn Fn(Problem, &str) + Send + Sync>;
type Tap = Box<dyn Fn(Problem) + Send + Sync>;

/// The counters and the hook of one `Monitoring`. Cloning shares them.
#[derive(Clone, Default)]
pub struct Diagnostics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    counts: [AtomicU64; Problem::ALL.len()],
    told: Mutex<HashSet<(Problem, String)>>,
    hook: OnceLock<Hook>,
    tap: OnceLock<Tap>,
}

/// Chosen: enough causes to find a fault, few enough that hostile names cannot fill memory.
const REMEMBERED_CAUSES: usize = 256;

impl Diagnostics {
    /// No problems yet, and no hook.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the hook that hears of each cause once; `false` if one was set before.
    pub fn set_hook(&self, hook: impl Fn(Problem, &str) + Send + Sync + 'static) -> bool {
        self.0.hook.set(Box::new(hook)).is_ok()
    }

    /// Sets what hears of each problem as it is counted, every time; `false` if something was set before. It must not
    /// wait, and problems of its own would come back to it.
    pub fn set_tap(&self, tap: impl Fn(Problem) + Send + Sync + 'static) -> bool {
        self.0.tap.set(Box::new(tap)).is_ok()
    }

    /// Counts a problem. Cost: one atomic add, and that of the tap.
    pub fn count(&self, problem: Problem) {
        // Ordering: a lone counter, read by whoever asks for the total.
        self.0.counts[problem as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(tap) = self.0.tap.get() {
            tap(problem);
        }
    }

    /// Counts a problem and tells the hook of its cause, once per cause.
    pub fn report(&self, problem: Problem, cause: &str) {
        self.count(problem);
        let Some(hook) = self.0.hook.get() else {
            return;
        };
        let first = {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.len() < REMEMBERED_CAUSES && told.insert((problem, cause.to_owned()))
        };
        if first {
            hook(problem, cause);
        }
    }

    /// How often a problem has occurred.
    pub fn total(&self, problem: Problem) -> u64 {
        self.0.counts[problem as usize].load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Problem::ALL.map(|problem| (problem.as_str(), self.total(problem)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_hears_of_each_cause_once() {
        let diagnostics = Diagnostics::new();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        diagnostics.set_hook(move |problem, cause| sink.lock().unwrap().push((problem, cause.to_owned())));
        for cause in ["a", "a", "b"] {
            diagnostics.report(Problem::NameConflict, cause);
        }
        assert_eq!(diagnostics.total(Problem::NameConflict), 3);
        assert_eq!(
            *heard.lock().unwrap(),
            [(Problem::NameConflict, "a".to_owned()), (Problem::NameConflict, "b".to_owned())]
        );
    }

    #[test]
    fn tap_hears_of_every_problem() {
        let diagnostics = Diagnostics::new();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        assert!(diagnostics.set_tap(move |problem| sink.lock().unwrap().push(problem)));
        assert!(!diagnostics.set_tap(|_| ()), "the first stays");
        diagnostics.report(Problem::NameConflict, "a");
        diagnostics.report(Problem::NameConflict, "a");
        diagnostics.count(Problem::SampleRejected);
        assert_eq!(*heard.lock().unwrap(), [Problem::NameConflict, Problem::NameConflict, Problem::SampleRejected]);
    }

    #[test]
    fn every_kind_counts_in_its_own_place() {
        for (index, problem) in Problem::ALL.into_iter().enumerate() {
            assert_eq!(problem as usize, index);
        }
    }
}
