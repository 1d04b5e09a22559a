//! A session of the probe's own: are there accounts, can orders be numbered, is the time known?

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::connectivity::{CLIENT_ID_IN_USE, Connectivity};
use super::wire::{Connection, Message};
use super::{SESSION_LIMIT, failure_of};
use crate::health::{CheckFailure, CheckReport};

pub(super) struct Session<S> {
    connection: Connection<S>,
    /// What the gateway says of itself meanwhile.
    connectivity: Connectivity,
    awaited: Awaited,
}

/// What the gateway still owes an answer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Start,
    CurrentTime,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(connection: Connection<S>) -> Self {
        let mut connectivity = Connectivity::default();
        connectivity.connected();
        Self { connection, connectivity, awaited: Awaited::Start }
    }

    /// Opens the session and asks for the time.
    pub(super) async fn judge(mut self, client_id: u32) -> Result<CheckReport, CheckFailure> {
        if let Ok(ended) = timeout(SESSION_LIMIT, self.converse(client_id)).await {
            return ended;
        }
        // A gateway that has lost IBKR may have nothing to say; that it has is the better reason.
        self.connectivity.verdict()?;
        Err(match self.awaited {
            Awaited::Start => CheckFailure::new("not_ready", "it names no account; is the login complete?"),
            Awaited::CurrentTime => CheckFailure::new("no_answer", "it opened a session and does not tell the time"),
        })
    }

    async fn converse(&mut self, client_id: u32) -> Result<CheckReport, CheckFailure> {
        self.connection.start_api(client_id).await.map_err(failure_of)?;
        let (mut has_accounts, mut has_order_id) = (false, false);
        loop {
            match self.connection.receive().await.map_err(failure_of)? {
                Message::Accounts => has_accounts = true,
                Message::NextOrderId => has_order_id = true,
                Message::CurrentTime => {
                    let report = self.connectivity.verdict()?;
                    return Ok(report.with_data("server_version", self.connection.server_version()));
                }
                Message::Notice { code, text } => {
                    self.connectivity.notice(code, &text);
                    if code == CLIENT_ID_IN_USE {
                        return self.connectivity.verdict();
                    }
                }
                Message::Other => {}
            }
            if has_accounts && has_order_id && self.awaited == Awaited::Start {
                self.connection.request_current_time().await.map_err(failure_of)?;
                self.awaited = Awaited::CurrentTime;
            }
        }
    }
}
