//! Services that this one calls: the IBKR gateway for quotes, a Solana RPC node for balances.

mod client;
mod ibkr;
pub(crate) mod solana;
mod trust;

use axum::http::Uri;

pub(crate) use self::client::{HttpClient, UpstreamError};
pub(crate) use self::ibkr::Ibkr;
pub(crate) use self::solana::Solana;
pub(crate) use self::trust::TrustError;

/// Where a service is, and whose it is.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) uri: Uri,
    pub(crate) provided: Provided,
}

/// Who provides a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provided {
    /// Somebody else, at a URL from the settings.
    Elsewhere,
    /// This process.
    StandIn,
}

impl Upstream {
    /// Whether it speaks TLS and runs on this machine.
    pub(crate) fn is_local_tls(&self) -> bool {
        self.uri.scheme_str() == Some("https") && self.uri.host().is_some_and(trust::is_loopback)
    }
}
