//! The access log of one layer: what it notes of a request, and what it does at its end.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};

use super::event::Finish;
use super::options::{AccessLog, Shown};
use crate::diagnostics::{Diagnostics, Problem};
use crate::fence::fenced;
use crate::http::head::RequestHead;
use crate::http::options::HttpOptionsError;
use crate::metrics::{Counter, Definition, Meter};
use crate::trace::{self, Share, TraceContext};

static SAMPLED_OUT: Definition = Definition::counter(
    "api_access_log_sampled_out_total",
    "Finished requests that the access log left out because their traces are not of the share that it writes.",
);

/// An [`AccessLog`] at work.
pub(in crate::http) struct AccessLogger {
    share: Share,
    slow_after: Duration,
    shown: Shown,
    sampled_out: Counter,
    diagnostics: Diagnostics,
}

/// What is kept of a request until its end because it is to be shown then.
pub(in crate::http) struct Noted {
    uri: Option<Uri>,
    user_agent: Option<HeaderValue>,
    peer: Option<SocketAddr>,
}

impl AccessLogger {
    /// Registers what it counts.
    pub(in crate::http) fn register(meter: &Meter, options: AccessLog) -> Result<Self, HttpOptionsError> {
        let share = options.checked_share()?;
        let AccessLog { slow_after, shown, .. } = options;
        let sampled_out = meter.counter(&SAMPLED_OUT)?.series([]);
        Ok(Self { share, slow_after, shown, sampled_out, diagnostics: meter.diagnostics().clone() })
    }

    /// Notes what is to be shown of a request, if anything is. Cost: an allocation then, and those of making the texts
    /// shared if they are not.
    pub(in crate::http) fn note(&self, request: RequestHead<'_>) -> Option<Box<Noted>> {
        let Shown { path, user_agent, peer, .. } = self.shown;
        (path || user_agent || peer).then(|| {
            Box::new(Noted {
                uri: path.then(|| request.uri.clone()),
                user_agent: user_agent.then(|| request.headers.get(USER_AGENT).cloned()).flatten(),
                peer: peer.then(|| peer_of(request)).flatten(),
            })
        })
    }

    /// Writes how a request ended, or counts that it is left out. `duration` is asked for only if it is written.
    ///
    /// It is called where a request is dropped, perhaps while a panic unwinds, so nothing that a subscriber of the
    /// host's does comes out of it. Out of line, so that it costs little where there is no access log.
    #[inline(never)]
    pub(in crate::http) fn finish(&self, finish: &Finish<'_>, duration: impl FnOnce() -> Duration) {
        let remark = finish.remark(self.slow_after);
        if remark.is_none() && !self.share.has(finish.context.map(TraceContext::trace_id)) {
            return self.sampled_out.increment();
        }
        let told = fenced(|| {
            // Its own trace is the present one while it is told, or none if it has none.
            let _entered = trace::enter_only(finish.context);
            finish.tell(finish.level(remark), duration(), self.shown);
        });
        if told.is_none() {
            self.diagnostics.count(Problem::SubscriberPanicked);
        }
    }
}

/// The other end of the request's connection, if the server tells.
#[cfg(feature = "axum")]
fn peer_of(request: RequestHead<'_>) -> Option<SocketAddr> {
    let info = request.extensions.get::<axum::extract::ConnectInfo<SocketAddr>>();
    info.map(|axum::extract::ConnectInfo(address)| *address)
}

/// Only axum has a way to tell.
#[cfg(not(feature = "axum"))]
fn peer_of(_: RequestHead<'_>) -> Option<SocketAddr> {
    None
}

impl Noted {
    /// Without the query.
    pub(super) fn path(&self) -> Option<&str> {
        let path = self.uri.as_ref()?.path();
        Some(&path[..path.floor_char_boundary(AccessLog::LONGEST_TEXT)])
    }

    pub(super) fn user_agent(&self) -> Option<Cow<'_, str>> {
        let bytes = self.user_agent.as_ref()?.as_bytes();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(AccessLog::LONGEST_TEXT)]);
        Some(text)
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}
