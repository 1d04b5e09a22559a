//! Amounts of money, exact: integers of the smallest unit of a known currency. Floats begin at the gauge.

use std::fmt;
use std::str::FromStr;

use crate::error::InvalidValue;
use crate::work::closed_label;

closed_label! {
    /// A currency, by its code: the `currency` label. Those that brokers keep accounts in.
    pub enum Currency {
        /// Emirati dirham.
        Aed = "AED",
        /// Australian dollar.
        Aud = "AUD",
        /// Brazilian real.
        Brl = "BRL",
        /// Canadian dollar.
        Cad = "CAD",
        /// Swiss franc.
        Chf = "CHF",
        /// Chinese yuan, traded outside of China.
        Cnh = "CNH",
        /// Chinese yuan.
        Cny = "CNY",
        /// Czech koruna.
        Czk = "CZK",
        /// Danish krone.
        Dkk = "DKK",
        /// Euro.
        Eur = "EUR",
        /// Pound sterling.
        Gbp = "GBP",
        /// Hong Kong dollar.
        Hkd = "HKD",
        /// Hungarian forint.
        Huf = "HUF",
        /// Israeli shekel.
        Ils = "ILS",
        /// Indian rupee.
        Inr = "INR",
        /// Japanese yen.
        Jpy = "JPY",
        /// South Korean won.
        Krw = "KRW",
        /// Mexican peso.
        Mxn = "MXN",
        /// Norwegian krone.
        Nok = "NOK",
        /// New Zealand dollar.
        Nzd = "NZD",
        /// Polish zloty.
        Pln = "PLN",
        /// Saudi riyal.
        Sar = "SAR",
        /// Swedish krona.
        Sek = "SEK",
        /// Singapore dollar.
        Sgd = "SGD",
        /// Turkish lira.
        Try = "TRY",
        /// New Taiwan dollar.
        Twd = "TWD",
        /// United States dollar.
        Usd = "USD",
        /// South African rand.
        Zar = "ZAR",
    }
}

impl Currency {
    /// Decimal places of the smallest unit, by ISO 4217: two, or none for yen and won.
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Jpy | Self::Krw => 0,
            _ => 2,
        }
    }

    /// Smallest units in one unit.
    const fn scale(self) -> u64 {
        10_u64.pow(self.decimals())
    }
}

/// From its code, such as `USD`.
impl FromStr for Currency {
    type Err = InvalidValue;

    fn from_str(code: &str) -> Result<Self, InvalidValue> {
        let known = Self::ALL.iter().copied().find(|currency| currency.as_str() == code);
        known.ok_or_else(|| InvalidValue::new("currency", code, "the ISO 4217 code of one of `Currency::ALL`"))
    }
}

/// An amount of one currency, in its smallest unit.
///
/// ```
/// use aistm7_monitoring::business::{Currency, Money};
///
/// let cash = Money::new(1_050, Currency::Usd);
/// let fee = Money::new(-25, Currency::Usd);
/// assert_eq!(cash.plus(fee)?.to_string(), "10.25 USD");
/// assert!(cash.plus(Money::new(1, Currency::Jpy)).is_err());
/// # Ok::<(), aistm7_monitoring::business::MoneyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why amounts cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// They are of two currencies.
    #[error("{} and {} are two currencies: convert one of the amounts first", .0.as_str(), .1.as_str())]
    TwoCurrencies(Currency, Currency),
    /// The result has no room.
    #[error("the amount is beyond what 64 bits of smallest units hold")]
    OutOfRange,
    /// The amount has fractions of the smallest unit.
    #[error("the amount has more decimal places than {} has: round it first", .0.as_str())]
    TooPrecise(Currency),
}

impl Money {
    /// An amount in the smallest unit, such as cents.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// An amount of `mantissa` / 10^`places` units, as decimal types have it: of `rust_decimal`'s, `mantissa()` and
    /// `scale()`.
    ///
    /// ```
    /// use aistm7_monitoring::business::{Currency, Money};
    ///
    /// let cash = Money::from_decimal_parts(10_250, 3, Currency::Usd)?; // 10.250
    /// assert_eq!(cash, Money::new(1_025, Currency::Usd));
    /// # Ok::<(), aistm7_monitoring::business::MoneyError>(())
    /// ```
    ///
    /// # Errors
    /// When it has fractions of the smallest unit, or no room.
    pub fn from_decimal_parts(mantissa: i128, places: u32, currency: Currency) -> Result<Self, MoneyError> {
        let minor = if let Some(missing) = currency.decimals().checked_sub(places) {
            mantissa.checked_mul(10_i128.pow(missing)).ok_or(MoneyError::OutOfRange)?
        } else {
            // A divisor that has no room is greater than any mantissa, of which only nothing is left then.
            let divisor = 10_i128.checked_pow(places - currency.decimals()).unwrap_or(i128::MAX);
            if mantissa % divisor != 0 {
                return Err(MoneyError::TooPrecise(currency));
            }
            mantissa / divisor
        };
        let minor = i64::try_from(minor).map_err(|_| MoneyError::OutOfRange)?;
        Ok(Self { minor, currency })
    }

