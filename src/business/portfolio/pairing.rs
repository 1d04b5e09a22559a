//! Which two values may be compared, and what comes of it.

use std::time::{Duration, SystemTime};

use super::checks::{DataCheck, DataChecks};
use super::labels::Reference;
use crate::business::{BusinessDate, Money, MoneyError};

/// What a value is as of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// A moment, as of live data.
    Moment(SystemTime),
    /// The end of a business date, as of statements.
    Date(BusinessDate),
}

/// Whether interest and dividends that are earned and not yet paid are in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accruals {
    /// They are in it.
    Included,
    /// They are not.
    Excluded,
}

/// One value of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valued {
    /// How much it is.
    pub value: Money,
    /// What it is as of.
    pub as_of: AsOf,
    /// What it is made of.
    pub accruals: Accruals,
}

/// How far values may be apart and still agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// In hundredths of a percent of the gross exposure.
    pub basis_points: u32,
    /// The least exposure that a deviation is measured by, so that cents of an empty account are no mismatch.
    pub floor: Money,
}

/// How far two moments of live data may be apart.
pub const LIVE_PAIR_WITHIN: Duration = Duration::from_secs(60);

/// Why two values are no pair. Nothing is counted then but the refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// There is none of the two.
    #[error("there is neither a value nor a reference: a comparison needs one of them")]
    Nothing,
    /// The currencies of values, exposure and floor differ.
    #[error("the values cannot be compared")]
    Money(#[from] MoneyError),
    /// One has accruals and the other has none.
    #[error("one value includes accruals and the other does not: take both of one convention")]
    Accruals,
    /// A live value has no moment, or a statement no date.
    #[error("live values and prices are as of a moment, and statements of a business date")]
    AsOf,
    /// Neither the exposure nor the floor is more than nothing.
    #[error("neither the gross exposure nor the floor is positive: nothing measures the deviation")]
    NoExposure,
}

/// Comparisons of values by one tolerance. Cloning shares it; recording allocates nothing.
///
/// A deviation is |ours − reference| / max(gross exposure, floor). A pair counts only if the values are of one currency
/// and one convention of accruals, and of one time: moments at most [`LIVE_PAIR_WITHIN`] apart, or one business date for
/// a statement; of another time it is a stale pair.
///
/// ```
/// use aistm7_monitoring::business::portfolio::{Accruals, AsOf, DataCheck, Reference, Tolerance, Valued};
/// use aistm7_monitoring::business::{BusinessDate, Currency, Money};
/// # use aistm7_monitoring::{business::portfolio::Portfolio, clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system())?;
///
/// let dollars = |dollars: i64| Money::new(dollars * 100, Currency::Usd);
/// let tolerance = Tolerance { basis_points: 25, floor: dollars(1_000) };
/// let statements = portfolio.data_checks("ibkr", Reference::BrokerStatement).within(tolerance);
///
/// let as_of = AsOf::Date(BusinessDate::from_epoch_days(20_110));
/// let valued = |value| Valued { value, as_of, accruals: Accruals::Included };
/// let check = statements.compare(Some(valued(dollars(99_990))), Some(valued(dollars(100_000))), dollars(100_000))?;
/// assert_eq!(check, DataCheck::Match { deviation: 0.0001 });
/// assert_eq!(statements.compare(None, Some(valued(dollars(7))), dollars(0))?, DataCheck::MissingOurs);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Comparisons {
    checks: DataChecks,
    tolerance: Tolerance,
}

impl DataChecks {
    /// The same, for values that are compared here.
    pub fn within(&self, tolerance: Tolerance) -> Comparisons {
        Comparisons { checks: self.clone(), tolerance }
    }
}

impl Comparisons {
    /// Compares two values of a portfolio with this gross exposure, counts what comes of it, and gives it back.
    ///
    /// # Errors
    /// When the two are no pair; counted as `sample_rejected`.
    pub fn compare(
        &self,
        ours: Option<Valued>,
        reference: Option<Valued>,
        gross_exposure: Money,
    ) -> Result<DataCheck, PairError> {
        let check = self.judge(ours, reference, gross_exposure);
        match check {
            Ok(check) => self.checks.record(check),
            Err(_) => self.checks.0.base.reject("two values are no pair that can be compared"),
        }
        check
    }

