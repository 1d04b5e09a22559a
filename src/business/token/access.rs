//! Who gets access and why.

use std::sync::Arc;

use super::labels::{AccessReason, Basis, Decision};
use crate::business::known::Known;
use crate::diagnostics::Problem;
use crate::metrics::{Counter, Family, LabelValue};
use crate::work::Base;

/// Decisions on access. Cloning shares it.
///
/// Counting one is a search behind a lock and an atomic add; it allocates nothing once a reason is known. Reasons are
/// names written in code; past 128 different combinations a new one is recorded with the reason `_other`, and counted.
///
/// ```
/// use aistm7_monitoring::business::token::{Basis, Decision};
/// # use aistm7_monitoring::{business::token::Token, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let access = token.access_decisions();
/// access.declare(&[(Decision::Deny, Basis::FailClosed, "balance_unknown".into())]); // at 0 from the start
/// access.record(Decision::Grant, Basis::Verified, "requirement_met");
/// let text = registry.render();
/// let (deny, grant) = (
///     "token_access_decisions_total{basis=\"fail_closed\",decision=\"deny\",reason=\"balance_unknown\"} 0\n",
///     "token_access_decisions_total{basis=\"verified\",decision=\"grant\",reason=\"requirement_met\"} 1\n",
/// );
/// assert!(text.contains(deny) && text.contains(grant));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AccessDecisions(Arc<Decisions>);

#[derive(Debug)]
struct Decisions {
    base: Base,
    family: Family<Counter, 3>,
    known: Known<(Decision, Basis, AccessReason)>,
}

impl AccessDecisions {
    pub(super) fn new(base: &Base, family: &Family<Counter, 3>) -> Self {
        Self(Arc::new(Decisions { base: base.clone(), family: family.clone(), known: Known::new() }))
    }

    /// Creates the counters of these decisions at 0, so that the first one is seen as an increase.
    pub fn declare(&self, decisions: &[(Decision, Basis, AccessReason)]) {
        for (decision, basis, reason) in decisions {
            let _ = self.0.of(*decision, *basis, *reason);
        }
    }

    /// Counts a decision.
    pub fn record(&self, decision: Decision, basis: Basis, reason: impl Into<AccessReason>) {
        self.0.of(decision, basis, reason.into()).increment();
    }
}

impl Decisions {
    fn of(&self, decision: Decision, basis: Basis, reason: AccessReason) -> Counter {
        if let Some(counter) = self.known.find((decision, basis, reason)) {
            return counter;
        }
        // No lock is held from here on: the hook of the diagnostics is the user's code.
        let series = |reason: LabelValue| self.family.series([decision.into(), basis.into(), reason]);
        if !self.known.has_room() {
            self.base.diagnostics.report(Problem::UnknownLabelValue, "there are too many reasons of access decisions");
            return series(LabelValue::OTHER.into());
        }
        let counter = series(reason.resolve(&self.base.diagnostics));
        self.known.keep((decision, basis, reason), &counter);
        counter
    }
}
