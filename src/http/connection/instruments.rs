//! The metrics of connections.

use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Meter, Tally};

static ACTIVE: Definition = Definition::gauge("api_active_connections", "Connections whose socket is open.");

static CONNECTIONS: Definition = Definition::counter(
    "api_connections_total",
    "Connections that ended, by outcome: closed, timed_out (no complete request head in time, idle ones included), \
     failed (socket or protocol error, panic), aborted (cut at the end of the grace).",
)
.labels(&["outcome"]);

static ACCEPT_ERRORS: Definition = Definition::counter(
    "api_accept_errors_total",
    "Connections that could not be accepted, for want of file descriptors for example.",
);

/// The handles of the connection metrics. Register once per registry; cloning shares them.
///
/// | metric | changes |
/// |---|---|
/// | `api_active_connections` | derived at each read: accepted and not yet ended |
/// | `api_connections_total{outcome}` | when a socket is closed |
/// | `api_accept_errors_total` | when `accept` on a [`tokio::net::TcpListener`] fails |
#[derive(Clone, Debug)]
pub struct ConnectionInstruments {
    tally: Tally,
    ended: [Counter; Outcome::ALL.len()],
    pub(super) accept_errors: Counter,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Outcome {
    /// By either side, between two messages.
    Closed,
    /// By this side: no request head came in time.
    TimedOut,
    /// By an error of the socket or the protocol, or by a panic.
    Failed,
    /// By this side: the grace was over.
    Aborted,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Closed, Self::TimedOut, Self::Failed, Self::Aborted];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

impl ConnectionInstruments {
    /// Registers the connection metrics; every counter exists at 0 from here on.
    ///
    /// # Errors
    /// When the registry holds another metric under one of the names.
    pub fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let active: Family<Gauge, 0> = meter.gauge(&ACTIVE)?;
        let ended: Family<Counter, 1> = meter.counter(&CONNECTIONS)?;
        let accept_errors = meter.counter(&ACCEPT_ERRORS)?.series([]);
        Ok(Self {
            tally: active.tally([]),
            ended: Outcome::ALL.map(|outcome| ended.series([outcome.as_str().into()])),
            accept_errors,
        })
    }

    /// Connections that are open now.
    pub fn active(&self) -> u64 {
        self.tally.active()
    }

    pub(super) fn opened(&self) {
        self.tally.open();
    }

    pub(super) fn ended(&self, outcome: Outcome) {
        self.ended[outcome as usize].increment();
        self.tally.close();
    }
}
