//! Changes, which are told beside alerts because they are where most of these come from.

use std::time::SystemTime;

use super::alert::{Alert, Origin};
use super::text::{Lines, clean};

/// Something that was changed on purpose, such as a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub(super) origin: Origin,
    pub(super) summary: String,
    pub(super) at: SystemTime,
    pub(super) link: Option<String>,
}

impl Change {
    /// What was changed, in one sentence, and when.
    pub fn new(origin: Origin, summary: &str, at: SystemTime) -> Self {
        Self { origin, summary: clean(summary, Lines::One, Alert::SUMMARY_LIMIT), at, link: None }
    }

    /// Where more of it is to be seen.
    #[must_use]
    pub fn link(mut self, url: &str) -> Self {
        self.link = Some(clean(url, Lines::One, Alert::URL_LIMIT));
        self
    }

    /// What was changed.
    pub fn summary(&self) -> &str {
        &self.summary
    }
}
