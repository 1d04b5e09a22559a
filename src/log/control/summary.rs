//! What there is to know of the last day's errors.

use std::time::SystemTime;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use tracing::Level;

use crate::clock::Timestamp;
use crate::log::per_level::PerLevel;

/// What a log wrote in the present hour and the 23 before it: the guide's daily look for errors, in one answer.
///
/// Lines are counted by level; those of WARN and ERROR by their callsite and reason too, which is what the line says in
/// its field `reason`, or else `error`, without what a cap or a rule of redaction takes away, and at most 64 bytes of it.
/// What finds no place is counted together: 256 callsites are kept, and 16 reasons of each. Nothing is kept over the end
/// of the process.
///
/// As JSON it is what `GET /log/summary` answers.
///
/// ```
/// use aistm7_monitoring::log::{Log, LogOptions, Sink};
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// use tracing::Level;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(std::io::sink())));
/// let log = Log::start(options, &Meter::new(&Registry::new()))?;
/// let subscriber = tracing_subscriber::registry().with(log.layer());
/// tracing::subscriber::with_default(subscriber, || {
///     for portfolio in ["user123", "user456"] {
///         tracing::error!(portfolio, error = "InsufficientHistoricalData", "Failed to calculate VaR");
///     }
/// });
/// let summary = log.summary();
/// assert_eq!(summary.lines(Level::ERROR), 2);
/// let worst = &summary.sites[0];
/// assert_eq!((&*worst.message, worst.lines), ("Failed to calculate VaR", 2));
/// assert_eq!((&*worst.reasons[0].reason, worst.reasons[0].lines), ("InsufficientHistoricalData", 2));
/// # Ok::<(), aistm7_monitoring::log::LogError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The start of the first hour, or of the log.
    pub since: SystemTime,
    /// When it was asked for.
    pub until: SystemTime,
    pub(super) lines: PerLevel<u64>,
    /// What warned and failed: ERROR first, then by the number of lines.
    pub sites: Vec<Site>,
    /// Lines of WARN and ERROR from callsites beyond those in `sites`.
    pub other_sites: u64,
}

/// A callsite that warned or failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Site {
    /// ERROR or WARN.
    pub level: Level,
    /// The module, or what the event says in its place.
    pub target: String,
    /// File and line; `None` for lines of this crate's own.
    pub callsite: Option<String>,
    /// The message of one of its lines, at most 200 bytes of it.
    pub message: String,
    /// How many lines it made.
    pub lines: u64,
    /// How many more it would have made; see [`Repeats`](super::Repeats).
    pub suppressed: u64,
    /// Why, the most frequent first.
    pub reasons: Vec<Reason>,
    /// Lines with reasons beyond those in `reasons`.
    pub other_reasons: u64,
}

/// A reason and how many lines gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reason {
    /// As the lines have it.
    pub reason: String,
    /// How many lines.
    pub lines: u64,
}

impl Summary {
    /// How many lines of a level were made, written or not.
    pub fn lines(&self, level: Level) -> u64 {
        *self.lines.of(level)
    }
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Summary", 5)?;
        fields.serialize_field("since", Timestamp::from(self.since).as_str())?;
        fields.serialize_field("until", Timestamp::from(self.until).as_str())?;
        fields.serialize_field("lines", &Lines(&self.lines))?;
        fields.serialize_field("sites", &self.sites)?;
        fields.serialize_field("other_sites", &self.other_sites)?;
        fields.end()
    }
}

struct Lines<'a>(&'a PerLevel<u64>);

impl Serialize for Lines<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Lines", 5)?;
        fields.serialize_field("error", self.0.of(Level::ERROR))?;
        fields.serialize_field("warn", self.0.of(Level::WARN))?;
        fields.serialize_field("info", self.0.of(Level::INFO))?;
        fields.serialize_field("debug", self.0.of(Level::DEBUG))?;
        fields.serialize_field("trace", self.0.of(Level::TRACE))?;
        fields.end()
    }
}

impl Serialize for Site {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Site", 8)?;
        fields.serialize_field("level", self.level.as_str())?;
        fields.serialize_field("target", &self.target)?;
        fields.serialize_field("callsite", &self.callsite)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("lines", &self.lines)?;
        fields.serialize_field("suppressed", &self.suppressed)?;
        fields.serialize_field("reasons", &self.reasons)?;
        fields.serialize_field("other_reasons", &self.other_reasons)?;
        fields.end()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Reason", 2)?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("lines", &self.lines)?;
        fields.end()
    }
}
