//! What a portfolio is worth at the latest prices.

use serde::Serialize;

use crate::domain::{Portfolio, Usd};
use crate::market::{LastPrice, PriceBasis};

/// A portfolio's holdings with prices, and their sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Valuation {
    pub(crate) value: Usd,
    /// Whether every holding has a price, so that `value` is all of it.
    pub(crate) complete: bool,
    pub(crate) holdings: Vec<ValuedHolding>,
}

/// One holding; without a price it has no value either, and neither is shown as zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ValuedHolding {
    pub(crate) symbol: String,
    pub(crate) quantity: i64,
    pub(crate) price: Option<Usd>,
    pub(crate) basis: Option<PriceBasis>,
    pub(crate) value: Option<Usd>,
}

/// The sum does not fit an amount of dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value is out of range")]
pub(crate) struct ValueOutOfRange;

/// Values `portfolio` at the prices that `price` knows.
pub(crate) fn value(
    portfolio: &Portfolio,
    price: impl Fn(&str) -> Option<LastPrice>,
) -> Result<Valuation, ValueOutOfRange> {
    let mut total = Usd::ZERO;
    let mut holdings = Vec::with_capacity(portfolio.holdings.len());
    for held in &portfolio.holdings {
        let last = price(&held.symbol);
        let value = match last {
            Some(last) => Some(last.price.times(held.quantity).ok_or(ValueOutOfRange)?),
            None => None,
        };
        total = total.plus(value.unwrap_or(Usd::ZERO)).ok_or(ValueOutOfRange)?;
        holdings.push(ValuedHolding {
            symbol: held.symbol.clone(),
            quantity: held.quantity,
            price: last.map(|last| last.price),
            basis: last.map(|last| last.basis),
            value,
        });
    }
    let complete = holdings.iter().all(|held| held.value.is_some());
    Ok(Valuation { value: total, complete, holdings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Holding, PortfolioId};

    fn portfolio(holdings: &[(&str, i64)]) -> Portfolio {
        Portfolio {
            id: PortfolioId::parse("1").unwrap(),
            opened: 0,
            holdings: holdings
                .iter()
                .map(|&(symbol, quantity)| Holding { symbol: symbol.to_owned(), quantity })
                .collect(),
        }
    }

    fn dollars(dollars: i32) -> Option<LastPrice> {
        Some(LastPrice { price: Usd::from_dollars(dollars), basis: PriceBasis::Quote })
    }

    #[test]
    fn the_value_is_the_sum_over_holdings() {
        let valuation = value(&portfolio(&[("KO", 10), ("V", 2)]), |symbol| match symbol {
            "KO" => dollars(60),
            _ => dollars(270),
        })
        .unwrap();
        assert_eq!((valuation.value, valuation.complete), (Usd::from_dollars(1_140), true));
    }

    #[test]
    fn a_holding_without_a_price_is_shown_and_not_summed() {
        let valuation =
            value(&portfolio(&[("GLD", 1), ("KO", 10)]), |symbol| (symbol == "KO").then(|| dollars(60)).flatten())
                .unwrap();
        assert_eq!((valuation.value, valuation.complete), (Usd::from_dollars(600), false));
        assert_eq!((valuation.holdings[0].price, valuation.holdings[0].value), (None, None));
    }

    #[test]
    fn nothing_held_is_worth_nothing() {
        let valuation = value(&portfolio(&[]), |_| None).unwrap();
        assert_eq!((valuation.value, valuation.complete), (Usd::ZERO, true));
    }

    #[test]
    fn an_overflow_is_an_error() {
        assert_eq!(value(&portfolio(&[("KO", i64::MAX)]), |_| dollars(60)), Err(ValueOutOfRange));
    }
}
