//! How old the answer of a chain's node is.

use crate::metrics::Histogram;

/// How many slots behind the chain the answers are that balances are verified with. Cloning shares it; recording is one
/// atomic add and allocates nothing.
///
/// ```
/// # use aistm7_monitoring::{business::token::Token, clock::Clock, metrics::{Meter, Registry}};
/// use aistm7_monitoring::business::token::Slot;
/// # let registry = Registry::new();
/// # let token = Token::new(&Meter::new(&registry), Clock::system())?;
///
/// let lag = token.balance_slot_lag();
/// lag.record(Slot::new(350_000_000), Slot::new(350_000_002)); // as of, and where the chain is
/// # registry.snapshot().assert_samples("token_balance_slot_lag", &[], 1);
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SlotLag(pub(super) Histogram);

/// A slot of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u64);

impl Slot {
    /// The slot of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

impl SlotLag {
    /// A balance is as of one slot, and the chain was seen at another. An answer that is ahead of what was seen is 0
    /// behind.
    pub fn record(&self, answered: Slot, seen: Slot) {
        // The cast is exact up to 2^53 slots.
        self.0.record(seen.0.saturating_sub(answered.0) as f64);
    }
}
