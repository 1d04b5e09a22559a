//! The number that an alert is about, as people read it.

use std::fmt;

use crate::metrics::Unit;

/// A measured value with its unit.
///
/// ```
/// use aistm7_monitoring::alert::notify::AlertValue;
/// use aistm7_monitoring::metrics::Unit;
///
/// assert_eq!(AlertValue::new(0.512, Unit::Seconds).to_string(), "512 ms");
/// assert_eq!(AlertValue::new(0.0312, Unit::Ratio).to_string(), "3.12 %");
/// assert_eq!(AlertValue::new(1_610_612_736.0, Unit::Bytes).to_string(), "1.5 GiB");
/// assert_eq!(AlertValue::usd(1234.5).to_string(), "1234.50 USD");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlertValue {
    number: f64,
    shown_as: ShownAs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShownAs {
    Number,
    Time,
    Bytes,
    Percent,
    Dollars,
}

impl AlertValue {
    /// A value in the unit of the metrics that it was worked out from.
    pub const fn new(number: f64, unit: Unit) -> Self {
        let shown_as = match unit {
            Unit::Count => ShownAs::Number,
            Unit::Seconds => ShownAs::Time,
            Unit::Bytes => ShownAs::Bytes,
            Unit::Ratio => ShownAs::Percent,
        };
        Self { number, shown_as }
    }

    /// An amount of US dollars.
    pub const fn usd(number: f64) -> Self {
        Self { number, shown_as: ShownAs::Dollars }
    }
}

impl fmt::Display for AlertValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        if number.is_nan() {
            return f.write_str("no number");
        }
        match self.shown_as {
            ShownAs::Number => f.write_str(&plain(number)),
            ShownAs::Time => scaled(f, number, &TIMES),
            ShownAs::Bytes => scaled(f, number, &BYTES),
            ShownAs::Percent => write!(f, "{} %", plain(number * 100.0)),
            ShownAs::Dollars => write!(f, "{number:.2} USD"),
        }
    }
}

/// Units of time and the seconds from which on they are used, the largest first.
const TIMES: [(f64, &str); 6] =
    [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];

const BYTES: [(f64, &str); 5] =
    [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")];

fn scaled(f: &mut fmt::Formatter<'_>, number: f64, units: &[(f64, &str)]) -> fmt::Result {
    let fitting = units.iter().find(|(size, _)| number.abs() >= *size);
    match fitting {
        Some((size, unit)) => write!(f, "{} {unit}", plain(number / size)),
        // Less than the smallest, or nothing: of the unit itself.
        None => {
            let base = units.iter().find(|(size, _)| *size == 1.0).map_or("", |(_, unit)| unit);
            write!(f, "{} {base}", plain(number))
        }
    }
}

/// With as many decimals as three figures need, and none that say nothing.
fn plain(number: f64) -> String {
    let decimals = match number.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.01 || size == 0.0 => 2,
        _ => return format!("{number:.2e}"),
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_the_unit_that_fits() {
        for (number, unit, expected) in [
            (0.0, Unit::Count, "0"),
            (12_345.6, Unit::Count, "12346"),
            (2.5, Unit::Count, "2.5"),
            (0.00123, Unit::Count, "1.23e-3"),
            (f64::INFINITY, Unit::Count, "inf"),
            (f64::NAN, Unit::Seconds, "no number"),
            (0.0, Unit::Seconds, "0 s"),
            (0.0005, Unit::Seconds, "500 µs"),
            (0.75, Unit::Seconds, "750 ms"),
            (1.25, Unit::Seconds, "1.25 s"),
            (90.0, Unit::Seconds, "1.5 min"),
            (7_200.0, Unit::Seconds, "2 h"),
            (-90.0, Unit::Seconds, "-1.5 min"),
            (0.01, Unit::Ratio, "1 %"),
            (0.8765, Unit::Ratio, "87.6 %"),
            (1023.0, Unit::Bytes, "1023 B"),
            (1_048_576.0, Unit::Bytes, "1 MiB"),
        ] {
            assert_eq!(AlertValue::new(number, unit).to_string(), expected, "{number} {unit:?}");
        }
    }
}
