//! Value at risk by historical simulation.
//!
//! The one-day returns that the held instruments had together on past days are applied to what the portfolio holds now.
//! That gives one hypothetical profit or loss for each past day. The value at risk at 99 % is the 0.99-quantile of the
//! losses: of `n` losses in ascending order the one at place `ceil(0.99 n)` (the generalised inverse of the empirical
//! distribution, as McNeil, Frey and Embrechts define it). For 250 observations that is the third largest loss. It is
//! a positive number of dollars.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::domain::{Close, Day, Usd};

/// Observations used, the latest ones: a trading year.
pub(crate) const WINDOW: usize = 250;
/// Below this a 1 % tail is less than one observation, and the figure would be a guess.
pub(crate) const MIN_OBSERVATIONS: usize = 100;

/// Confidence of the figure, in percent.
const CONFIDENCE_PERCENT: usize = 99;

/// What is held of one instrument: its value now, and its past closing prices by ascending day.
#[derive(Clone, Debug)]
pub(crate) struct Position<'a> {
    pub(crate) value: Usd,
    pub(crate) closes: &'a [Close],
}

/// The loss that a day exceeds in one of a hundred cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct ValueAtRisk {
    /// Zero if even the tail of the distribution is a gain.
    pub(crate) loss: Usd,
    pub(crate) confidence_percent: usize,
    pub(crate) horizon_days: usize,
    pub(crate) observations: usize,
    /// Last day whose return is in the figure.
    pub(crate) as_of: Day,
}

/// Why there is no figure. Each is a gap in stored data: what a user may hold is expected to have prices and a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoFigure {
    #[error("{found} common one-day returns, {MIN_OBSERVATIONS} are needed")]
    TooFewObservations { found: usize },
    #[error("a stored price is zero or negative")]
    BadPrice,
    #[error("something that is held has no price")]
    NoPrice,
    #[error("the result is not a representable amount")]
    OutOfRange,
}

