//! What the schedule, its runs and the readers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::run::RunEnd;
use crate::clock::{Alarm, Clock};
use crate::health::report::HealthReport;

/// The meeting place of the threads. Locks are held to move a value in or out.
pub(in crate::health) struct Shared {
    report: RwLock<Arc<HealthReport>>,
    inbox: Mutex<Vec<(usize, RunEnd)>>,
    stopped: AtomicBool,
    pub(super) alarm: Arc<Alarm>,
}

impl Shared {
    pub(in crate::health) fn new(clock: &Clock, report: HealthReport) -> Arc<Self> {
        Arc::new(Self {
            report: RwLock::new(Arc::new(report)),
            inbox: Mutex::default(),
            stopped: AtomicBool::new(false),
            alarm: Alarm::new(clock),
        })
    }

    /// The latest report.
    pub(in crate::health) fn report(&self) -> Arc<HealthReport> {
        Arc::clone(&self.report.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn publish(&self, report: HealthReport) {
        let report = Arc::new(report);
        *self.report.write().unwrap_or_else(PoisonError::into_inner) = report;
    }

    /// Says how the run of check number `index` ended.
    pub(super) fn deliver(&self, index: usize, end: RunEnd) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push((index, end));
        self.alarm.ring();
    }

    pub(super) fn take_deliveries(&self) -> Vec<(usize, RunEnd)> {
        std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the schedule.
    pub(in crate::health) fn stop(&self) {
        // Ordering: nothing but the flag is read because of it, and the alarm's lock orders the store before the wake.
        self.stopped.store(true, Ordering::Relaxed);
        self.alarm.ring();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
