//! The event itself: its level and its fields.

use std::time::Duration;

use tracing::Level;

use super::logger::Noted;
use super::options::{AccessLog, Shown};
use crate::http::instruments::{Account, Ending, Verdict};
use crate::http::labels::Outcome;
use crate::http::measures::{Measured, ResponseKind};
use crate::trace::TraceContext;

/// A request that is over.
pub(in crate::http) struct Finish<'a> {
    pub(in crate::http) account: &'a Account,
    pub(in crate::http) measured: &'a Measured,
    pub(in crate::http) context: Option<&'a TraceContext>,
    pub(in crate::http) noted: Option<&'a Noted>,
}

/// What makes a request worth its event, whatever its trace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remark {
    Error,
    Slow,
}

impl Finish<'_> {
    pub(super) fn remark(&self, slow_after: Duration) -> Option<Remark> {
        let Measured { ending, head_after, kind, .. } = self.measured;
        if ending.verdict == Verdict::Error || ending.outcome == Outcome::Panicked {
            return Some(Remark::Error);
        }
        // The head of an upgrade or a stream says nothing about the work behind it.
        (*kind == ResponseKind::Finite && *head_after >= slow_after).then_some(Remark::Slow)
    }

    pub(super) fn level(&self, remark: Option<Remark>) -> Level {
        let Ending { status, outcome, .. } = self.measured.ending;
        let is_client_error = status.is_some_and(|status| status.is_client_error());
        match remark {
            Some(Remark::Error) if outcome != Outcome::ClientError => Level::ERROR,
            Some(Remark::Slow) if !is_client_error => Level::WARN,
            Some(_) | None => Level::INFO,
        }
    }

    /// Tells whoever subscribes.
    pub(super) fn tell(&self, level: Level, duration: Duration, shown: Shown) {
        let Measured { ending: Ending { status, outcome, .. }, head_after, sent, .. } = self.measured;
        // A callsite has one level, so there is one for each.
        macro_rules! tell {
            ($level:expr) => {
                // A root: a request ends where another one's span may be entered, or none. Its trace is the present one.
                tracing::event!(
                    target: AccessLog::TARGET,
                    parent: None,
                    $level,
                    method = self.account.method.as_str(),
                    route = self.account.route.as_str(),
                    status = status.map(|status| status.as_u16()),
                    outcome = outcome.as_str(),
                    duration_seconds = duration.as_secs_f64(),
                    head_seconds = status.map(|_| head_after.as_secs_f64()),
                    response_bytes = *sent,
                    path = self.noted.and_then(Noted::path),
                    user_agent = self.noted.and_then(Noted::user_agent).as_deref(),
                    peer = self.noted.and_then(Noted::peer).map(tracing::field::display),
                    request_id = self.context.filter(|_| shown.request_id).map(|context| context.request_id().as_str()),
                    trace_id = self.context.filter(|_| shown.trace_id).map(|context| tracing::field::display(context.trace_id())),
                    "Request finished"
                )
            };
        }
        match level {
            Level::ERROR => tell!(Level::ERROR),
            Level::WARN => tell!(Level::WARN),
            _ => tell!(Level::INFO),
        }
    }
}
