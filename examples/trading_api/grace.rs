//! Grace periods: a wallet that held enough and no longer does keeps its access for a while.
//!
//! ```text
//! the chain says enough          -> eligible; an open period has recovered
//! the chain says too little      -> a period begins, or goes on; past its end: expired
//! the chain says nothing         -> an open period stands still: our fault expires nobody
//! ```
//!
//! Only wallets that are signed up are here, so there are no more than rows in the store. What is open is kept in this
//! process, as all of it is in an example; a service keeps it in its store and seeds the ledgers with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aistm7_monitoring::business::token::{
    GraceCause, GraceError, GraceLedger, GraceResult, GraceSeed, GraceSpan, HolderCounts, Holders, Token,
};
use aistm7_monitoring::clock::Clock;

use crate::access::{self, Access, Evidence};
use crate::domain::{Tier, TokenAmount, Wallet};

/// How long access goes on.
pub(crate) const LENGTH: Duration = Duration::from_secs(5 * 24 * 3_600);
/// Between two looks for periods that are over.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The grace periods of every tier.
#[derive(Debug)]
pub(crate) struct Grace {
    clock: Clock,
    /// In the order of [`Tier::ALL`].
    tiers: [TierGrace; Tier::ALL.len()],
}

#[derive(Debug)]
struct TierGrace {
    ledger: GraceLedger<PeriodId>,
    holders: Holders,
    wallets: Mutex<Wallets>,
}

#[derive(Debug, Default)]
struct Wallets {
    standings: HashMap<Wallet, Standing>,
    latest: PeriodId,
}

/// Each period has a number of its own, so that a wallet's second one is not taken for its first.
type PeriodId = u64;

/// How a wallet that once held enough stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It held this much when the chain was last asked.
    Eligible(TokenAmount),
    InGrace(PeriodId),
    Expired,
}

impl Grace {
    pub(crate) fn new(token: &Token, clock: Clock) -> Result<Self, GraceError> {
        let [basic, pro, institutional] = Tier::ALL.map(|tier| TierGrace::new(token, tier, &clock));
        Ok(Self { clock, tiers: [basic?, pro?, institutional?] })
    }

    /// Whether a wallet has access, and what that begins or ends.
    pub(crate) fn judge(&self, wallet: &Wallet, tier: Tier, required: TokenAmount, evidence: Evidence) -> Access {
        let without_grace = access::decide(required, evidence);
        let of_tier = &self.tiers[tier as usize];
        let mut wallets = of_tier.wallets();
        match of_tier.followed(&mut wallets, wallet, required, evidence, &self.clock) {
            Ok(Some(Standing::InGrace(_))) => Access::GRACE,
            Ok(_) => without_grace,
            Err(error) => {
                tracing::error!(%error, tier = tier.as_str(), "Grace period is not in its ledger");
                without_grace
            }
        }
    }

    /// Ends the periods that are over, and shows how all wallets stand.
    pub(crate) fn expire(&self) {
        for tier in &self.tiers {
            tier.expire();
        }
    }
}