    /// The amount in the smallest unit.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    ///
    /// # Errors
    /// When the currencies differ, or the sum has no room.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.combined(other, i64::checked_add)
    }

    /// The difference.
    ///
    /// # Errors
    /// When the currencies differ, or the difference has no room.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.combined(other, i64::checked_sub)
    }

    /// In units of the currency, for a gauge. Exact to 15 digits.
    pub fn to_f64(self) -> f64 {
        minor_to_f64(self.minor.into(), self.currency)
    }

    fn combined(self, other: Self, combine: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::TwoCurrencies(self.currency, other.currency));
        }
        let minor = combine(self.minor, other.minor).ok_or(MoneyError::OutOfRange)?;
        Ok(Self { minor, currency: self.currency })
    }
}

/// Smallest units as units of the currency, for a gauge.
pub(super) fn minor_to_f64(minor: i128, currency: Currency) -> f64 {
    // The casts round to 53 bits, as a gauge does.
    minor as f64 / currency.scale() as f64
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let (amount, scale) = (self.minor.unsigned_abs(), self.currency.scale());
        match self.currency.decimals() {
            0 => write!(f, "{sign}{amount}")?,
            // OK because a remainder by 10^n has at most n digits, and n is small.
            places => write!(f, "{sign}{}.{:0places$}", amount / scale, amount % scale, places = places as usize)?,
        }
        write!(f, " {}", self.currency.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_places_of_their_currency() {
        for (minor, currency, text) in [
            (0, Currency::Usd, "0.00 USD"),
            (-5, Currency::Eur, "-0.05 EUR"),
            (123_456, Currency::Gbp, "1234.56 GBP"),
            (-1_234, Currency::Jpy, "-1234 JPY"),
            (i64::MIN, Currency::Usd, "-92233720368547758.08 USD"),
        ] {
            assert_eq!(Money::new(minor, currency).to_string(), text);
        }
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let cent = Money::new(1, Currency::Usd);
        let dimes =
            (0..10).fold(Money::new(0, Currency::Usd), |sum, _| sum.plus(Money::new(10, Currency::Usd)).unwrap());
        assert_eq!(dimes.to_f64(), 1.0, "ten times 0.1");
        assert_eq!(cent.minus(cent), Ok(Money::new(0, Currency::Usd)));
        assert_eq!(
            cent.plus(Money::new(1, Currency::Krw)),
            Err(MoneyError::TwoCurrencies(Currency::Usd, Currency::Krw))
        );
        assert_eq!(cent.plus(Money::new(i64::MAX, Currency::Usd)), Err(MoneyError::OutOfRange));
    }

    #[test]
    fn currencies_are_known_by_their_codes_only() {
        for currency in Currency::ALL {
            assert_eq!(currency.as_str().parse(), Ok(*currency));
        }
        for unknown in ["usd", "", "XYZ", "user123"] {
            assert!(unknown.parse::<Currency>().is_err(), "{unknown:?}");
        }
    }

    #[test]
    fn decimals_are_taken_exactly_or_refused() {
        let taken = |mantissa, places, currency| Money::from_decimal_parts(mantissa, places, currency);
        for (mantissa, places, currency, minor) in [
            (1_025, 2, Currency::Usd, 1_025),
            (10_250, 3, Currency::Usd, 1_025),
            (-7, 0, Currency::Usd, -700),
            (0, 28, Currency::Usd, 0),
            (-50, 1, Currency::Jpy, -5),
            (i128::from(i64::MIN), 2, Currency::Eur, i64::MIN),
        ] {
            assert_eq!(taken(mantissa, places, currency), Ok(Money::new(minor, currency)));
        }
        assert_eq!(taken(10_255, 3, Currency::Usd), Err(MoneyError::TooPrecise(Currency::Usd)));
        assert_eq!(taken(1, 1, Currency::Jpy), Err(MoneyError::TooPrecise(Currency::Jpy)));
        assert_eq!(taken(1, 100, Currency::Usd), Err(MoneyError::TooPrecise(Currency::Usd)));
        assert_eq!(taken(i128::from(i64::MAX), 0, Currency::Usd), Err(MoneyError::OutOfRange));
        assert_eq!(taken(i128::MAX, 0, Currency::Usd), Err(MoneyError::OutOfRange));
    }
}
