//! How good the value at risk is: the forecast of each past day for holdings that stay as they are, and what came of it.

use aistm7_monitoring::business::BusinessDate;
use aistm7_monitoring::business::risk::VarObservation;

use crate::domain::Day;
use crate::risk::{MIN_OBSERVATIONS, NoFigure, Position, WINDOW, common_days, historical_var};

/// A forecast as of each day that has enough history, against the profit of the next trading day.
///
/// The holdings are those of today, so the profit is the hypothetical one. A forecast of zero says nothing that could be
/// tested and is left out.
pub(crate) fn observations(positions: &[Position<'_>]) -> Result<Vec<VarObservation>, NoFigure> {
    let days = common_days(positions)?;
    let mut observations = Vec::new();
    for pair in days.windows(2).skip(MIN_OBSERVATIONS - 1) {
        let [as_of, next] = pair else { continue };
        let known: Vec<_> = positions.iter().map(|position| until(position, as_of.day)).collect();
        match historical_var(&known) {
            Ok(figure) if figure.loss.to_f64() > 0.0 => observations.push(VarObservation {
                as_of: date(as_of.day),
                realised_on: date(next.day),
                value_at_risk: figure.loss.to_f64(),
                profit: next.profit,
            }),
            Ok(_) | Err(NoFigure::TooFewObservations { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(observations)
}

/// What was known of a position at the end of a day, as far as a full window needs it.
fn until<'a>(position: &Position<'a>, last: Day) -> Position<'a> {
    let known = position.closes.partition_point(|close| close.day <= last);
    // Some more than the window, since gaps cost days.
    let first = known.saturating_sub(WINDOW + WINDOW / 5);
    Position { value: position.value, closes: &position.closes[first..known] }
}

fn date(day: Day) -> BusinessDate {
    BusinessDate::from_epoch_days(day.epoch_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Close, Usd};

    /// Closes on consecutive days that move by these basis points.
    fn closes(moves: impl IntoIterator<Item = i64>) -> Vec<Close> {
        let mut price = 100_000_000;
        let close = |day, price| Close { day: Day::from_epoch_days(day), price: Usd::from_ten_thousandths(price) };
        let mut closes = vec![close(0, price)];
        for (day, bp) in (1..).zip(moves) {
            price += price * bp / 10_000;
            closes.push(close(day, price));
        }
        closes
    }

    #[test]
    fn forecast_knows_nothing_of_the_day_that_it_is_compared_with() {
        // A hundred days that move by 1 % either way, and then a crash.
        let calm = (0..100).map(|day| if day % 2 == 0 { 100 } else { -100 });
        let closes = closes(calm.chain([-1_000, 0]));
        let found = observations(&[Position { value: Usd::from_dollars(1_000), closes: &closes }]).unwrap();
        assert_eq!(found.len(), 2);
        let [crash, after] = found[..] else { panic!("two days have a forecast") };
        assert_eq!(crash.as_of, BusinessDate::from_epoch_days(100));
        assert_eq!(crash.realised_on, BusinessDate::from_epoch_days(101));
        assert!((crash.value_at_risk - 10.0).abs() < 0.01 && (crash.profit + 100.0).abs() < 0.01, "{crash:?}");
        assert!(crash.is_breach() && !after.is_breach());
    }

    #[test]
    fn too_short_a_history_has_no_observation() {
        let closes = closes([10; 100]);
        assert_eq!(observations(&[Position { value: Usd::from_dollars(1), closes: &closes }]), Ok(Vec::new()));
        assert_eq!(observations(&[]), Ok(Vec::new()));
    }
}
