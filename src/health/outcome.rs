//! What one run of a check says.

use std::error::Error as StdError;
use std::fmt;

use super::status::Status;
use crate::redact::{REDACTED, is_sensitive_name, scrub_text};

/// The answer of a check that could do its work.
///
/// ```
/// use aistm7_monitoring::health::{CheckReport, Status};
///
/// let report = CheckReport::degraded("session_expiring", "log in again within the hour").with_data("left_seconds", 1800_u64);
/// assert_eq!(report.status(), Status::Degraded);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    status: Status,
    reason: Option<&'static str>,
    message: String,
    data: Facts,
}

/// Named facts for the detailed body, in the order they were added; of one name the last stands.
pub(super) type Facts = Vec<(&'static str, Datum)>;

pub(super) fn add(facts: &mut Facts, key: &'static str, value: Datum) {
    let value = if is_sensitive_name(key) { Datum::Text(REDACTED.to_owned()) } else { value };
    facts.retain(|(present, _)| *present != key);
    facts.push((key, value));
}

impl CheckReport {
    /// All is well.
    pub const fn healthy() -> Self {
        Self { status: Status::Healthy, reason: None, message: String::new(), data: Vec::new() }
    }

    /// It works, but a person should know: `reason` is a stable code in `snake_case`, `message` is for people.
    pub fn degraded(reason: &'static str, message: impl fmt::Display) -> Self {
        let message = scrub_text(&message.to_string());
        Self { status: Status::Degraded, reason: Some(reason), message, data: Vec::new() }
    }

    /// Adds a fact for the detailed body. The value of a key that names a secret is replaced, URLs in texts are cut.
    #[must_use]
    pub fn with_data(mut self, key: &'static str, value: impl Into<Datum>) -> Self {
        add(&mut self.data, key, value.into());
        self
    }

    /// [`Status::Healthy`] or [`Status::Degraded`].
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The code of what is amiss; `None` when healthy.
    pub const fn reason(&self) -> Option<&'static str> {
        self.reason
    }

    /// What is amiss, in words; empty when healthy.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The facts, in the order they were added.
    pub fn data(&self) -> &[(&'static str, Datum)] {
        &self.data
    }
}

/// A fact in a detailed health body.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Datum {
    /// A count, a size, a slot.
    Integer(i128),
    /// A measurement.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Words. URLs in it are cut to scheme and host.
    Text(String),
}

macro_rules! integer_datum {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Datum {
            fn from(value: $integer) -> Self {
                Self::Integer(value.into())
            }
        }
    )*};
}

integer_datum!(u8, u16, u32, u64, i8, i16, i32, i64);

impl From<usize> for Datum {
    fn from(value: usize) -> Self {
        // A widening cast: no platform's usize has more than 64 bits.
        Self::Integer(value as i128)
    }
}

impl From<f64> for Datum {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<bool> for Datum {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<&str> for Datum {
    fn from(value: &str) -> Self {
        Self::Text(scrub_text(value))
    }
}

impl From<String> for Datum {
    fn from(value: String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<std::time::Duration> for Datum {
    /// Seconds; the key says so.
    fn from(value: std::time::Duration) -> Self {
        Self::Number(value.as_secs_f64())
    }
}

/// Why a check failed.
///
/// ```
/// use aistm7_monitoring::health::CheckFailure;
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let failure = CheckFailure::new("unreachable", "cannot reach amqp://app:pw@mq:5672/").with_source(refused);
/// assert_eq!(failure.to_string(), "unreachable: cannot reach amqp://mq:5672");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct CheckFailure {
    reason: &'static str,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
    weight: Weight,
    data: Facts,
}

/// How much one failure proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// One of a row: the failure threshold decides.
    One,
    /// The check has watched long enough itself.
    Conclusive,
}

impl CheckFailure {
    /// `reason` is a stable, public code in `snake_case`; `message` is for people with access to the details. URLs in
    /// it are cut to scheme and host.
    pub fn new(reason: &'static str, message: impl fmt::Display) -> Self {
        Self {
            reason,
            message: scrub_text(&message.to_string()),
            source: None,
            weight: Weight::One,
            data: Facts::new(),
        }
    }

    /// Keeps the error behind it. Its text is shown in the detailed body, scrubbed like the message.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a fact for the detailed body, as [`CheckReport::with_data`] does.
    #[must_use]
    pub fn with_data(mut self, key: &'static str, value: impl Into<Datum>) -> Self {
        add(&mut self.data, key, value.into());
        self
    }

    /// Makes the check unhealthy at once, whatever its failure threshold: for checks that watched over time themselves.
    #[must_use]
    pub const fn conclusive(mut self) -> Self {
        self.weight = Weight::Conclusive;
        self
    }

    /// The code.
    pub const fn reason(&self) -> &'static str {
        self.reason
    }

    /// What happened, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The facts, in the order they were added.
    pub fn data(&self) -> &[(&'static str, Datum)] {
        &self.data
    }

    pub(super) const fn weight(&self) -> Weight {
        self.weight
    }

    /// The message and every source's text, scrubbed, each said once.
    pub(super) fn full_message(&self) -> String {
        let mut full = self.message.clone();
        let mut source: Option<&(dyn StdError + 'static)> = self.source.as_deref().map(|source| source as _);
        while let Some(error) = source {
            let text = scrub_text(&error.to_string());
            // Many errors repeat their source's text in their own.
            if !full.contains(&text) {
                if !full.is_empty() {
                    full.push_str(": ");
                }
                full.push_str(&text);
            }
            source = error.source();
        }
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_get_into_data_or_messages() {
        let report = CheckReport::degraded("odd", "see https://u:p@h/path?k=v")
            .with_data("session", "abc")
            .with_data("upstream", "https://rpc.example.com/?api-key=k1");
        assert_eq!(report.message(), "see https://h");
        assert_eq!(
            report.data(),
            [
                ("session", Datum::Text(REDACTED.to_owned())),
                ("upstream", Datum::Text("https://rpc.example.com".to_owned())),
            ]
        );
    }

    #[test]
    fn full_message_names_every_source_once_and_scrubbed() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer https://h/?key=k")]
        struct Outer(#[source] std::io::Error);

        let failure = CheckFailure::new("unreachable", "no answer").with_source(Outer(std::io::Error::other("inner")));
        assert_eq!(failure.full_message(), "no answer: outer https://h: inner");
        let repeated = CheckFailure::new("x", "inner failed").with_source(std::io::Error::other("inner"));
        assert_eq!(repeated.full_message(), "inner failed");
    }
}
