//! Numbers with what they count, and how people read them.

use std::fmt;

use crate::metrics::{Kind, Unit};

/// What a number in a rule is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Measure {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A fraction: 1 is the whole.
    Ratio,
    /// Things a second.
    PerSecond,
    /// Bytes a second.
    BytesPerSecond,
}

impl Measure {
    /// Of the values that a metric's series have; samples of a histogram are things.
    pub(crate) fn of(kind: Kind, unit: Unit) -> Self {
        match (kind, unit) {
            (Kind::Histogram, _) | (_, Unit::Count) => Self::Count,
            (_, unit) => Self::of_unit(unit),
        }
    }

    pub(crate) fn of_unit(unit: Unit) -> Self {
        match unit {
            Unit::Count => Self::Count,
            Unit::Seconds => Self::Seconds,
            Unit::Bytes => Self::Bytes,
            Unit::Ratio => Self::Ratio,
        }
    }

    /// Of what this is, each second. Seconds a second are a number of things that are busy.
    pub(crate) fn per_second(self) -> Self {
        match self {
            Self::Count => Self::PerSecond,
            Self::Bytes => Self::BytesPerSecond,
            other => {
                if other == Self::Seconds {
                    Self::Count
                } else {
                    other
                }
            }
        }
    }

    /// What Prometheus' templates show a value by, as [`Quantity`] shows it.
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Count => r#"{{ printf "%.4g" $value }}"#,
            Self::Seconds => "{{ $value | humanizeDuration }}",
            Self::Bytes => "{{ $value | humanize1024 }}B",
            Self::Ratio => "{{ $value | humanizePercentage }}",
            Self::PerSecond => r#"{{ printf "%.4g" $value }}/s"#,
            Self::BytesPerSecond => "{{ $value | humanize1024 }}B/s",
        }
    }
}

/// A number and what it is of, as thresholds are. It is shown as people read it, exactly as Prometheus' templates do.
///
/// ```
/// use aistm7_monitoring::alert::Quantity;
///
/// assert_eq!(Quantity::seconds(0.512).to_string(), "512ms");
/// assert_eq!(Quantity::ratio(0.0312).to_string(), "3.12%");
/// assert_eq!(Quantity::bytes(1_610_612_736.0).to_string(), "1.5GiB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// The number, in base units.
    pub amount: f64,
    /// What it is of.
    pub measure: Measure,
}

impl Quantity {
    /// So many things.
    pub const fn count(amount: f64) -> Self {
        Self { amount, measure: Measure::Count }
    }

    /// So many seconds.
    pub const fn seconds(amount: f64) -> Self {
        Self { amount, measure: Measure::Seconds }
    }

    /// So many bytes.
    pub const fn bytes(amount: f64) -> Self {
        Self { amount, measure: Measure::Bytes }
    }

    /// A fraction, 1 being the whole.
    pub const fn ratio(amount: f64) -> Self {
        Self { amount, measure: Measure::Ratio }
    }

    /// So many things a second.
    pub const fn per_second(amount: f64) -> Self {
        Self { amount, measure: Measure::PerSecond }
    }

    /// So many days.
    pub const fn days(amount: f64) -> Self {
        Self::seconds(amount * 86_400.0)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.amount;
        match self.measure {
            Measure::Count => f.write_str(&significant(amount)),
            Measure::Seconds => f.write_str(&duration(amount)),
            Measure::Bytes => write!(f, "{}B", binary(amount)),
            Measure::Ratio => write!(f, "{}%", significant(amount * 100.0)),
            Measure::PerSecond => write!(f, "{}/s", significant(amount)),
            Measure::BytesPerSecond => write!(f, "{}B/s", binary(amount)),
        }
    }
}

/// How many digits are shown, as Prometheus' templates do.
const DIGITS: i32 = 4;

/// As C's `%.4g`.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value.is_nan() {
            "NaN".to_owned()
        } else {
            format!("{value}").replace("inf", "+Inf").replace("-+", "-")
        };
    }
    let scientific = format!("{value:.3e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..DIGITS).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    // The cast is of 0 to 7.
    trimmed(&format!("{value:.*}", (DIGITS - 1 - exponent) as usize)).to_owned()
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// As Prometheus' `humanizeDuration`.
fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds == 0.0 {
        return if seconds == 0.0 { "0s".to_owned() } else { significant(seconds) };
    }
    if seconds.abs() < 1.0 {
        let (mut value, mut prefix) = (seconds, "");
        for smaller in ["m", "u", "n"] {
            if value.abs() >= 1.0 {
                break;
            }
            (value, prefix) = (value * 1000.0, smaller);
        }
        return format!("{}{prefix}s", significant(value));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    // The cast saturates; Prometheus' does not, past the age of the universe.
    let whole = seconds.abs() as u64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", significant(seconds.abs())),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}

/// As Prometheus' `humanize1024`.
fn binary(value: f64) -> String {
    let (mut value, mut prefix) = (value, "");
    if value.is_finite() && value.abs() > 1.0 {
        for larger in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
            if value.abs() < 1024.0 {
                break;
            }
            (value, prefix) = (value / 1024.0, larger);
        }
    }
    format!("{}{prefix}", significant(value))
}

#[cfg(test)]
mod tests {
    use super::Measure::{Bytes, Count, PerSecond, Ratio, Seconds};
    use super::Quantity;

    /// Compared with Prometheus' own templates by every generated test that promtool runs; here the odd ones.
    #[test]
    fn values_are_shown_as_prometheus_shows_them() {
        for (measure, amount, shown) in [
            (Count, 0.0, "0"),
            (Count, 12.0, "12"),
            (Count, 1234.5, "1234"),
            (Count, 123_456.0, "1.235e+05"),
            (Count, 0.000_012_3, "1.23e-05"),
            (Count, f64::INFINITY, "+Inf"),
            (Count, f64::NEG_INFINITY, "-Inf"),
            (Count, f64::NAN, "NaN"),
            (Ratio, 0.015, "1.5%"),
            (Seconds, 0.7375, "737.5ms"),
            (Seconds, 0.0, "0s"),
            (Seconds, 12.5, "12.5s"),
            (Seconds, 301.0, "5m 1s"),
            (Seconds, -90_061.0, "-1d 1h 1m 1s"),
            (Bytes, 1536.0, "1.5kiB"),
            (PerSecond, 2.5, "2.5/s"),
        ] {
            assert_eq!(Quantity { amount, measure }.to_string(), shown, "{measure:?} {amount}");
        }
    }
}
