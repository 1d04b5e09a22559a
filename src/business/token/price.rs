//! Updates of a token's price.

use std::sync::Arc;

use super::labels::PriceRejection;
use crate::business::{Counted, Outcome, Timer};
use crate::metrics::Counter;
use crate::work::PerValue;

/// The price updates of one token from one source. Cloning shares it; counting allocates nothing.
///
/// A success sets the time at which the token's price was last updated, whatever its source.
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
    pub(super) attempts: Counted,
    pub(super) rejections: Arc<PerValue<PriceRejection, Counter>>,
}

impl PriceUpdates {
    /// A price came and was taken.
    pub fn ok(&self) {
        self.attempts.ok();
    }

    /// No price came.
    pub fn failed(&self) {
        self.attempts.failed();
    }

    /// A price came and was not taken.
    pub fn rejected(&self, rejection: PriceRejection) {
        self.rejections.of(rejection).increment();
    }

    /// Counts an update that ended in this way.
    pub fn record(&self, outcome: Outcome) {
        self.attempts.record(outcome);
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
