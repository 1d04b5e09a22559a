//! The measurement of one WebSocket, finished once.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Message;

use super::instruments::RouteInstruments;
use super::reason::Reason;
use super::sockets::WebSockets;
use super::upgrade::Session;

/// An open WebSocket; counted as closed when dropped.
#[derive(Debug)]
pub(super) struct Record {
    sockets: WebSockets,
    route: Arc<RouteInstruments>,
    opened: Instant,
    reason: Option<Reason>,
}

impl Record {
    pub(super) fn open(sockets: WebSockets, template: &str, session: Session) -> Self {
        let route = sockets.route(template);
        route.opened(session);
        Self { opened: sockets.clock().now(), sockets, route, reason: None }
    }

    /// Notes why the socket is ending; what was noted first counts.
    pub(super) fn note(&mut self, reason: Reason) {
        self.reason.get_or_insert(reason);
    }

    pub(super) fn received(&mut self, message: &Message) {
        match Kind::of(message) {
            Kind::Data(payload) => self.route.received.message(payload),
            Kind::Close(reason) => self.note(reason),
            Kind::Control => {}
        }
    }

    pub(super) fn sent(&mut self, kind: Kind) {
        match kind {
            Kind::Data(payload) => self.route.sent.message(payload),
            Kind::Close(reason) => self.note(reason),
            Kind::Control => {}
        }
    }

    /// The moment, for [`Record::answered`].
    pub(super) fn now(&self) -> Instant {
        self.sockets.clock().now()
    }

    /// A ping that was sent at this moment has its pong.
    pub(super) fn answered(&self, sent: Instant) {
        self.route.ping.record_duration(self.now().saturating_duration_since(sent));
    }
}

/// What a message is to the record, kept while the message itself is given away to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// With the size of its payload.
    Data(usize),
    Close(Reason),
    Control,
}

impl Kind {
    pub(super) fn of(message: &Message) -> Self {
        match message {
            Message::Text(text) => Self::Data(text.len()),
            Message::Binary(bytes) => Self::Data(bytes.len()),
            Message::Close(frame) => Self::Close(Reason::of_close(frame.as_ref())),
            Message::Ping(_) | Message::Pong(_) => Self::Control,
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let open_for = self.now().saturating_duration_since(self.opened);
        self.route.closed(self.reason.unwrap_or(Reason::Abnormal), open_for);
    }
}
