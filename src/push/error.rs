//! Why a job cannot be pushed, or was not.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::InvalidValue;

/// Why a job cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The job's name breaks the rule of names; see [`check_name`](crate::error::check_name).
    #[error(transparent)]
    InvalidName(#[from] InvalidValue),
    /// There is nothing to push.
    #[error(
        "job {job:?} cannot be pushed, because the numbers go to a recorder of the host's: push what that one shows, or leave out report_to"
    )]
    NoNumbers {
        /// The job's name.
        job: String,
    },
}

/// A push that failed. No variant shows a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The destination took longer than [`ShortLived::push_deadline`](super::ShortLived::push_deadline).
    #[error("{destination} took longer than {deadline:?}")]
    Deadline {
        /// Where it went, without user, password and path of a URL.
        destination: String,
        /// How long it may take.
        deadline: Duration,
    },
    /// The gateway gave no answer.
    #[cfg(feature = "pushgateway")]
    #[error("no answer from {gateway}: check the URL and that a Pushgateway listens there")]
    NoAnswer {
        /// Scheme, host and port.
        gateway: String,
        /// What went wrong between us and it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The gateway answered with a status that is no success.
    #[cfg(feature = "pushgateway")]
    #[error("{gateway} refused the metrics with status {status}: {answer}")]
    Refused {
        /// Scheme, host and port.
        gateway: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        answer: String,
    },
    /// The file could not be written; what was there before is still there.
    #[error("cannot {step} {}: the directory must exist and be writable", path.display())]
    File {
        /// What was tried.
        step: &'static str,
        /// The path that it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system gives no thread, or the thread no runtime, to push with.
    #[error("nothing could be started to push with")]
    NotStarted(#[source] Arc<io::Error>),
    /// The push panicked, or its runtime ended first.
    #[error("the push was interrupted")]
    Interrupted,
}

impl PushError {
    /// The error with its causes, for one line.
    pub(super) fn in_words(&self) -> String {
        let causes = std::iter::successors(self.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}
