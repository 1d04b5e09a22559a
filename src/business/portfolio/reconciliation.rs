//! Differences from a reference that stay open: how many, since when, how much.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::instruments::Books;
use super::labels::{Component, Reference, Sum};
use crate::business::money::minor_to_f64;
use crate::business::{Currency, Money, MoneyError};
use crate::metrics::{Collection, LabelValue};

/// One difference that nobody has resolved yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// Where it lies.
    pub component: Component,
    /// Since when it is open.
    pub since: SystemTime,
    /// Ours less the reference's.
    pub difference: Money,
}

/// The state of the books against one reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Every break that is open.
    pub breaks: Vec<Break>,
    /// How much was compared at all, if that is known.
    pub coverage: Option<Coverage>,
}

/// How much of the net asset value a reference was there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    compared: Money,
    all: Money,
}

/// Why a coverage is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoverageError {
    /// The two amounts are of two currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// It is no share.
    #[error("{compared} of {all} is no share: what is compared is a part of what there is, and there is something")]
    NoShare {
        /// What was compared.
        compared: Money,
        /// What there is.
        all: Money,
    },
}

impl Coverage {
    /// So much was compared of so much, both as sums over portfolios of their absolute values.
    ///
    /// # Errors
    /// When the currencies differ, or it is no fraction from 0 to 1.
    pub fn new(compared: Money, all: Money) -> Result<Self, CoverageError> {
        all.minus(compared)?;
        if compared.minor() < 0 || compared.minor() > all.minor() || all.minor() == 0 {
            return Err(CoverageError::NoShare { compared, all });
        }
        Ok(Self { compared, all })
    }

    fn ratio(self) -> f64 {
        // The casts round to 53 bits, as a gauge does.
        self.compared.minor() as f64 / self.all.minor() as f64
    }
}

impl Reconciled {
    /// Gives what is known: each component's number, also 0; times and amounts only of what is open.
    pub(super) fn give(&self, to: &Books, reference: Reference, collection: &mut Collection) {
        let label = || LabelValue::from(reference);
        for component in Component::ALL {
            let open = self.breaks.iter().filter(|open| open.component == *component).count();
            // The cast is lossless: `usize` has at most 64 bits.
            to.open_breaks.give(collection, [label(), (*component).into()], open as u64);
        }
        if let Some(oldest) = self.breaks.iter().map(|open| open.since).min() {
            match oldest.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => {
                    collection.set(&to.oldest_break, [label()], since.as_secs_f64());
                    collection.set(&to.oldest_break_due, [label()], a_business_day_after(since).as_secs_f64());
                }
                Err(_) => to.base.reject("a break is open since before 1970"),
            }
        }
        for (currency, [gross, net]) in self.sums() {
            for (sum, minor) in [(Sum::Gross, gross), (Sum::Net, net)] {
                let labels = [label(), LabelValue::from(Currency::ALL[currency]), sum.into()];
                collection.set(&to.unreconciled, labels, minor_to_f64(minor, Currency::ALL[currency]));
            }
        }
        if let Some(coverage) = self.coverage {
            collection.set(&to.nav_coverage, [label()], coverage.ratio());
        }
    }

    /// Gross and net amounts in smallest units, by the place of the currency. They fit: 2^63 amounts of 2^63 would.
    fn sums(&self) -> BTreeMap<usize, [i128; 2]> {
        let mut sums: BTreeMap<usize, [i128; 2]> = BTreeMap::new();
        for open in &self.breaks {
            let minor = i128::from(open.difference.minor());
            let [gross, net] = sums.entry(open.difference.currency() as usize).or_default();
            *gross += minor.abs();
            *net += minor;
        }
        sums
    }
}

/// 24 hours after a Unix time, without those of Saturdays and Sundays in UTC.
fn a_business_day_after(since: Duration) -> Duration {
    let into_saturday = into_week(since).saturating_sub(WORKING_WEEK);
    let begins = if into_saturday.is_zero() { since } else { since + (WEEKEND - into_saturday) };
    let ends = begins + DAY;
    // What is left on a Friday is counted on, on Monday.
    if into_week(ends) > WORKING_WEEK { ends + WEEKEND } else { ends }
}

/// Since the last Monday began.
fn into_week(time: Duration) -> Duration {
    // 1970-01-01 was a Thursday, three days into its week.
    let seconds = (time.as_secs() + 3 * DAY.as_secs()) % (WORKING_WEEK + WEEKEND).as_secs();
    Duration::new(seconds, time.subsec_nanos())
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WORKING_WEEK: Duration = Duration::from_secs(5 * DAY.as_secs());
const WEEKEND: Duration = Duration::from_secs(2 * DAY.as_secs());

#[cfg(test)]
mod tests {
    use super::*;

    const fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::Usd)
    }

    #[test]
    fn coverage_is_a_share_of_something() {
        assert_eq!(Coverage::new(usd(75), usd(100)).unwrap().ratio(), 0.75);
        assert_eq!(Coverage::new(usd(0), usd(100)).unwrap().ratio(), 0.0);
        for (compared, all) in [(101, 100), (-1, 100), (0, 0), (-2, -1)] {
            let (compared, all) = (usd(compared), usd(all));
            assert_eq!(Coverage::new(compared, all), Err(CoverageError::NoShare { compared, all }));
        }
        let refused = Coverage::new(usd(1), Money::new(1, Currency::Eur)).unwrap_err();
        assert!(matches!(refused, CoverageError::Money(_)), "{refused}");
    }

    #[test]
    fn bias_shows_in_the_net_sum_and_size_in_the_gross() {
        let of = |minor, currency| Break {
            component: Component::Cash,
            since: SystemTime::UNIX_EPOCH,
            difference: Money::new(minor, currency),
        };
        let breaks =
            vec![of(500, Currency::Usd), of(-300, Currency::Usd), of(7, Currency::Jpy), of(i64::MIN, Currency::Eur)];
        let sums = Reconciled { breaks, coverage: None }.sums();
        let shown = |currency: Currency| sums[&(currency as usize)];
        assert_eq!(shown(Currency::Usd), [800, 200]);
        assert_eq!(shown(Currency::Jpy), [7, 7]);
        assert_eq!(shown(Currency::Eur), [i128::from(i64::MIN).abs(), i64::MIN.into()]);
    }

    #[test]
    fn business_day_leaves_saturday_and_sunday_out() {
        // 1970-01-05 is a Monday.
        let after_monday = |days: u64, hours: u64| Duration::from_secs((4 + days) * 86_400 + hours * 3_600);
        for (since, due) in [
            (after_monday(0, 0), after_monday(1, 0)),
            (after_monday(3, 18), after_monday(4, 18)),
            (after_monday(4, 18), after_monday(7, 18)),
            (after_monday(5, 0), after_monday(8, 0)),
            (after_monday(6, 23), after_monday(8, 0)),
            (after_monday(7, 0), after_monday(8, 0)),
        ] {
            assert_eq!(a_business_day_after(since), due, "{since:?}");
        }
    }
}
