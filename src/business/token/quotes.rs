//! The prices of one token by source, and how far they are apart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::{Family, Gauge, LabelValue};
use crate::work::Base;

/// A price as an integer: of the smallest unit of what it is in, which is the same for all sources of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PriceUnits(u64);

impl PriceUnits {
    /// A price of so many smallest units.
    pub const fn new(units: u64) -> Self {
        Self(units)
    }
}

/// A price that is older than so many expected intervals is not compared any more.
const FRESH_INTERVALS: f64 = 3.0;

/// As long is a price compared while nobody said how often one is expected. Chosen: as a price is old for anybody then.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The latest price of each source of one token.
#[derive(Debug)]
pub(super) struct Quotes {
    base: Base,
    token: LabelValue,
    divergence: Family<Gauge, 1>,
    expected_interval: Gauge,
    latest: Mutex<BTreeMap<LabelValue, Quote>>,
    shown: OnceLock<()>,
}

#[derive(Clone, Copy, Debug)]
struct Quote {
    price: PriceUnits,
    at: Instant,
}

impl Quotes {
    pub(super) fn new(base: &Base, token: &LabelValue, divergence: &Family<Gauge, 1>, expected: Gauge) -> Arc<Self> {
        Arc::new(Self {
            base: base.clone(),
            token: token.clone(),
            divergence: divergence.clone(),
            expected_interval: expected,
            latest: Mutex::default(),
            shown: OnceLock::new(),
        })
    }

    /// A source gave a price, which was taken.
    pub(super) fn quoted(self: &Arc<Self>, source: &LabelValue, price: PriceUnits) {
        let quote = Quote { price, at: self.base.clock.now() };
        {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            match latest.get_mut(source) {
                Some(present) => *present = quote,
                None => drop(latest.insert(source.clone(), quote)),
            }
        }
        // Not before there is a price: what is never asked for is not registered either.
        self.shown.get_or_init(|| {
            let quotes = Arc::clone(self);
            self.divergence.observe([self.token.clone()], move || quotes.divergence());
        });
    }

    /// (highest − lowest) / lowest over the fresh prices; `None` with fewer than two.
    fn divergence(&self) -> Option<f64> {
        let (now, fresh_for) = (self.base.clock.now(), self.fresh_for());
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |quote: &&Quote| now.saturating_duration_since(quote.at) <= fresh_for;
        let prices = || latest.values().filter(is_fresh).map(|quote| quote.price.0);
        let (lowest, highest) = (prices().min()?, prices().max()?);
        // The casts round to 53 bits, as a gauge does; the difference is exact.
        (prices().count() > 1).then(|| (highest - lowest) as f64 / lowest as f64)
    }

    fn fresh_for(&self) -> Duration {
        let interval = self.expected_interval.get().map(|seconds| seconds * FRESH_INTERVALS);
        interval.map_or(FRESH_FOR, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}
