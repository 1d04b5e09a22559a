//! Grace periods: the time that a user keeps access while holding too little.

use std::sync::Arc;

use super::instruments::GraceStates;
use super::labels::{GraceCause, GraceResult};
use super::ledger::{GraceError, GraceLedger, GraceSeed};
use crate::business::sampled::StateGauge;
use crate::metrics::{Counter, Histogram, LabelValue};
use crate::work::{Base, PerValue};

/// How many grace periods of a tier are in which state, as the caller's store says. A period may be in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraceCounts {
    /// Running.
    pub active: u64,
    /// Running, and ending within 24 hours.
    pub expiring: u64,
    /// Standing still, because the balance cannot be verified.
    pub paused: u64,
    /// Past their end, with access still granted.
    pub overdue: u64,
}

/// The grace periods of one tier. Cloning shares it; recording allocates nothing.
///
/// It counts what it is told. A [`ledger`](Self::ledger) tells it of each period once, and knows the states itself.
///
/// ```
/// use aistm7_monitoring::business::token::{GraceCause, GraceCounts, GraceResult};
/// # use aistm7_monitoring::{business::token::Token, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let pro = token.grace_periods("pro");
/// pro.started(GraceCause::PriceMoved);
/// pro.ended(GraceResult::Recovered, 0.4); // after two of its five days
/// pro.set(GraceCounts { active: 7, expiring: 1, ..GraceCounts::default() });
/// assert!(registry.render().contains("token_grace_periods_expiring{tier=\"pro\"} 1\n"));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GracePeriods(pub(super) Arc<TierGrace>);

#[derive(Debug)]
pub(super) struct TierGrace {
    pub(super) base: Base,
    pub(super) tier: LabelValue,
    pub(super) states: GraceStates,
    pub(super) by_state: [StateGauge<1>; 4],
    pub(super) started: PerValue<GraceCause, Counter>,
    pub(super) ended: PerValue<GraceResult, Counter>,
    pub(super) utilization: Histogram,
}

impl GracePeriods {
    /// A grace period started.
    pub fn started(&self, cause: GraceCause) {
        self.0.started.of(cause).increment();
    }

    /// A grace period ended after this share of its time, 0 to 1.
    ///
    /// A share that is no number from 0 to 1 is refused and counted as `sample_rejected`; the end itself still counts.
    pub fn ended(&self, result: GraceResult, used: f64) {
        self.0.ended.of(result).increment();
        if (0.0..=1.0).contains(&used) {
            self.0.utilization.record(used);
        } else {
            self.0.base.reject("a share of a grace period is not from 0 to 1");
        }
    }

    /// The states are now these. Absent until first set, since nobody knows before.
    pub fn set(&self, counts: GraceCounts) {
        for (gauge, count) in self.0.by_state.iter().zip(counts.in_order()) {
            gauge.set(count);
        }
    }

    /// A ledger of the tier's periods, which begins with what the store knows. One for each tier: the gauges show the
    /// one that was made last. They are computed when they are read, which a recorder of the host's never does.
    ///
    /// # Errors
    /// When the seed has an empty span, or more periods than a ledger keeps.
    pub fn ledger<K: Clone + Ord + Send + 'static>(&self, seed: GraceSeed<K>) -> Result<GraceLedger<K>, GraceError> {
        GraceLedger::new(self, seed)
    }

    /// The states are what this says whenever somebody reads them.
    pub(super) fn observe(&self, read: impl Fn() -> Option<GraceCounts> + Clone + Send + Sync + 'static) {
        for (place, family) in self.0.states.in_order().into_iter().enumerate() {
            let read = read.clone();
            family.observe([self.0.tier.clone()], move || {
                // The cast is exact up to 2^53 periods.
                read().map(|counts| counts.in_order()[place] as f64)
            });
        }
    }
}

impl GraceCounts {
    /// As [`GraceStates::in_order`].
    pub(super) fn in_order(self) -> [u64; 4] {
        [self.active, self.expiring, self.paused, self.overdue]
    }
}
