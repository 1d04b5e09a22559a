//! Peers that speak as Interactive Brokers' gateways do, from the facts of the wire. Independent clients take them for
//! the real thing: see `tests/real/ibkr.rs`.

pub(crate) mod clients;
pub(crate) mod portal;
pub(crate) mod tws;