/// Ends periods soon after they are over, for as long as the service runs.
pub(crate) async fn watch(grace: Arc<Grace>) {
    loop {
        grace.expire();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl TierGrace {
    fn new(token: &Token, tier: Tier, clock: &Clock) -> Result<Self, GraceError> {
        let ledger = token.grace_periods(tier.as_str()).ledger(GraceSeed::new(clock.wall(), []))?;
        Ok(Self { ledger, holders: token.holders(tier.as_str()), wallets: Mutex::default() })
    }

    /// How a wallet stands now; `None` for one that never held enough.
    fn followed(
        &self,
        wallets: &mut Wallets,
        wallet: &Wallet,
        required: TokenAmount,
        evidence: Evidence,
        clock: &Clock,
    ) -> Result<Option<Standing>, GraceError> {
        let standing = wallets.standings.get(wallet).copied();
        let next = match (evidence, standing) {
            (Evidence::Verified(held), before) if held >= required => {
                if let Some(Standing::InGrace(period)) = before {
                    let _entry = self.ledger.end(&period, GraceResult::Recovered)?;
                }
                Standing::Eligible(held)
            }
            (Evidence::Verified(held), Some(Standing::Eligible(before))) => {
                // The requirement follows the price, and nobody else moves it.
                let cause = if held < before { GraceCause::BalanceDropped } else { GraceCause::PriceMoved };
                self.begin(wallets, cause, clock)?
            }
            (Evidence::Verified(_), Some(Standing::InGrace(period))) => {
                let _entry = self.ledger.resume(&period)?;
                self.expired(period)?
            }
            (Evidence::Cached(_) | Evidence::None, Some(Standing::InGrace(period))) => {
                let _entry = self.ledger.pause(&period)?;
                Standing::InGrace(period)
            }
            (_, standing) => return Ok(standing),
        };
        wallets.standings.insert(wallet.clone(), next);
        Ok(Some(next))
    }

    fn begin(&self, wallets: &mut Wallets, cause: GraceCause, clock: &Clock) -> Result<Standing, GraceError> {
        wallets.latest += 1;
        let from = clock.wall();
        let _entry = self.ledger.start(wallets.latest, cause, GraceSpan { from, until: from + LENGTH })?;
        Ok(Standing::InGrace(wallets.latest))
    }

    /// The standing of a wallet in this period: expired, if it is over.
    fn expired(&self, period: PeriodId) -> Result<Standing, GraceError> {
        match self.ledger.end(&period, GraceResult::Expired) {
            Ok(_) => Ok(Standing::Expired),
            Err(GraceError::NotOver { .. }) => Ok(Standing::InGrace(period)),
            Err(error) => Err(error),
        }
    }

    fn expire(&self) {
        let mut wallets = self.wallets();
        for period in self.ledger.overdue() {
            // OK to ignore: one that is not over after all stays open.
            let Ok(_entry) = self.ledger.end(&period, GraceResult::Expired) else { continue };
            for standing in wallets.standings.values_mut().filter(|standing| **standing == Standing::InGrace(period)) {
                *standing = Standing::Expired;
            }
        }
        let mut counts = HolderCounts::default();
        for standing in wallets.standings.values() {
            match standing {
                Standing::Eligible(_) => counts.eligible += 1,
                Standing::InGrace(_) => counts.grace += 1,
                Standing::Expired => counts.expired += 1,
            }
        }
        self.holders.set(counts);
    }

    /// OK to ignore poison: a standing is replaced as a whole, after its ledger took what it means.
    fn wallets(&self) -> MutexGuard<'_, Wallets> {
        self.wallets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use aistm7_monitoring::clock::ManualClock;
    use aistm7_monitoring::metrics::{Meter, Registry};

    use super::*;
    use crate::access::{Basis, Decision};
    use crate::store::seed;

    const REQUIRED: TokenAmount = TokenAmount::from_tokens(100);
    const LITTLE: TokenAmount = TokenAmount::from_tokens(99);

    struct Bench {
        held: ManualClock,
        registry: Registry,
        grace: Grace,
    }

    impl Bench {
        fn new() -> Self {
            let (held, registry) = (ManualClock::new(), Registry::new());
            let token = Token::new(&Meter::new(&registry), held.clock()).unwrap();
            let grace = Grace::new(&token, held.clock()).unwrap();
            held.advance(Duration::from_secs(1));
            Self { held, registry, grace }
        }

        fn judge(&self, evidence: Evidence) -> (Decision, Basis) {
            let wallet = Wallet::parse(seed::wallets()[4].0).unwrap();
            let access = self.grace.judge(&wallet, Tier::Pro, REQUIRED, evidence);
            (access.decision, access.basis)
        }

        /// Active, started, ended by expiry, expired holders.
        fn counted(&self) -> [Option<f64>; 4] {
            let page = self.registry.snapshot();
            [
                page.value("token_grace_periods_active", &[("tier", "pro")]),
                page.sum("token_grace_periods_started_total", &[("tier", "pro")]),
                page.value("token_grace_periods_ended_total", &[("tier", "pro"), ("result", "expired")]),
                page.value("token_holders", &[("tier", "pro"), ("state", "expired")]),
            ]
        }
    }

    const GRACE: (Decision, Basis) = (Decision::Grant, Basis::Grace);
    const DENIED: (Decision, Basis) = (Decision::Deny, Basis::Verified);

    #[test]
    fn who_never_held_enough_has_no_grace() {
        let bench = Bench::new();
        assert_eq!(bench.judge(Evidence::Verified(LITTLE)), DENIED);
        assert_eq!(bench.judge(Evidence::None), (Decision::Deny, Basis::FailClosed));
        assert_eq!(bench.counted()[..2], [Some(0.0); 2]);
    }

    #[test]
    fn period_runs_out_and_the_next_one_is_another() {
        let bench = Bench::new();
        for round in 1..=2 {
            assert_eq!(bench.judge(Evidence::Verified(REQUIRED)), (Decision::Grant, Basis::Verified));
            assert_eq!(bench.judge(Evidence::Verified(LITTLE)), GRACE);
            bench.held.advance(LENGTH / 2);
            assert_eq!(bench.judge(Evidence::Verified(LITTLE)), GRACE);
            assert_eq!(bench.counted()[..2], [Some(1.0), Some(f64::from(round))]);
            bench.held.advance(LENGTH / 2);
            bench.grace.expire();
            assert_eq!(bench.counted()[2..], [Some(f64::from(round)), Some(1.0)]);
            assert_eq!(bench.judge(Evidence::Verified(LITTLE)), DENIED);
        }
    }

    #[test]
    fn who_asks_after_the_end_is_denied_though_nobody_looked() {
        let bench = Bench::new();
        bench.judge(Evidence::Verified(REQUIRED));
        bench.judge(Evidence::Verified(LITTLE));
        bench.held.advance(LENGTH);
        assert_eq!(bench.judge(Evidence::Verified(LITTLE)), DENIED);
        assert_eq!(bench.counted()[..3], [Some(0.0), Some(1.0), Some(1.0)]);
    }

    #[test]
    fn our_fault_expires_nobody() {
        let bench = Bench::new();
        bench.judge(Evidence::Verified(REQUIRED));
        bench.judge(Evidence::Verified(LITTLE));
        assert_eq!(bench.judge(Evidence::None), GRACE);
        bench.held.advance(LENGTH * 3);
        bench.grace.expire();
        assert_eq!(bench.judge(Evidence::Cached(LITTLE)), GRACE);
        assert_eq!(bench.judge(Evidence::Verified(LITTLE)), GRACE, "it goes on where it stood still");
        bench.held.advance(LENGTH);
        assert_eq!(bench.judge(Evidence::Verified(LITTLE)), DENIED);
    }
}
