//! Grace periods: the time that a user keeps access while holding too little.

use std::sync::Arc;

use super::labels::{GraceCause, GraceResult};
use crate::metrics::{Counter, Gauge, Histogram};
use crate::work::{Base, PerValue, set_count};

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
    pub(super) active: Gauge,
    pub(super) expiring: Gauge,
    pub(super) paused: Gauge,
    pub(super) overdue: Gauge,
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
        set_count(&self.0.active, counts.active);
        set_count(&self.0.expiring, counts.expiring);
        set_count(&self.0.paused, counts.paused);
        set_count(&self.0.overdue, counts.overdue);
    }
}
