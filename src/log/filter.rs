//! Which lines are written: `RUST_LOG` directives.

use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter};

use crate::error::InvalidValue;

/// Levels, as `RUST_LOG` has them: `info`, `info,sqlx=warn`, `off`, `warn,my_service::risk=debug`.
///
/// A directive is a level (`off`, `error`, `warn`, `info`, `debug`, `trace` or `0` to `5`), `target=level`, or a target
/// alone, which enables all of it. Of two directives that match, the longer target wins. Where none matches, INFO holds.
///
/// No directive takes the span of a request away: it writes nothing, and tasks that run in it take its trace along.
///
/// As a per-layer filter they decide for the layer they are given to and for no other. They stay as they are:
/// [`Levels`](super::Levels) can be changed while the log runs. Cost: none for what they disable, since `tracing`
/// remembers the answer at each callsite.
///
/// ```
/// use aistm7_monitoring::log::Directives;
///
/// let directives = Directives::parse("warn, sqlx=error")?;
/// assert_eq!(directives.to_string(), "sqlx=error,warn");
/// let refused = Directives::parse("info,sqlx=loud").unwrap_err();
/// assert_eq!(refused.value(), "sqlx=loud");
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Directives(Targets);

const RULE: &str = "a level (off, error, warn, info, debug, trace), target=level, or a target";

impl Directives {
    /// Nothing but the spans of requests.
    #[cfg(feature = "otlp")]
    pub(crate) fn off() -> Self {
        Self(Targets::new().with_default(LevelFilter::OFF))
    }

    /// Reads comma-separated directives. Spaces around them and empty ones are ignored, so an empty text is INFO.
    ///
    /// # Errors
    /// At the first directive with an unknown level, an invalid target, or a part that only `EnvFilter` knows, such
    /// as `[span]`.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        Self::default().with(text)
    }

    /// These and more: of two for the same target, or for all, the later one holds.
    ///
    /// ```
    /// use aistm7_monitoring::log::Directives;
    ///
    /// let directives = Directives::parse("info,sqlx=warn")?;
    /// assert_eq!(directives.with("sqlx=debug")?.to_string(), "sqlx=debug,info");
    /// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
    /// ```
    ///
    /// # Errors
    /// As [`Directives::parse`].
    pub fn with(&self, text: &str) -> Result<Self, InvalidValue> {
        let mut targets = self.0.clone();
        for directive in text.split(',').map(str::trim).filter(|directive| !directive.is_empty()) {
            let refused = || InvalidValue::new("log directive", directive, RULE);
            targets = match directive.split_once('=') {
                Some((target, level)) => {
                    let level = parse_level(level.trim()).ok_or_else(refused)?;
                    targets.with_target(parse_target(target.trim()).ok_or_else(refused)?, level)
                }
                None => match parse_level(directive) {
                    Some(level) => targets.with_default(level),
                    None => targets.with_target(parse_target(directive).ok_or_else(refused)?, LevelFilter::TRACE),
                },
            };
        }
        Ok(Self(with_exact_maximum(targets)))
    }
}

/// The same, put together anew: `Targets` keeps the highest level that was ever added for its maximum, although another
/// directive has taken that one's place, and callsites below it would be asked for nothing.
fn with_exact_maximum(targets: Targets) -> Targets {
    let default = targets.default_level().unwrap_or(LevelFilter::INFO);
    targets.into_iter().collect::<Targets>().with_default(default)
}

fn parse_level(text: &str) -> Option<LevelFilter> {
    (!text.is_empty()).then(|| text.parse().ok()).flatten()
}

fn parse_target(text: &str) -> Option<&str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.' | b'/');
    (!text.is_empty() && text.bytes().all(allowed)).then_some(text)
}

impl Default for Directives {
    /// INFO for everything.
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl FromStr for Directives {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text)
    }
}

impl fmt::Display for Directives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Subscriber> Filter<S> for Directives {
    fn enabled(&self, metadata: &Metadata<'_>, context: &Context<'_, S>) -> bool {
        carries_a_trace(metadata) || Filter::enabled(&self.0, metadata, context)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if carries_a_trace(metadata) {
            return Interest::always();
        }
        <Targets as Filter<S>>::callsite_enabled(&self.0, metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // The spans that carry a trace are of level ERROR.
        <Targets as Filter<S>>::max_level_hint(&self.0).map(|hint| hint.max(LevelFilter::ERROR))
    }
}

/// Whether this is the span of a request: this crate's, of level ERROR so that it is seldom filtered out elsewhere. It
/// writes no line, and tasks that run in it take its trace along.
pub(crate) fn carries_a_trace(metadata: &Metadata<'_>) -> bool {
    metadata.is_span()
        && *metadata.level() == Level::ERROR
        && metadata.target().starts_with(concat!(env!("CARGO_CRATE_NAME"), "::"))
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Registry;

    use super::*;

    #[test]
    fn directives_enable_what_they_say() {
        for (text, target, level, enabled) in [
            ("", "any", Level::INFO, true),
            ("", "any", Level::DEBUG, false),
            ("off", "any", Level::ERROR, false),
            ("WARN", "any", Level::INFO, false),
            ("2", "any", Level::WARN, true),
            ("info,sqlx=warn", "sqlx::query", Level::INFO, false),
            ("info,sqlx=warn", "sqlx_like", Level::WARN, true),
            (" warn , my_service = debug ,", "my_service::risk", Level::DEBUG, true),
            ("off,my_service", "my_service", Level::TRACE, true),
            ("a=off,a::b=trace", "a::b::c", Level::TRACE, true),
            ("sqlx=warn", "other", Level::INFO, true),
        ] {
            let directives = Directives::parse(text).expect(text);
            assert_eq!(directives.0.would_enable(target, &level), enabled, "{text:?} {target} {level}");
        }
    }

    #[test]
    fn maximum_level_is_that_of_the_directives_that_hold() {
        for (text, most) in [
            ("", LevelFilter::INFO),
            ("error", LevelFilter::ERROR),
            ("trace,warn", LevelFilter::WARN),
            ("warn,sqlx=trace,sqlx=info", LevelFilter::INFO),
            ("off,sqlx=debug", LevelFilter::DEBUG),
            // The spans of requests stay.
            ("off", LevelFilter::ERROR),
        ] {
            let directives = Directives::parse(text).expect(text);
            assert_eq!(Filter::<Registry>::max_level_hint(&directives), Some(most), "{text}");
        }
    }

    #[test]
    fn bad_directive_is_named() {
        for (text, bad) in [
            ("info,sqlx=loud", "sqlx=loud"),
            ("=info", "=info"),
            ("a=", "a="),
            ("a=b=info", "a=b=info"),
            ("warn,app[span]=info", "app[span]=info"),
            ("my service", "my service"),
        ] {
            assert_eq!(Directives::parse(text).expect_err(text).value(), bad);
        }
    }
}