    fn judge(
        &self,
        ours: Option<Valued>,
        reference: Option<Valued>,
        gross_exposure: Money,
    ) -> Result<DataCheck, PairError> {
        let (ours, reference) = match (ours, reference) {
            (None, None) => return Err(PairError::Nothing),
            (None, Some(_)) => return Ok(DataCheck::MissingOurs),
            (Some(_), None) => return Ok(DataCheck::MissingReference),
            (Some(ours), Some(reference)) => (ours, reference),
        };
        if ours.accruals != reference.accruals {
            return Err(PairError::Accruals);
        }
        let apart = amount(ours.value, reference.value)?;
        let exposure = amount(gross_exposure, Money::new(0, ours.value.currency()))?;
        let measure = exposure.max(amount(self.tolerance.floor, Money::new(0, ours.value.currency()))?);
        if measure == 0 {
            return Err(PairError::NoExposure);
        }
        if !is_of_one_time(self.checks.0.reference, ours.as_of, reference.as_of)? {
            return Ok(DataCheck::StalePair);
        }
        // The casts round to 53 bits, as a histogram does; whether it is a match is decided by integers, which fit: an
        // amount has 65 bits and a factor 32.
        let deviation = apart as f64 / measure as f64;
        let is_match = apart * 10_000 <= measure * u128::from(self.tolerance.basis_points);
        Ok(if is_match { DataCheck::Match { deviation } } else { DataCheck::Mismatch { deviation } })
    }
}

/// How far two amounts are apart, in smallest units.
fn amount(one: Money, other: Money) -> Result<u128, MoneyError> {
    if one.currency() != other.currency() {
        return Err(MoneyError::TwoCurrencies(one.currency(), other.currency()));
    }
    Ok(i128::from(one.minor()).abs_diff(i128::from(other.minor())))
}

