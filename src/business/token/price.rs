//! Updates of a token's price.

use std::sync::Arc;
use std::time::Duration;

use super::labels::{OutlierRule, PriceRejection};
use super::quotes::{PriceUnits, Quotes};
use crate::business::known::Known;
use crate::business::{Freshness, Outcome, Timed, Timer};
use crate::diagnostics::Problem;
use crate::metrics::{Counter, Family, Gauge, LabelValue};
use crate::work::{Base, PerValue, Record};

/// The price updates of one token from one source. Cloning shares it; counting allocates nothing.
///
/// A success sets the time at which the token's price was last updated, whatever its source, and that of the source.
///
/// ```
/// use aistm7_monitoring::business::token::PriceRejection;
/// # use aistm7_monitoring::{business::token::Token, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let token = Token::new(&Meter::new(&registry), Clock::system())?;
/// let prices = token.price_updates("SOL", "pyth");
/// prices.ok();
/// prices.rejected(PriceRejection::Outlier);
/// let series = "token_price_updates_total{outcome=\"outlier\",source=\"pyth\",token=\"SOL\"} 1\n";
/// assert!(registry.render().contains(series));
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PriceUpdates {
    attempts: Timed,
    prices: Arc<SourcePrices>,
}

/// The prices of one token from one source.
#[derive(Debug)]
pub(super) struct SourcePrices {
    pub(super) base: Base,
    pub(super) token: LabelValue,
    pub(super) source: LabelValue,
    pub(super) by_outcome: PerValue<Outcome, Counter>,
    /// Of the token.
    pub(super) freshness: Freshness,
    /// Of the source.
    pub(super) last_update: Gauge,
    pub(super) rejections: PerValue<PriceRejection, Counter>,
    pub(super) outliers: Outliers,
    pub(super) quotes: Arc<Quotes>,
}

/// Counters by the rule that a price broke.
#[derive(Debug)]
pub(super) struct Outliers {
    pub(super) family: Family<Counter, 3>,
    pub(super) known: Known<OutlierRule>,
}

impl PriceUpdates {
    pub(super) fn new(prices: SourcePrices) -> Self {
        let prices = Arc::new(prices);
        Self { attempts: Timed::new(Arc::<SourcePrices>::clone(&prices)), prices }
    }

    /// A price came and was taken.
    pub fn ok(&self) {
        self.record(Outcome::Ok);
    }

    /// This price came and was taken: as [`ok`](Self::ok), and it is compared with those of the token's other sources.
    ///
    /// `token_price_divergence_ratio` is (highest − lowest) / lowest over the prices that are not older than three
    /// expected intervals, or a minute if none is set; absent with fewer than two. It is computed when it is read, which a
    /// recorder of the host's never does. A price of 0 is refused and counted as `sample_rejected`.
    pub fn priced(&self, price: PriceUnits) {
        if price == PriceUnits::new(0) {
            return self.prices.base.reject("a price is 0");
        }
        self.ok();
        self.prices.quotes.quoted(&self.prices.source, price);
    }

    /// No price came.
    pub fn failed(&self) {
        self.record(Outcome::Failed);
    }

    /// A price came and was not taken.
    pub fn rejected(&self, rejection: PriceRejection) {
        self.prices.rejections.of(rejection).increment();
    }

    /// A price came and was not taken, since it is too far from what this rule allows: an
    /// [`Outlier`](PriceRejection::Outlier), also counted by its rule in `token_price_outliers_total`.
    pub fn outlier(&self, rule: impl Into<OutlierRule>) {
        self.rejected(PriceRejection::Outlier);
        self.prices.outliers_by(rule.into()).increment();
    }

    /// Counts an update that ended in this way.
    pub fn record(&self, outcome: Outcome) {
        self.prices.ended(outcome);
    }

    /// Starts an update whose end the caller tells; it counts also when it is left early, see [`Timer`].
    pub fn start(&self) -> Timer {
        self.attempts.start()
    }

    /// Does `work` and returns its result unchanged. A panic in it goes on, counted as `panicked`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn execute<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.attempts.execute(work)
    }

    /// Drives `work` and returns its result unchanged. The work starts when the future is first polled.
    ///
    /// # Errors
    /// Those of `work`.
    ///
    /// # Cancellation
    /// Dropping the future drops `work`; once started it counts as `cancelled`.
    pub fn execute_async<T, E, F>(&self, work: F) -> impl Future<Output = Result<T, E>> + use<T, E, F>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.attempts.execute_async(work)
    }
}

impl SourcePrices {
    fn ended(&self, outcome: Outcome) {
        self.by_outcome.of(outcome).increment();
        if outcome == Outcome::Ok {
            self.freshness.updated();
            self.base.set_to_now(&self.last_update);
        }
    }

    fn outliers_by(&self, rule: OutlierRule) -> Counter {
        if let Some(counter) = self.outliers.known.find(rule) {
            return counter;
        }
        // No lock is held from here on: the hook of the diagnostics is the user's code.
        let series = |rule| self.outliers.family.series([self.token.clone(), self.source.clone(), rule]);
        if !self.outliers.known.has_room() {
            self.base.diagnostics.report(Problem::UnknownLabelValue, "there are too many rules of outliers");
            return series(LabelValue::OTHER.into());
        }
        let counter = series(rule.resolve(&self.base.diagnostics));
        self.outliers.known.keep(rule, &counter);
        counter
    }
}

/// How long an update took is not kept.
impl Record for SourcePrices {
    fn base(&self) -> &Base {
        &self.base
    }

    fn record(&self, _: Duration, outcome: Outcome) {
        self.ended(outcome);
    }
}
