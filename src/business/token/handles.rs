//! The entrance to token metrics.

use std::sync::Arc;

use super::access::AccessDecisions;
use super::balance::SlotLag;
use super::grace::{GraceCounts, GracePeriods, TierGrace};
use super::holders::{HolderCounts, Holders};
use super::instruments::Instruments;
use super::labels::{Direction, GraceCause, GraceResult, HolderState, PriceRejection, Tier, TokenSymbol};
use super::price::{Outliers, PriceUpdates, SourcePrices};
use super::quotes::Quotes;
use super::requirement::{Requirement, TierRequirement};
use crate::business::counted::Counts;
use crate::business::known::Known;
use crate::business::sampled::sample;
use crate::business::{Counted, Freshness, Source, Timed};
use crate::clock::Clock;
use crate::metrics::{AskOptions, CollectFailure, Collection, CollectorError, DefinitionError, LabelValue, Meter};
use crate::work::{PerValue, counters_by_outcome, timed};

/// Gives the handles of token metrics. Cloning shares it.
///
/// Resolving a handle takes a lock, look-ups and allocations: do it once and keep the handle.
///
/// ```
/// use aistm7_monitoring::business::token::Token;
/// use aistm7_monitoring::clock::Clock;
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// let registry = Registry::new();
/// let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let verifications = token.balance_verifications();
/// verifications.execute(|| "1000000".parse::<u64>())?;
/// assert!(registry.render().contains("token_balance_verification_duration_seconds_count{outcome=\"ok\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Token(Arc<Instruments>);

impl Token {
    /// Registers the token metrics.
    ///
    /// # Errors
    /// When the registry holds another metric of one of their names.
    pub fn new(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        Ok(Self(Arc::new(Instruments::register(meter, clock)?)))
    }

    /// The price updates of a token from a source.
    pub fn price_updates(&self, token: impl Into<TokenSymbol>, source: impl Into<Source>) -> PriceUpdates {
        let token = token.into().resolve(&self.0.base.diagnostics);
        let source = source.into().resolve(&self.0.base.diagnostics);
        let labels = |outcome| [token.clone(), source.clone(), outcome];
        let rejections =
            PerValue::resolve(|rejection: PriceRejection| self.0.price_updates.series(labels(rejection.into())));
        let freshness = self.price_freshness_of(token.clone());
        let quotes = self.0.quotes.of(token.clone(), |token| {
            Quotes::new(&self.0.base, token, &self.0.price_divergence, freshness.expected_interval.clone())
        });
        PriceUpdates::new(SourcePrices {
            base: self.0.base.clone(),
            by_outcome: counters_by_outcome(&self.0.price_updates, labels),
            rejections,
            outliers: Outliers { family: self.0.price_outliers.clone(), known: Known::new() },
            freshness,
            last_update: self.0.price_source_last_update.series([token.clone(), source.clone()]),
            quotes,
            token,
            source,
        })
    }

    /// When a price of the token was last taken, from whatever source, and how often that is expected.
    pub fn price_freshness(&self, token: impl Into<TokenSymbol>) -> Freshness {
        self.price_freshness_of(token.into().resolve(&self.0.base.diagnostics))
    }

    /// What a tier requires.
    pub fn requirement(&self, tier: impl Into<Tier>) -> Requirement {
        let tier = tier.into().resolve(&self.0.base.diagnostics);
        let adjustments = |direction: Direction| {
            let labels = |outcome| [tier.clone(), direction.into(), outcome];
            let counters = counters_by_outcome(&self.0.requirement_adjustments, labels);
            Counted::new(Counts { base: self.0.base.clone(), by_outcome: counters, refreshes: None, spends: None })
        };
        Requirement(Arc::new(TierRequirement {
            base: self.0.base.clone(),
            amount: self.0.requirement_amount.series([tier.clone()]),
            freshness: Freshness {
                base: self.0.base.clone(),
                last_update: self.0.requirement_last_update.series([tier.clone()]),
                expected_interval: self.0.requirement_expected_interval.series([tier.clone()]),
            },
            adjustments: PerValue::resolve(adjustments),
        }))
    }

    /// The grace periods of a tier.
    pub fn grace_periods(&self, tier: impl Into<Tier>) -> GracePeriods {
        let tier = tier.into().resolve(&self.0.base.diagnostics);
        let started = |cause: GraceCause| self.0.grace_started.series([tier.clone(), cause.into()]);
        let ended = |result: GraceResult| self.0.grace_ended.series([tier.clone(), result.into()]);
        GracePeriods(Arc::new(TierGrace {
            base: self.0.base.clone(),
            by_state: self.0.grace_states.in_order().map(|family| family.series([tier.clone()])),
            states: self.0.grace_states.clone(),
            started: PerValue::resolve(started),
            ended: PerValue::resolve(ended),
            utilization: self.0.grace_utilization.series([tier.clone()]),
            tier,
        }))
    }

