//! The socket of a Trader Workstation or an IB Gateway.

mod connectivity;
mod notices;
mod session;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::InvalidValue;
use crate::health::checks::tcp;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use session::Session;
use wire::{Connection, WireError};

pub use notices::TwsNotices;

/// Checks a Trader Workstation (TWS) or an IB Gateway by its API socket, in one of three ways:
///
/// - [`TwsCheck::passive`], the usual one, asks nobody: the service's own API client passes on what it is told.
/// - [`TwsCheck::handshake`] connects, agrees on a version and hangs up: the process is there and takes API clients.
///   It takes no client id, so it disturbs nobody. It sees a gateway that hangs, not one that has lost IBKR.
/// - [`TwsCheck::session`] opens a session with a client id of its own and asks for the time. It sees most, and costs
///   one of the gateway's 32 sessions for a moment on each run.
///
/// Register two of them to have both, such as `ibkr` and `ibkr-socket`.
///
/// Nothing that the gateway says is shown but the names of its data farms: account ids stay inside.
///
/// Defaults: every 30 s, 5 s timeout, unhealthy after 2 failures, healthy after 2 reports, critical, dependency `ibkr`.
///
/// | reason | meaning |
/// |---|---|
/// | `gateway_unreachable` | nobody takes the connection, or the service's client has lost it |
/// | `no_answer` | it takes the connection and does not answer: it hangs |
/// | `hung_up` | it closes the connection: the API is off, this address is not trusted, or it has no client to spare |
/// | `invalid_response` | what answers is no TWS |
/// | `not_ready` | it takes the session and names no account: the login is not complete |
/// | `not_connected` | the service's client has not connected yet |
/// | `port_changed` | notice 1300: the API has moved to another port; the data say which |
/// | `upstream_down` | notice 1100 or 2110: the gateway has lost Interactive Brokers |
/// | `client_id_in_use` | degraded: notice 326; after a lost connection the gateway keeps the client id for a while |
/// | `resubscribe_needed` | degraded: notice 1101; the connection is back, and subscriptions are lost |
/// | `farm_down` | degraded: notice 2103, 2105 or 2157; the data say which farms. Farms come and go, and orders do not need them |
///
/// ```
/// use aistm7_monitoring::health::{TwsCheck, TwsNotices};
///
/// let notices = TwsNotices::new();            // a clone goes to the service's API client
/// let ibkr = TwsCheck::passive(&notices);
/// let socket = TwsCheck::handshake("127.0.0.1:4002")?;
/// # let _ = (ibkr, socket);
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Debug)]
pub struct TwsCheck {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Passive(TwsNotices),
    Handshake(String),
    Session(String, u32),
}

// Chosen: for a gateway on this machine or in this network, with two seconds for it to find the login's accounts; all
// together less than the usual timeout, so that the reason is given before the run is aborted.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(1);
const SESSION_LIMIT: Duration = Duration::from_millis(2_500);

/// The gateway counts in signed numbers of 32 bits.
const LAST_CLIENT_ID: u32 = i32::MAX as u32;

impl TwsCheck {
    /// A check that asks nobody, and judges by what is put into `notices`.
    pub fn passive(notices: &TwsNotices) -> Self {
        Self { way: Way::Passive(notices.clone()) }
    }

    /// A check of the gateway at `host:port` that only agrees on a version with it. Usual ports: TWS 7496, or 7497 for
    /// paper trading; IB Gateway 4001 and 4002.
    ///
    /// # Errors
    /// When there is no host, or no port from 1 to 65535.
    pub fn handshake(address: impl Into<String>) -> Result<Self, InvalidValue> {
        Ok(Self { way: Way::Handshake(checked(address.into())?) })
    }

    /// A check of the gateway at `host:port` that opens a session under `client_id`, which nobody else may use: replicas
    /// that check the same gateway need an id each, or [`Scope::Shared`](crate::health::Scope::Shared) with a lease.
    ///
    /// # Errors
    /// When there is no host, or no port from 1 to 65535, or when the id is not from 1 to 2147483647: client 0 is given
    /// the orders that people make in the window, which is not for a probe.
    pub fn session(address: impl Into<String>, client_id: u32) -> Result<Self, InvalidValue> {
        if !(1..=LAST_CLIENT_ID).contains(&client_id) {
            return Err(InvalidValue::new("client id", client_id, "from 1 to 2147483647, and used by this check only"));
        }
        Ok(Self { way: Way::Session(checked(address.into())?, client_id) })
    }
}

impl HealthCheck for TwsCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        match &self.way {
            Way::Passive(notices) => notices.verdict(),
            Way::Handshake(address) => {
                let connection = open(address).await?;
                Ok(CheckReport::healthy().with_data("server_version", connection.server_version()))
            }
            Way::Session(address, client_id) => Session::new(open(address).await?).judge(*client_id).await,
        }
    }

    fn defaults(&self) -> CheckOptions {
        super::defaults()
    }
}

fn checked(address: String) -> Result<String, InvalidValue> {
    tcp::host_of(&address)?;
    Ok(address)
}

/// A connection on which both sides have agreed on a version.
async fn open(address: &str) -> Result<Connection<TcpStream>, CheckFailure> {
    let unreachable = |message| CheckFailure::new("gateway_unreachable", message);
    let stream = match timeout(CONNECT_LIMIT, tcp::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable("nobody takes the connection").with_source(error)),
        Err(_) => return Err(unreachable("nothing is there, or a firewall keeps silent")),
    };
    shake_hands(stream).await
}

async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Result<Connection<S>, CheckFailure> {
    match timeout(HANDSHAKE_LIMIT, Connection::open(stream)).await {
        Ok(opened) => opened.map_err(failure_of),
        Err(_) => Err(CheckFailure::new("no_answer", "it takes the connection and says nothing")),
    }
}

fn failure_of(error: WireError) -> CheckFailure {
    let (reason, message) = match &error {
        WireError::Closed(_) => {
            ("hung_up", "it closes the connection; is the API switched on, and is this address a trusted one?")
        }
        WireError::TooLong(_) | WireError::NoVersion => {
            ("invalid_response", "what answers is no TWS and no IB Gateway")
        }
    };
    CheckFailure::new(reason, message).with_source(error)
}
