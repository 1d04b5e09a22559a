//! Why somebody was not told.

use std::error::Error as StdError;
use std::time::Duration;

use super::text::{Lines, clean};
use crate::redact::scrub_text;
use crate::transport::{HttpAnswer, TransportError};

/// Why a notice was not taken. No variant shows a key, a token or the path of a URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The destination says no, and would say no again: a wrong key, a missing channel, a body that it does not take.
    #[error("refused: {said}")]
    Refused {
        /// What it says.
        said: String,
    },
    /// It is told too often.
    #[error("too many requests")]
    TooOften {
        /// When it wants to be asked again, if it says so.
        again_after: Option<Duration>,
    },
    /// It cannot take anything at the moment.
    #[error("unavailable: {said}")]
    Unavailable {
        /// What it says.
        said: String,
        /// When it wants to be asked again, if it says so.
        again_after: Option<Duration>,
    },
    /// There was no answer, or nothing that could be one.
    #[error("no answer")]
    NoAnswer(#[source] Box<dyn StdError + Send + Sync>),
    /// It took longer than it may.
    #[error("no answer within {limit:?}")]
    TimedOut {
        /// How long it may take.
        limit: Duration,
    },
    /// The notifier panicked.
    #[error("the notifier panicked")]
    Panicked,
}

/// Chosen: a sentence.
const SHOWN: usize = 200;

impl NotifyError {
    /// The destination says no for good.
    pub fn refused(said: &str) -> Self {
        Self::Refused { said: shown(said) }
    }

    /// The destination may say yes later.
    pub fn unavailable(said: &str) -> Self {
        Self::Unavailable { said: shown(said), again_after: None }
    }

    /// No answer came.
    pub fn no_answer(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::NoAnswer(source.into())
    }

    /// Whether the same notice would be refused again.
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// When the destination wants to be asked again, if it says so.
    pub const fn again_after(&self) -> Option<Duration> {
        match self {
            Self::TooOften { again_after } | Self::Unavailable { again_after, .. } => *again_after,
            _ => None,
        }
    }

    /// What a status means to nearly every API, for an answer that is no success.
    pub(super) fn of_answer(answer: &HttpAnswer) -> Self {
        let again_after = answer.retry_after_seconds.map(Duration::from_secs);
        let said = || {
            let body = String::from_utf8_lossy(&answer.body);
            shown(&format!("status {} {}", answer.status.as_u16(), body.trim()))
        };
        match answer.status.as_u16() {
            429 => Self::TooOften { again_after },
            408 | 500..=599 => Self::Unavailable { said: said(), again_after },
            _ => Self::Refused { said: said() },
        }
    }

    /// The error with its causes, for one line.
    pub(super) fn in_words(&self) -> String {
        let causes = std::iter::successors(self.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        scrub_text(&causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}")))
    }
}

impl From<TransportError> for NotifyError {
    fn from(error: TransportError) -> Self {
        Self::no_answer(error)
    }
}

/// The beginning of what somebody says, without what may be secret in it.
fn shown(said: &str) -> String {
    clean(&scrub_text(said), Lines::One, SHOWN)
}