    /// Asks the store regularly for the states of all tiers' grace periods, by one replica for all: for periods that more
    /// than one process keeps. The question is asked when somebody scrapes, on the runtime that this is called in; the
    /// next scrape shows the answer. One that fails or does not come in time is counted in
    /// `monitoring_collector_runs_total`, of the collector `token-grace-periods`, and shows nothing, never 0, once what was
    /// known is too old. A state that is set by hand, or by a ledger, stays as it is.
    ///
    /// `ask` must keep neither the monitoring nor this handle: it would keep itself.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlx-0_9")]
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use sqlx_0_9 as sqlx;
    /// # use aistm7_monitoring::business::token::{GraceCounts, Tier};
    /// # let monitoring = aistm7_monitoring::Monitoring::builder("trading-api").declare::<Tier>(["pro"]).build()?;
    /// # let pool = sqlx::PgPool::connect_lazy("postgres://localhost/trading")?;
    /// use aistm7_monitoring::metrics::AskOptions;
    ///
    /// const STATES: &str = "SELECT tier, count(*), count(*) FILTER (WHERE ends_at BETWEEN now() AND now() + interval '1 day'),
    ///     count(*) FILTER (WHERE paused), count(*) FILTER (WHERE ends_at < now()) FROM grace_periods GROUP BY tier";
    ///
    /// let tiers = monitoring.names::<Tier>();
    /// monitoring.token().sample_grace_periods(AskOptions::new(), move || {
    ///     let (pool, tiers) = (pool.clone(), tiers.clone());
    ///     async move {
    ///         let rows: Vec<(String, i64, i64, i64, i64)> = sqlx::query_as(STATES).fetch_all(&pool).await?;
    ///         let counts = rows.iter().map(|(tier, active, expiring, paused, overdue)| {
    ///             let [active, expiring, paused, overdue] = [active, expiring, paused, overdue].map(|count| count.unsigned_abs());
    ///             (tiers.find(tier), GraceCounts { active, expiring, paused, overdue })
    ///         });
    ///         Ok::<_, sqlx::Error>(counts.collect())
    ///     }
    /// })?;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "sqlx-0_9"))] fn main() {}
    /// ```
    ///
    /// # Errors
    /// When there is no runtime, when they are asked for already, or when the numbers go to a recorder of the host's.
    pub fn sample_grace_periods<A, F, E>(&self, options: AskOptions, ask: A) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<Vec<(Tier, GraceCounts)>, E>>,
        E: Into<CollectFailure>,
    {
        let (states, diagnostics) = (self.0.grace_states.clone(), self.0.base.diagnostics.clone());
        let give = move |tiers: Vec<(Tier, GraceCounts)>, collection: &mut Collection| {
            for (tier, counts) in tiers {
                let tier = tier.resolve(&diagnostics);
                for (family, count) in states.in_order().into_iter().zip(counts.in_order()) {
                    family.give(collection, [tier.clone()], count);
                }
            }
        };
        sample((&self.0.meter, &self.0.base), "token-grace-periods", options, ask, give)
    }

    /// The users of a tier, by whether they hold what it requires.
    pub fn holders(&self, tier: impl Into<Tier>) -> Holders {
        let tier = tier.into().resolve(&self.0.base.diagnostics);
        let gauge = |state: HolderState| self.0.holders.series([tier.clone(), state.into()]);
        Holders(Arc::new(PerValue::resolve(gauge)))
    }

    /// Asks the store regularly for the users of all tiers; as [`Self::sample_grace_periods`], with the collector
    /// `token-holders`.
    ///
    /// # Errors
    /// As [`Self::sample_grace_periods`].
    pub fn sample_holders<A, F, E>(&self, options: AskOptions, ask: A) -> Result<(), CollectorError>
    where
        A: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<Vec<(Tier, HolderCounts)>, E>>,
        E: Into<CollectFailure>,
    {
        let (holders, diagnostics) = (self.0.holders.clone(), self.0.base.diagnostics.clone());
        let give = move |tiers: Vec<(Tier, HolderCounts)>, collection: &mut Collection| {
            for (tier, counts) in tiers {
                let tier = tier.resolve(&diagnostics);
                for state in HolderState::ALL {
                    holders.give(collection, [tier.clone(), (*state).into()], counts.of(*state));
                }
            }
        };
        sample((&self.0.meter, &self.0.base), "token-holders", options, ask, give)
    }

    /// Verifications of balances on the chain: how long they take, by outcome.
    pub fn balance_verifications(&self) -> Timed {
        timed(&self.0.base, &self.0.balance_verification, |outcome| [outcome])
    }

    /// How many slots behind the chain verified balances are.
    pub fn balance_slot_lag(&self) -> SlotLag {
        SlotLag(self.0.balance_slot_lag.series([]))
    }

    /// Decisions on access.
    pub fn access_decisions(&self) -> AccessDecisions {
        AccessDecisions::new(&self.0.base, &self.0.access_decisions)
    }

    fn price_freshness_of(&self, token: LabelValue) -> Freshness {
        Freshness {
            base: self.0.base.clone(),
            last_update: self.0.price_last_update.series([token.clone()]),
            expected_interval: self.0.price_expected_interval.series([token]),
        }
    }
}
