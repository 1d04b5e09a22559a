//! Services that this one calls: the IBKR gateway for quotes, a Solana RPC node for balances.

mod client;
pub(crate) mod ibkr;
pub(crate) mod solana;

pub(crate) use self::client::{HttpClient, UpstreamError};
