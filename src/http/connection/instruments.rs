//! The metrics of connections.

use std::time::Instant;

use crate::clock::Clock;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, Meter, Tally, Unit};

static ACTIVE: Definition = Definition::gauge("api_active_connections", "Connections whose socket is open.");

static CONNECTIONS: Definition = Definition::counter(
    "api_connections_total",
    "Connections that ended, by outcome: closed, timed_out (no complete request head in time, idle ones included), \
     failed (socket or protocol error, panic), aborted (cut at the end of the grace).",
)
.labels(&["outcome"]);

static ACCEPTED: Definition = Definition::counter("api_connections_accepted_total", "Connections that were accepted.");

static DURATION: Definition = Definition::histogram(
    "api_connection_duration_seconds",
    "How long connections were open, until their socket closed.",
)
.unit(Unit::Seconds)
.edges(LIFETIME_EDGES);

/// Chosen: from a client that connects for each request (milliseconds) over idle limits (a minute, five) to a day of
/// a WebSocket.
const LIFETIME_EDGES: &[f64] = &[0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

static ACCEPT_ERRORS: Definition = Definition::counter(
    "api_accept_errors_total",
    "Connections that could not be accepted, for want of file descriptors for example.",
);

/// The handles of the connection metrics. Register once per registry; cloning shares them.
///
/// | metric | changes |
/// |---|---|
/// | `api_active_connections` | derived at each read: accepted and not yet ended |
/// | `api_connections_accepted_total` | when a connection is accepted |
/// | `api_connections_total{outcome}` | when a socket is closed |
/// | `api_connection_duration_seconds` | when a socket is closed |
/// | `api_accept_errors_total` | when `accept` on a [`tokio::net::TcpListener`] fails |
#[derive(Clone, Debug)]
pub struct ConnectionInstruments {
    clock: Clock,
    tally: Tally,
    accepted: Counter,
    duration: Histogram,
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
    pub fn register(meter: &Meter, clock: Clock) -> Result<Self, DefinitionError> {
        let active: Family<Gauge, 0> = meter.gauge(&ACTIVE)?;
        let ended: Family<Counter, 1> = meter.counter(&CONNECTIONS)?;
        let duration: Family<Histogram, 0> = meter.histogram(&DURATION)?;
        let accepted = meter.counter(&ACCEPTED)?.series([]);
        let accept_errors = meter.counter(&ACCEPT_ERRORS)?.series([]);
        Ok(Self {
            clock,
            tally: active.tally([]),
            accepted,
            duration: duration.series([]),
            ended: Outcome::ALL.map(|outcome| ended.series([outcome.as_str().into()])),
            accept_errors,
        })
    }

    /// Connections that are open now.
    pub fn active(&self) -> u64 {
        self.tally.active()
    }

    /// Counts a connection that was accepted at the moment it returns.
    pub(super) fn opened(&self) -> Instant {
        self.tally.open();
        self.accepted.increment();
        self.clock.now()
    }

    pub(super) fn ended(&self, outcome: Outcome, opened: Instant) {
        self.ended[outcome as usize].increment();
        self.duration.record_duration(self.clock.now().saturating_duration_since(opened));
        self.tally.close();
    }
}
