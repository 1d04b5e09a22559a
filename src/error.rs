//! The error every validated value of this crate shares.

use std::fmt;

/// A value that breaks a rule: which value, and what the rule is.
///
/// Every checked name and setting of the crate reports its violations in this form, so that an operator reads what
/// was wrong and what to write instead.
///
/// ```
/// use aistm7_monitoring::error::check_name;
///
/// let refused = check_name("service name", "Risk Analysis").unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "service name \"Risk Analysis\" is invalid: 1 to 63 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is invalid: {rule}")]
pub struct InvalidValue {
    what: &'static str,
    value: String,
    rule: &'static str,
}

impl InvalidValue {
    /// A violation of `rule` by `value`, which is shown cut to 200 characters and escaped.
    pub fn new(what: &'static str, value: impl fmt::Display, rule: &'static str) -> Self {
        let value = value.to_string().chars().take(SHOWN_CHARS).collect();
        Self { what, value, rule }
    }

    /// The same violation of a value that came from elsewhere, such as the environment variable `what`.
    #[must_use]
    pub fn of(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// What kind of value it is, such as `service name`.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The value as it was given, cut to 200 characters.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The rule that the value breaks.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// Chosen: long enough to recognise any value a person wrote, short enough for one line.
const SHOWN_CHARS: usize = 200;

/// Longest checked name: that of a DNS label, which service names often become.
const NAME_BYTES: usize = 63;

/// Checks a name that becomes a label value or a part of a path: services, environments, checks, queues.
///
/// # Errors
/// When `value` is not 1 to 63 of `a-z`, `0-9`, `-`, `_` and `.`, starting with a letter or digit.
pub fn check_name(what: &'static str, value: &str) -> Result<(), InvalidValue> {
    let starts_well = value.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if starts_well && value.len() <= NAME_BYTES && value.bytes().all(allowed) {
        return Ok(());
    }
    Err(InvalidValue::new(what, value, "1 to 63 of a-z, 0-9, '-', '_' and '.', starting with a letter or digit"))
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn name_accepts_what_a_dns_label_or_a_file_would() {
        for name in ["a", "risk-analysis", "0", "ibkr.eu_1", &"x".repeat(63)] {
            assert_eq!(check_name("name", name), Ok(()), "{name}");
        }
    }

    #[test]
    fn name_refuses_everything_else() {
        for name in ["", "-a", ".a", "A", "a b", "a/b", "ä", "a\n", &"x".repeat(64)] {
            assert!(check_name("name", name).is_err(), "{name:?}");
        }
    }
}
