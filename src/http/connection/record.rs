//! One record a connection, finished once, when the last part of the connection is gone.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::watch;

use super::head_wait::HeadWait;
use super::instruments::{ConnectionInstruments, Outcome};
use crate::drain::{Drain, Phase};

/// An open connection. Shared by its socket, the task that serves it and what it was upgraded to; counted as ended
/// when the last of them lets go.
#[derive(Debug)]
pub(in crate::http) struct Record {
    instruments: ConnectionInstruments,
    opened: Instant,
    /// The first outcome that was noted, as its number; closed unless something else is known.
    outcome: AtomicU8,
    /// Whether the client is waited for.
    pub(super) head_wait: HeadWait,
    /// Whether the process is on its way out, so that the client had better go elsewhere.
    leaving: AtomicBool,
    /// The server whose shutdown waits for this connection; `None` below a foreign server.
    live: Option<Live>,
}

impl Record {
    pub(super) fn open(instruments: &ConnectionInstruments, live: Option<&Live>) -> Arc<Self> {
        let opened = instruments.opened();
        if let Some(live) = live {
            live.0.counts.send_modify(|counts| counts.open += 1);
        }
        Arc::new(Self {
            instruments: instruments.clone(),
            opened,
            outcome: AtomicU8::new(Outcome::Closed as u8),
            head_wait: HeadWait::default(),
            leaving: AtomicBool::new(false),
            live: live.cloned(),
        })
    }

    /// Notes how the connection is ending; what was noted first counts.
    pub(super) fn note(&self, outcome: Outcome) {
        // Ordering: the reader is the last owner's drop, which `Arc` orders after every owner's use.
        let closed = Outcome::Closed as u8;
        let _ = self.outcome.compare_exchange(closed, outcome as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        // Ordering: a lone flag; a response that just misses it is followed by one that does not.
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    fn end(&self) -> Outcome {
        if self.live.as_ref().is_some_and(Live::is_cut) {
            return Outcome::Aborted;
        }
        if std::thread::panicking() {
            return Outcome::Failed;
        }
        // Ordering: see `note`.
        let noted = self.outcome.load(Ordering::Relaxed);
        Outcome::ALL.into_iter().find(|outcome| *outcome as u8 == noted).unwrap_or(Outcome::Closed)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.instruments.ended(self.end(), self.opened);
        if let Some(live) = &self.live {
            live.left();
        }
    }
}

/// The connections of one server that are still there, and the word that cuts them.
#[derive(Clone, Debug)]
pub(super) struct Live(Arc<State>);

#[derive(Debug)]
struct State {
    drain: Drain,
    counts: watch::Sender<Counts>,
    cut: watch::Sender<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) open: u64,
    /// Ended by themselves since the server began to close.
    pub(super) drained: u64,
    /// In here too, so that a connection that ends meanwhile is either drained or cut.
    is_cut: bool,
}

impl Live {
    pub(super) fn new(drain: &Drain) -> Self {
        Self(Arc::new(State { drain: drain.clone(), counts: watch::Sender::default(), cut: watch::Sender::default() }))
    }

    /// Resolves when no connection is left.
    pub(super) async fn none(&self) {
        // Waiting cannot fail: `self` keeps the sender.
        let _ = self.0.counts.subscribe().wait_for(|counts| counts.open == 0).await;
    }

    /// Ends what holds a [`Lifeline`]; connections that end from now on count as aborted. What there was until now.
    pub(super) fn cut(&self) -> Counts {
        let mut present = Counts::default();
        self.0.counts.send_modify(|counts| {
            counts.is_cut = true;
            present = *counts;
        });
        self.0.cut.send_replace(true);
        present
    }

    fn is_cut(&self) -> bool {
        self.0.counts.borrow().is_cut
    }

    fn left(&self) {
        let is_closing = self.0.drain.phase() >= Phase::Closing;
        self.0.counts.send_modify(|counts| {
            counts.open = counts.open.saturating_sub(1);
            counts.drained += u64::from(is_closing && !counts.is_cut);
        });
    }
}

/// Put into requests that may upgrade, so that what they become stays a part of the connection.
#[derive(Clone, Debug)]
pub(in crate::http) struct Lifeline(
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "WebSockets are what holds on"))] Weak<Record>,
);

impl Lifeline {
    pub(super) fn of(record: &Arc<Record>) -> Self {
        Self(Arc::downgrade(record))
    }

    /// Keeps the connection open until the hold is dropped; `None` if it has ended.
    #[cfg(feature = "websocket")]
    pub(in crate::http) fn hold(&self) -> Option<Held> {
        self.0.upgrade().map(Held)
    }
}

/// Keeps a connection counted, and its server waiting, while it exists.
#[cfg(feature = "websocket")]
#[derive(Clone, Debug)]
pub(in crate::http) struct Held(Arc<Record>);

#[cfg(feature = "websocket")]
impl Held {
    /// Resolves when the server's patience is over; never below a foreign server.
    pub(in crate::http) async fn cut(&self) {
        match &self.0.live {
            // Waiting cannot fail: the record keeps the sender.
            Some(live) => drop(live.0.cut.subscribe().wait_for(|cut| *cut).await),
            None => std::future::pending().await,
        }
    }
}
