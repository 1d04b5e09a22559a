//! What the schedule, its runs and the readers share.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use super::refresh::Refreshes;
use super::run::RunEnd;
use super::share::BidResult;
use crate::clock::{Alarm, Clock};
use crate::health::report::HealthReport;
use crate::health::transition::Transition;

/// The meeting place of the threads. Locks are held to move a value in or out.
pub(in crate::health) struct Shared {
    report: watch::Sender<Arc<HealthReport>>,
    inbox: Mutex<Vec<(usize, Delivered)>>,
    stopped: AtomicBool,
    pub(super) alarm: Arc<Alarm>,
    pub(super) refreshes: Refreshes,
    history: Mutex<VecDeque<Transition>>,
}

/// What a thread came to.
pub(super) enum Delivered {
    Run {
        end: RunEnd,
        /// See [`HealthCheck::certificate_not_after`](crate::health::HealthCheck::certificate_not_after).
        certificate_not_after: Option<SystemTime>,
    },
    Bid(RunEnd<BidResult>),
}

/// Chosen: what a person reads of a bad night, in some kilobytes.
const REMEMBERED_TRANSITIONS: usize = 64;

impl Shared {
    pub(in crate::health) fn new(clock: &Clock, report: HealthReport) -> Arc<Self> {
        Arc::new(Self {
            report: watch::Sender::new(Arc::new(report)),
            inbox: Mutex::default(),
            stopped: AtomicBool::new(false),
            alarm: Alarm::new(clock),
            refreshes: Refreshes::new(),
            history: Mutex::default(),
        })
    }

    /// The latest report.
    pub(in crate::health) fn report(&self) -> Arc<HealthReport> {
        Arc::clone(&self.report.borrow())
    }

    /// Tells when there is another report.
    #[cfg(feature = "grpc-health")]
    pub(in crate::health) fn reports(&self) -> watch::Receiver<Arc<HealthReport>> {
        self.report.subscribe()
    }

    pub(super) fn publish(&self, report: HealthReport) {
        self.report.send_replace(Arc::new(report));
    }

    /// Says how a thread of check number `index` ended.
    pub(super) fn deliver(&self, index: usize, delivered: Delivered) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push((index, delivered));
        self.alarm.ring();
    }

    pub(super) fn take_deliveries(&self) -> Vec<(usize, Delivered)> {
        std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when the round of runs that this asked for, or joined, is over.
    pub(in crate::health) async fn refresh(&self) {
        let mut finished = self.refreshes.ask();
        self.alarm.ring();
        // The sender is here, so a round ends before it does.
        let _ = finished.changed().await;
    }

    pub(super) fn remember(&self, transition: Transition) {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() == REMEMBERED_TRANSITIONS {
            history.pop_front();
        }
        history.push_back(transition);
    }

    /// The latest changes, the oldest first.
    pub(in crate::health) fn history(&self) -> Vec<Transition> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
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