fn is_of_one_time(reference: Reference, ours: AsOf, theirs: AsOf) -> Result<bool, PairError> {
    match (reference, ours, theirs) {
        (Reference::BrokerStatement, AsOf::Date(ours), AsOf::Date(theirs)) => Ok(ours == theirs),
        (Reference::BrokerLive | Reference::PriceSource, AsOf::Moment(ours), AsOf::Moment(theirs)) => {
            let apart = ours.duration_since(theirs).unwrap_or_else(|earlier| earlier.duration());
            Ok(apart <= LIVE_PAIR_WITHIN)
        }
        _ => Err(PairError::AsOf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::business::Currency;
    use crate::business::portfolio::Portfolio;
    use crate::clock::{Clock, ManualClock};
    use crate::diagnostics::{Diagnostics, Problem};
    use crate::metrics::{Meter, Registry, RegistryOptions};

    const FLOOR: Money = Money::new(100_000, Currency::Usd);

    struct Bench {
        registry: Registry,
        diagnostics: Diagnostics,
        comparisons: Comparisons,
    }

    fn bench(reference: Reference) -> Bench {
        let diagnostics = Diagnostics::new();
        let registry = Registry::with(RegistryOptions::new().diagnostics(diagnostics.clone()));
        let portfolio = Portfolio::new(&Meter::new(&registry), Clock::system()).unwrap();
        let tolerance = Tolerance { basis_points: 25, floor: FLOOR };
        let comparisons = portfolio.data_checks("ibkr", reference).within(tolerance);
        Bench { registry, diagnostics, comparisons }
    }

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::Usd)
    }

    fn at(seconds: u64) -> AsOf {
        AsOf::Moment(ManualClock::new().clock().wall() + Duration::from_secs(seconds))
    }

    fn valued(value: Money, as_of: AsOf) -> Option<Valued> {
        Some(Valued { value, as_of, accruals: Accruals::Included })
    }

    #[test]
    fn tolerance_is_exact_to_the_last_cent() {
        let bench = bench(Reference::BrokerLive);
        let compare = |ours| {
            bench
                .comparisons
                .compare(valued(usd(ours), at(0)), valued(usd(10_000_000), at(0)), usd(-40_000_000))
                .unwrap()
        };
        // 25 basis points of a gross exposure of 400,000.00, whichever sign it has.
        assert_eq!(compare(10_100_000), DataCheck::Match { deviation: 0.0025 });
        assert!(matches!(compare(10_100_001), DataCheck::Mismatch { .. }));
        assert!(matches!(compare(9_899_999), DataCheck::Mismatch { .. }));
        bench.registry.snapshot().assert_sum("portfolio_data_checks_total", &[("result", "mismatch")], 2);
        bench.registry.snapshot().assert_samples("portfolio_data_deviation_ratio", &[], 3);
    }

    #[test]
    fn cents_of_an_empty_account_are_measured_by_the_floor() {
        let bench = bench(Reference::BrokerLive);
        let check = bench.comparisons.compare(valued(usd(100), at(0)), valued(usd(0), at(0)), usd(0));
        assert_eq!(check, Ok(DataCheck::Match { deviation: 0.001 }));
        let extremes = bench.comparisons.compare(valued(usd(i64::MAX), at(0)), valued(usd(i64::MIN), at(0)), usd(1));
        assert!(matches!(extremes, Ok(DataCheck::Mismatch { .. })));
    }

    #[test]
    fn pair_is_of_one_time() {
        for reference in [Reference::BrokerLive, Reference::PriceSource] {
            let bench = bench(reference);
            let compare = |ours, theirs| {
                bench.comparisons.compare(valued(usd(1), at(ours)), valued(usd(1), at(theirs)), usd(0)).unwrap()
            };
            assert_eq!(compare(0, 60), DataCheck::Match { deviation: 0.0 });
            assert_eq!(compare(60, 0), DataCheck::Match { deviation: 0.0 });
            assert_eq!(compare(0, 61), DataCheck::StalePair);
            assert_eq!(compare(61, 0), DataCheck::StalePair);
        }
        let bench = bench(Reference::BrokerStatement);
        let date = |days| AsOf::Date(BusinessDate::from_epoch_days(days));
        let compare = |ours, theirs| bench.comparisons.compare(valued(usd(1), ours), valued(usd(1), theirs), usd(0));
        assert_eq!(compare(date(1), date(1)), Ok(DataCheck::Match { deviation: 0.0 }));
        assert_eq!(compare(date(1), date(2)), Ok(DataCheck::StalePair));
        assert_eq!(compare(at(0), at(0)), Err(PairError::AsOf));
    }

    #[test]
    fn what_is_no_pair_is_counted_as_refused_and_as_nothing_else() {
        let bench = bench(Reference::BrokerLive);
        let compare = |ours, theirs, exposure| bench.comparisons.compare(ours, theirs, exposure).unwrap_err();
        let eur = |minor| Money::new(minor, Currency::Eur);
        let differ = PairError::Money(MoneyError::TwoCurrencies(Currency::Usd, Currency::Eur));
        assert_eq!(compare(None, None, usd(0)), PairError::Nothing);
        assert_eq!(compare(valued(usd(1), at(0)), valued(eur(1), at(0)), usd(0)), differ);
        assert!(matches!(compare(valued(usd(1), at(0)), valued(usd(1), at(0)), eur(1)), PairError::Money(_)));
        let without = Some(Valued { value: usd(1), as_of: at(0), accruals: Accruals::Excluded });
        assert_eq!(compare(valued(usd(1), at(0)), without, usd(0)), PairError::Accruals);
        let free = bench.comparisons.checks.within(Tolerance { basis_points: 25, floor: usd(0) });
        let refused = free.compare(valued(usd(1), at(0)), valued(usd(1), at(0)), usd(0)).unwrap_err();
        assert_eq!(refused, PairError::NoExposure);
        assert_eq!(bench.diagnostics.total(Problem::SampleRejected), 5);
        bench.registry.snapshot().assert_sum("portfolio_data_checks_total", &[], 0);
    }
}
