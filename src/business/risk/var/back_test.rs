//! The handle of a forecast's back-test.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::observation::{Recorded, RejectedObservation, RejectionReason, VarObservation};
use super::spec::{Confidence, VarSpec};
use super::statistics::BackTest;
use super::window::{Window, WindowSize};
use crate::metrics::{Counter, Histogram};
use crate::work::PerValue;

/// The back-test of one [`VarSpec`]. Cloning shares it, and so does asking for the same spec again.
///
/// An observation counts once, by the day that its forecast is as of: told again it changes nothing, here or by
/// [`VarBackTest::seed`], so a restart, a repeated job or a second replica with the same store does no harm. Each replica
/// shows the window that it knows: aggregate with `max`, never with `sum`.
///
/// Cost of an observation: one pass over the window and no allocation, behind a lock that a scrape takes to copy the
/// result.
///
/// ```
/// use aistm7_monitoring::business::BusinessDate;
/// use aistm7_monitoring::business::risk::{Confidence, Pnl, Recorded, VarHorizon, VarObservation, VarSpec};
/// # use aistm7_monitoring::{business::risk::Risk, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let risk = Risk::new(&Meter::new(&registry), Clock::system())?;
/// let equities = risk.var(VarSpec {
///     model: "historical-var".into(),
///     book: "equities".into(),
///     confidence: Confidence::P99,
///     horizon: VarHorizon::OneDay,
///     pnl: Pnl::Hypothetical,
/// })?;
/// let friday = VarObservation {
///     as_of: BusinessDate::new(2025, 1, 24)?,
///     realised_on: BusinessDate::new(2025, 1, 27)?,
///     value_at_risk: 12_000.0,
///     profit: -15_000.0,
/// };
/// assert_eq!(equities.record(friday)?, Recorded::Breach);
/// assert_eq!(equities.record(friday)?, Recorded::Replayed);
/// assert_eq!(equities.back_test().breaches, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct VarBackTest(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    confidence: Confidence,
    state: Mutex<State>,
    counts: Counts,
}

/// What is counted of observations.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) observations: Counter,
    pub(super) breaches: Counter,
    pub(super) severity: Histogram,
    pub(super) rejections: PerValue<RejectionReason, Counter>,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Of the window as it is.
    result: BackTest,
}

/// What became of stored observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// They are in the window now.
    pub entered: usize,
    /// They were there already.
    pub replayed: usize,
    /// They are refused and counted by reason.
    pub rejected: usize,
}

impl VarBackTest {
    pub(super) fn new(spec: &VarSpec, window: WindowSize, counts: Counts) -> Self {
        let window = Window::new(window, spec.horizon);
        let result = BackTest::of(spec.confidence, window.breaches());
        let state = Mutex::new(State { window, result });
        Self(Arc::new(Ledger { confidence: spec.confidence, state, counts }))
    }

    /// Takes an observation.
    ///
    /// # Errors
    /// When its numbers or days are impossible, when it shares days with one that was taken, or when it contradicts it:
    /// see [`RejectionReason`]. It is counted in `risk_var_rejections_total` and changes nothing else.
    pub fn record(&self, observation: VarObservation) -> Result<Recorded, RejectedObservation> {
        let recorded = self.0.add(observation)?;
        if recorded != Recorded::Replayed {
            self.0.counts.observations.increment();
        }
        if recorded == Recorded::Breach {
            self.0.counts.breaches.increment();
            self.0.counts.severity.record(observation.severity());
        }
        Ok(recorded)
    }

    /// Takes the stored observations of earlier processes into the window. They are not counted again: what counters show
    /// has come in this process.
    ///
    /// A restart seeds at least the latest window of them.
    pub fn seed(&self, stored: impl IntoIterator<Item = VarObservation>) -> Seeded {
        let mut seeded = Seeded::default();
        for observation in stored {
            let place = match self.0.add(observation) {
                Ok(Recorded::Replayed) => &mut seeded.replayed,
                Ok(Recorded::Breach | Recorded::NoBreach) => &mut seeded.entered,
                Err(_) => &mut seeded.rejected,
            };
            *place += 1;
        }
        seeded
    }

    /// The back-test of the present window, as the metrics show it.
    pub fn back_test(&self) -> BackTest {
        self.0.state().result
    }
}

impl Ledger {
    fn add(&self, observation: VarObservation) -> Result<Recorded, RejectedObservation> {
        let added = {
            let mut state = self.state();
            let added = state.window.add(observation);
            if matches!(added, Ok(Recorded::Breach | Recorded::NoBreach)) {
                state.result = BackTest::of(self.confidence, state.window.breaches());
            }
            added
        };
        added.map_err(|reason| {
            self.counts.rejections.of(reason).increment();
            RejectedObservation { observation, reason }
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
