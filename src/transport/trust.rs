//! Whose certificates are accepted.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// Which servers a client speaks to.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those that the system's certificate authorities vouch for.
    System,
    /// Those that show one of these certificates, or one that these vouch for.
    Pinned(Vec<CertificateDer<'static>>),
    /// Nobody: for peers that are spoken to without TLS, so that no certificate store is read for them.
    Nobody,
    /// Whoever listens on this machine. Only for hosts of which [`is_loopback`] holds.
    AnyOnLoopback,
}

/// Why trust cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// The text holds no certificate.
    #[error("the text holds no PEM certificate")]
    NoCertificate,
    /// A certificate is damaged.
    #[error("a PEM certificate cannot be read")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system has no certificate authorities.
    #[error("no certificate authorities of the system can be read")]
    NoSystemRoots(#[source] io::Error),
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl Trust {
    /// The certificates in a PEM text.
    pub(crate) fn pinned(pem: &str) -> Result<Self, TrustError> {
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| TrustError::Malformed(error.into()))?;
        if certificates.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        Ok(Self::Pinned(certificates))
    }

    pub(super) fn client_config(self) -> Result<ClientConfig, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let judgement = match self {
            Self::System => {
                return Ok(builder.with_native_roots().map_err(TrustError::NoSystemRoots)?.with_no_client_auth());
            }
            Self::Nobody => Judgement::Pinned(PinnedCertificates::new(Vec::new(), &provider)?),
            Self::Pinned(certificates) => Judgement::Pinned(PinnedCertificates::new(certificates, &provider)?),
            Self::AnyOnLoopback => Judgement::Any,
        };
        let verifier = Arc::new(Verifier { judgement, provider });
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }
}

/// Whether a host of a URL is this machine: `localhost` and what ends in `.localhost`, 127.0.0.0/8, `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// Judges a server's certificate by a [`Judgement`]; that the server holds its key is always verified.
#[derive(Debug)]
struct Verifier {
    judgement: Judgement,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Judgement {
    Pinned(PinnedCertificates),
    Any,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pinned = match &self.judgement {
            Judgement::Any => return Ok(ServerCertVerified::assertion()),
            Judgement::Pinned(pinned) => pinned,
        };
        if pinned.certificates.iter().any(|certificate| certificate == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &pinned.authorities {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates that are accepted themselves, whatever names and dates they carry, with what they vouch for.
///
/// A pinned certificate is known byte by byte, so its contents prove nothing more. That matters, because self-signed
/// certificates of gateways often name no host and are no certificate authorities.
#[derive(Debug)]
struct PinnedCertificates {
    certificates: Vec<CertificateDer<'static>>,
    /// `None` if none of them can vouch for another.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl PinnedCertificates {
    fn new(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        let authorities = if usable == 0 {
            None
        } else {
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
            Some(builder.build().map_err(|error| TrustError::Malformed(error.into()))?)
        };
        Ok(Self { certificates, authorities })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_nothing_that_looks_like_it() {
        for host in
            ["localhost", "LOCALHOST.", "ibkr.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "notlocalhost", "128.0.0.1", "0.0.0.0", "[::]", "127.0.0.1.nip.io", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn texts_without_certificates_are_refused() {
        assert!(matches!(Trust::pinned("no certificate"), Err(TrustError::NoCertificate)));
        let damaged = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
        assert!(matches!(Trust::pinned(damaged), Err(TrustError::Malformed(_))));
    }
}
