//! How often one callsite may repeat itself.

use std::time::Duration;

use tracing::Level;

use crate::error::InvalidValue;

/// Holds back what one callsite repeats too often: after a burst it may log one line each so often.
///
/// What is held back is counted in `log_lines_suppressed_total{level}` and told, for each callsite, by one line of its
/// level, `suppressed 41 repeated lines`: ten seconds after the first that was held back, or when the log is flushed or
/// ends. Records of the `log` crate are told apart by target, file and line.
///
/// ERROR lines are never held back, unless [`Repeats::errors_too`] says so, nor are those of this crate, such as the
/// access log, which is one callsite however many requests there are.
///
/// Cost: a line that passes reads the clock and changes one number; nothing is formatted of one that does not, but the
/// key-values of a record of the `log` crate.
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::log::{LogOptions, Repeats};
///
/// // Twenty at once, then one a second.
/// let repeats = Repeats::per_callsite(20, Duration::from_secs(1)).except_target("orders::audit");
/// let options = LogOptions::new("orders").repeats(repeats);
/// ```
#[derive(Clone, Debug)]
pub struct Repeats {
    burst: u32,
    every: Duration,
    errors: Errors,
    exempt: Vec<String>,
}

/// What becomes of ERROR lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errors {
    Exempt,
    HeldBackToo,
}

/// Chosen: far more than a person reads, and no clock counts further before a process ends.
const MOST_BURST: u32 = 1_000_000;
const LONGEST: Duration = Duration::from_secs(60 * 60);

impl Repeats {
    /// `burst` lines at once, from 1 to a million, then one each `every`, which is at most an hour.
    #[must_use]
    pub fn per_callsite(burst: u32, every: Duration) -> Self {
        Self { burst, every, errors: Errors::Exempt, exempt: vec![env!("CARGO_CRATE_NAME").to_owned()] }
    }

    /// Holds ERROR lines back too.
    #[must_use]
    pub fn errors_too(self) -> Self {
        Self { errors: Errors::HeldBackToo, ..self }
    }

    /// Holds nothing back of this target and those below it, such as `orders::audit`.
    #[must_use]
    pub fn except_target(mut self, target: impl Into<String>) -> Self {
        self.exempt.push(target.into());
        self
    }

    pub(in crate::log) fn check(&self) -> Result<(), InvalidValue> {
        if !(1..=MOST_BURST).contains(&self.burst) {
            return Err(InvalidValue::new("burst of repeated lines", self.burst, "from 1 to 1000000"));
        }
        if self.every.is_zero() || self.every > LONGEST {
            let rule = "more than nothing and at most an hour";
            return Err(InvalidValue::new("time between repeated lines", format_args!("{:?}", self.every), rule));
        }
        Ok(())
    }

    pub(super) fn may_hold_back(&self, level: Level) -> bool {
        level != Level::ERROR || self.errors == Errors::HeldBackToo
    }

    pub(super) fn exempts(&self, target: &str) -> bool {
        self.exempt.iter().any(|exempt| {
            target.strip_prefix(exempt.as_str()).is_some_and(|below| below.is_empty() || below.starts_with("::"))
        })
    }

    /// The time that a line takes up, and how much of it may be taken up in advance; both in nanoseconds. They and their
    /// sum fit, since burst and time are bounded.
    pub(super) fn pace(&self) -> Pace {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let line = nanos(self.every);
        Pace { line, ahead: line.saturating_mul(u64::from(self.burst - 1)) }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) line: u64,
    pub(super) ahead: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_exempt_with_those_below_them() {
        let repeats = Repeats::per_callsite(1, Duration::from_secs(1)).except_target("a::b");
        for (target, exempt) in [
            ("a::b", true),
            ("a::b::c", true),
            ("a", false),
            ("a::bc", false),
            ("aistm7_monitoring::access", true),
            ("aistm7_monitoring_other", false),
        ] {
            assert_eq!(repeats.exempts(target), exempt, "{target}");
        }
    }

    #[test]
    fn settings_that_would_hold_back_all_or_nothing_are_refused() {
        let second = Duration::from_secs(1);
        for (burst, every) in [(0, second), (MOST_BURST + 1, second), (1, Duration::ZERO), (1, LONGEST + second)] {
            assert!(Repeats::per_callsite(burst, every).check().is_err(), "{burst} {every:?}");
        }
        assert_eq!(Repeats::per_callsite(MOST_BURST, LONGEST).check(), Ok(()));
    }
}
