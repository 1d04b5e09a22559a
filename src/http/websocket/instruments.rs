//! The metrics of WebSockets.

use std::time::Duration;

use super::reason::Reason;
use super::upgrade::Session;
use crate::metrics::{Counter, Definition, DefinitionError, Family, Gauge, Histogram, LabelValue, Meter, Tally, Unit};

static ACTIVE: Definition =
    Definition::gauge("websocket_active_connections", "WebSockets that are open.").labels(&["route"]);

static OPENED: Definition =
    Definition::counter("websocket_connections_total", "WebSockets that were opened.").labels(&["route"]);

static CLOSES: Definition = Definition::counter(
    "websocket_closes_total",
    "WebSockets that ended, by reason; abnormal is without a close frame.",
)
.labels(&["route", "reason"]);

static DURATION: Definition =
    Definition::histogram("websocket_connection_duration_seconds", "How long WebSockets were open.")
        .unit(Unit::Seconds)
        .labels(&["route"])
        .edges(LIFETIME_EDGES);

static MESSAGES: Definition = Definition::counter(
    "websocket_messages_total",
    "Text and binary messages of WebSockets, received from clients or sent to them; pings and closes are not counted.",
)
.labels(&["route", "direction"]);

static BYTES: Definition = Definition::counter(
    "websocket_message_bytes_total",
    "Payload of the text and binary messages of WebSockets, without frames, as the handler sees it.",
)
.unit(Unit::Bytes)
.labels(&["route", "direction"]);

static PING: Definition = Definition::histogram(
    "websocket_ping_seconds",
    "Time from a ping of ours, where a handler asked for them, until its pong was read.",
)
.unit(Unit::Seconds)
.labels(&["route"]);

static RECONNECTS: Definition = Definition::counter(
    "websocket_reconnects_total",
    "WebSockets whose handler said that they resume a session, of those that were opened.",
)
.labels(&["route"]);

/// Chosen: from a reconnect loop (a second) over proxies' idle limits (a minute, five) to a day on a trading screen.
const LIFETIME_EDGES: &[f64] = &[1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// The families, from which a route's handles are resolved once.
#[derive(Clone, Debug)]
pub(super) struct Families {
    active: Family<Gauge, 1>,
    opened: Family<Counter, 1>,
    closes: Family<Counter, 2>,
    duration: Family<Histogram, 1>,
    messages: Family<Counter, 2>,
    bytes: Family<Counter, 2>,
    ping: Family<Histogram, 1>,
    reconnects: Family<Counter, 1>,
}

impl Families {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            active: meter.gauge(&ACTIVE)?,
            opened: meter.counter(&OPENED)?,
            closes: meter.counter(&CLOSES)?,
            duration: meter.histogram(&DURATION)?,
            messages: meter.counter(&MESSAGES)?,
            bytes: meter.counter(&BYTES)?,
            ping: meter.histogram(&PING)?,
            reconnects: meter.counter(&RECONNECTS)?,
        })
    }

    pub(super) fn route(&self, route: &LabelValue) -> RouteInstruments {
        RouteInstruments {
            tally: self.active.tally([route.clone()]),
            opened: self.opened.series([route.clone()]),
            closes: Reason::ALL.map(|reason| self.closes.series([route.clone(), reason.as_str().into()])),
            duration: self.duration.series([route.clone()]),
            received: self.direction(route, "received"),
            sent: self.direction(route, "sent"),
            ping: self.ping.series([route.clone()]),
            reconnects: self.reconnects.series([route.clone()]),
        }
    }

    fn direction(&self, route: &LabelValue, direction: &'static str) -> Traffic {
        let labels = || [route.clone(), direction.into()];
        Traffic { messages: self.messages.series(labels()), bytes: self.bytes.series(labels()) }
    }
}

/// The handles of one route.
#[derive(Debug)]
pub(super) struct RouteInstruments {
    tally: Tally,
    opened: Counter,
    closes: [Counter; Reason::ALL.len()],
    duration: Histogram,
    pub(super) received: Traffic,
    pub(super) sent: Traffic,
    pub(super) ping: Histogram,
    reconnects: Counter,
}

/// What goes in one direction.
#[derive(Debug)]
pub(super) struct Traffic {
    messages: Counter,
    bytes: Counter,
}

impl Traffic {
    pub(super) fn message(&self, payload: usize) {
        self.messages.increment();
        // The cast widens on every platform that Rust has.
        self.bytes.add(payload as u64);
    }
}

impl RouteInstruments {
    pub(super) fn opened(&self, session: Session) {
        if session == Session::Resumed {
            self.reconnects.increment();
        }
        self.opened.increment();
        self.tally.open();
    }

    pub(super) fn closed(&self, reason: Reason, open_for: Duration) {
        self.closes[reason as usize].increment();
        self.duration.record_duration(open_for);
        self.tally.close();
    }

    pub(super) fn active(&self) -> u64 {
        self.tally.active()
    }
}
