//! TLS handshakes with nothing after them.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::presented::{Chain, Presented};
use super::{Trust, TrustError};

/// Makes handshakes with whom it trusts.
pub(crate) struct Handshakes {
    connector: TlsConnector,
    presented: Presented,
}

/// Why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The peer holds the key of a certificate that does not prove who it is.
    #[error("the certificate is refused")]
    Certificate {
        /// Why.
        refused: CertificateError,
        /// The same, as it came.
        source: io::Error,
    },
    /// The peer speaks no TLS, or none that is spoken here, or the connection broke.
    #[error("the handshake fails")]
    Failed(#[source] io::Error),
}

impl Handshakes {
    /// # Errors
    /// When the certificates of `trust` cannot be used.
    pub(crate) fn new(trust: Trust) -> Result<Self, TrustError> {
        let presented = Presented::default();
        let config = Arc::new(trust.client_config(presented.clone())?);
        Ok(Self { connector: TlsConnector::from(config), presented })
    }

    /// Shakes hands as a client that looks for `server`, and closes the connection.
    ///
    /// # Errors
    /// When there is no TLS connection to a certificate that is trusted for that name now.
    pub(crate) async fn shake(&self, server: ServerName<'static>, stream: TcpStream) -> Result<(), HandshakeError> {
        self.connector.connect(server, stream).await.map(drop).map_err(HandshakeError::of)
    }

    /// What the peer showed last, also if it was refused.
    pub(crate) fn chain(&self) -> Option<Chain> {
        self.presented.chain()
    }
}

impl HandshakeError {
    fn of(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(rustls::Error::InvalidCertificate(refused)) => {
                Self::Certificate { refused: refused.clone(), source: error }
            }
            _ => Self::Failed(error),
        }
    }
}