/// The one-day value at risk of `positions` at 99 %.
///
/// A day counts if every instrument has a close on it and on the trading day before; trading days are the days on which
/// any of the instruments has a close. So a gap in one history costs the days around it and never makes a return of two
/// days.
pub(crate) fn historical_var(positions: &[Position<'_>]) -> Result<ValueAtRisk, NoFigure> {
    let days = common_days(positions)?;
    let window = &days[days.len().saturating_sub(WINDOW)..];
    let Some(as_of) = window.last().map(|day| day.day) else {
        return Err(NoFigure::TooFewObservations { found: 0 });
    };
    if window.len() < MIN_OBSERVATIONS {
        return Err(NoFigure::TooFewObservations { found: window.len() });
    }
    let mut losses: Vec<f64> = window.iter().map(|day| -day.profit).collect();
    losses.sort_by(f64::total_cmp);
    let place = (losses.len() * CONFIDENCE_PERCENT).div_ceil(100);
    let loss = losses[place - 1].max(0.0); // 1 <= place <= len, since len >= MIN_OBSERVATIONS
    Ok(ValueAtRisk {
        loss: Usd::from_f64(loss).ok_or(NoFigure::OutOfRange)?,
        confidence_percent: CONFIDENCE_PERCENT,
        horizon_days: 1,
        observations: losses.len(),
        as_of,
    })
}

/// What the portfolio of today would have gained on a past day.
pub(crate) struct HypotheticalDay {
    pub(crate) day: Day,
    pub(crate) profit: f64,
}

/// The days on which every position has a one-day return, ascending.
pub(crate) fn common_days(positions: &[Position<'_>]) -> Result<Vec<HypotheticalDay>, NoFigure> {
    let calendar: BTreeSet<Day> =
        positions.iter().flat_map(|position| position.closes).map(|close| close.day).collect();
    // For each trading day the one before it.
    let previous: BTreeMap<Day, Day> = calendar.iter().skip(1).copied().zip(calendar.iter().copied()).collect();

    let mut contributions: BTreeMap<Day, (usize, f64)> = BTreeMap::new();
    for position in positions {
        if position.closes.iter().any(|close| close.price <= Usd::ZERO) {
            return Err(NoFigure::BadPrice);
        }
        for pair in position.closes.windows(2) {
            let [before, after] = pair else { continue };
            if previous.get(&after.day) == Some(&before.day) {
                let change = after.price.to_f64() / before.price.to_f64() - 1.0;
                let (positions_seen, profit) = contributions.entry(after.day).or_default();
                *positions_seen += 1;
                *profit += position.value.to_f64() * change;
            }
        }
    }
    Ok(contributions
        .into_iter()
        .filter(|(_, (positions_seen, _))| *positions_seen == positions.len())
        .map(|(day, (_, profit))| HypotheticalDay { day, profit })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closes on consecutive days, from 1,000 dollars on day 0, with these one-day returns in basis points.
    fn closes(returns_bp: &[i64]) -> Vec<Close> {
        let mut price = 10_000_000_i64;
        let mut closes = vec![Close { day: Day::from_epoch_days(0), price: Usd::from_ten_thousandths(price) }];
        for (day, bp) in (1..).zip(returns_bp) {
            price += price * bp / 10_000;
            closes.push(Close { day: Day::from_epoch_days(day), price: Usd::from_ten_thousandths(price) });
        }
        closes
    }

    /// `worst` losses of 500, 400, 300, … basis points among `quiet` days without change.
    fn with_tail(worst: usize, quiet: usize) -> Vec<i64> {
        let tail = (0..worst).map(|rank| -500 + 100 * i64::try_from(rank).unwrap());
        tail.chain(std::iter::repeat_n(0, quiet)).collect()
    }

    fn loss_percent(var: &ValueAtRisk, value: Usd) -> f64 {
        (var.loss.to_f64() / value.to_f64() * 10_000.0).round() / 100.0
    }

    #[test]
    fn of_250_observations_the_third_largest_loss_is_the_figure() {
        let closes = closes(&with_tail(4, 246));
        let value = Usd::from_dollars(10_000);
        let var = historical_var(&[Position { value, closes: &closes }]).unwrap();
        assert_eq!(var.observations, 250);
        assert_eq!(loss_percent(&var, value), 3.0);
        assert_eq!(var.as_of, Day::from_epoch_days(250));
    }

    #[test]
    fn of_100_observations_the_second_largest_loss_is_the_figure() {
        let closes = closes(&with_tail(4, 96));
        let value = Usd::from_dollars(10_000);
        let var = historical_var(&[Position { value, closes: &closes }]).unwrap();
        assert_eq!(var.observations, 100);
        assert_eq!(loss_percent(&var, value), 4.0);
    }

    #[test]
    fn one_observation_too_few_is_no_figure() {
        let closes = closes(&with_tail(4, 95));
        let position = Position { value: Usd::from_dollars(1), closes: &closes };
        assert_eq!(historical_var(&[position]), Err(NoFigure::TooFewObservations { found: 99 }));
        assert_eq!(historical_var(&[]), Err(NoFigure::TooFewObservations { found: 0 }));
    }

    #[test]
    fn only_the_latest_window_counts() {
        // The crash lies 250 quiet days back.
        let closes = closes(&with_tail(4, 250));
        let var = historical_var(&[Position { value: Usd::from_dollars(9), closes: &closes }]).unwrap();
        assert_eq!((var.loss, var.observations), (Usd::ZERO, 250));
    }

    #[test]
    fn an_instrument_without_history_leaves_nothing_in_common() {
        let long = closes(&with_tail(4, 246));
        let value = Usd::from_dollars(100);
        let positions = [Position { value, closes: &long }, Position { value, closes: &[] }];
        assert_eq!(historical_var(&positions), Err(NoFigure::TooFewObservations { found: 0 }));
    }

    #[test]
    fn opposite_moves_cancel_within_a_day() {
        let up = closes(&[0, 100, 0].repeat(50));
        let down = closes(&[0, -100, 0].repeat(50));
        let value = Usd::from_dollars(1_000);
        let alone = historical_var(&[Position { value, closes: &down }]).unwrap();
        let both = historical_var(&[Position { value, closes: &up }, Position { value, closes: &down }]).unwrap();
        assert!(alone.loss > Usd::from_dollars(9));
        assert!(both.loss < Usd::from_ten_thousandths(10), "{both:?}");
    }

    #[test]
    fn a_gap_never_makes_a_two_day_return() {
        let reference = closes(&[0; 150]);
        let mut gapped = closes(&with_tail(3, 147)); // -5 %, -4 %, -3 % on days 1, 2, 3
        gapped.remove(2); // the close of day 2: the returns of days 2 and 3 are unknown
        let value = Usd::from_dollars(1_000);
        let var =
            historical_var(&[Position { value, closes: &reference }, Position { value, closes: &gapped }]).unwrap();
        assert_eq!(var.observations, 148);
        // 0.99 * 148 = 146.52: the second largest loss, and only day 1 has one.
        assert_eq!(var.loss, Usd::ZERO);
    }

    #[test]
    fn a_gain_in_the_tail_is_a_figure_of_zero() {
        let closes = closes(&[10; 120]);
        let var = historical_var(&[Position { value: Usd::from_dollars(5), closes: &closes }]).unwrap();
        assert_eq!(var.loss, Usd::ZERO);
    }

    #[test]
    fn a_price_of_zero_is_refused() {
        let mut closes = closes(&[0; 150]);
        closes[7].price = Usd::ZERO;
        let position = Position { value: Usd::from_dollars(1), closes: &closes };
        assert_eq!(historical_var(&[position]), Err(NoFigure::BadPrice));
    }
}
