//! Why a request had no answer.

use std::error::Error as StdError;
use std::io;

use super::BODY_LIMIT;

type Source = Box<dyn StdError + Send + Sync>;

/// What went wrong between us and the peer. No variant shows the URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TransportError {
    /// The name does not resolve, nobody listens, or the network loses it.
    #[error("no connection")]
    Connect(#[source] Source),
    /// Somebody listens, but TLS fails: an untrusted or wrong certificate, or no TLS at all.
    #[error("TLS failed")]
    Tls(#[source] Source),
    /// The connection broke before the answer was complete.
    #[error("the connection broke")]
    Broken(#[source] Source),
    /// What came is not HTTP, or breaks its rules.
    #[error("the answer is not valid HTTP")]
    Protocol(#[source] Source),
    /// The answer is longer than anybody expects.
    #[error("the answer is longer than {BODY_LIMIT} bytes")]
    TooLong,
}

impl TransportError {
    /// Sorts an error of the client by what is at the bottom of it.
    pub(super) fn of_request(error: hyper_util::client::legacy::Error) -> Self {
        let in_connect = error.is_connect();
        let chain = Chain::of(&error);
        match chain {
            _ if chain.tls => Self::Tls(error.into()),
            _ if in_connect => Self::Connect(error.into()),
            Chain { protocol: true, .. } => Self::Protocol(error.into()),
            Chain { .. } => Self::Broken(error.into()),
        }
    }

    pub(super) fn of_body(source: Source) -> Self {
        if source.is::<http_body_util::LengthLimitError>() {
            return Self::TooLong;
        }
        let chain = Chain::of(source.as_ref());
        if chain.protocol { Self::Protocol(source) } else { Self::Broken(source) }
    }
}

/// What kinds of error a chain of sources holds.
#[derive(Clone, Copy, Default)]
struct Chain {
    tls: bool,
    protocol: bool,
}

impl Chain {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut chain = Self::default();
        let mut next = Some(error);
        while let Some(error) = next {
            chain.tls |= error.is::<rustls::Error>() || wraps_tls(error);
            chain.protocol |= error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
            next = error.source();
        }
        chain
    }
}

/// An I/O error does not name the error that it was made from as its source, but that one's source.
fn wraps_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut next = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    while let Some(inner) = next {
        if inner.is::<rustls::Error>() {
            return true;
        }
        next = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    }
    false
}
