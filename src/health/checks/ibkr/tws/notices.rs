//! What the service's own API client is told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connectivity::Connectivity;
use crate::health::{CheckFailure, CheckReport};

/// Takes in what the service's own client of the TWS API is told, for [`TwsCheck::passive`](super::TwsCheck::passive).
/// Cloning shares it.
///
/// Pass on three things: that the client has connected, that its connection has ended, and every notice (the message
/// that most clients call an error) with its code and text, whichever it is. No connection and no request is made
/// for it. Cost of each: one lock that is held for nanoseconds, so it may be called from the client's callbacks.
///
/// ```
/// use aistm7_monitoring::health::{HealthCheck, Status, TwsCheck, TwsNotices};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let notices = TwsNotices::new();
/// let ibkr = TwsCheck::passive(&notices);
///
/// notices.connected();
/// notices.notice(2103, "Market data farm connection is broken:usfarm");
/// assert_eq!(ibkr.check().await?.reason(), Some("farm_down"));
/// notices.notice(1100, "Connectivity between IBKR and Trader Workstation has been lost.");
/// assert_eq!(ibkr.check().await.unwrap_err().reason(), "upstream_down");
/// notices.notice(1102, "Connectivity has been restored, data maintained.");
/// notices.notice(2104, "Market data farm connection is OK:usfarm");
/// assert_eq!(ibkr.check().await?.status(), Status::Healthy);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TwsNotices(Arc<Mutex<Connectivity>>);

impl TwsNotices {
    /// Of a client that has not connected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The client has a connection. Notices that came over it already may be passed on before this.
    pub fn connected(&self) {
        self.connectivity().connected();
    }

    /// The client has lost or closed its connection. What was known is forgotten with the next connection: a gateway
    /// says anew how things are.
    pub fn disconnected(&self) {
        self.connectivity().disconnected();
    }

    /// The client was told `code`, with `text`. Of the text, only the name of a farm and the number of a port are read.
    pub fn notice(&self, code: i32, text: &str) {
        self.connectivity().notice(code, text);
    }

    /// The client has subscribed anew after notice 1101. A new connection counts as that too.
    pub fn resubscribed(&self) {
        self.connectivity().resubscribed();
    }

    pub(super) fn verdict(&self) -> Result<CheckReport, CheckFailure> {
        self.connectivity().verdict()
    }

    fn connectivity(&self) -> MutexGuard<'_, Connectivity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
