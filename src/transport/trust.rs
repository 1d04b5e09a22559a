//! Whose certificates are accepted.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::presented::Presented;

/// Which servers a client speaks to.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// Those that the system's certificate authorities vouch for; nobody where it has none.
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

    /// The settings of a client that speaks to these servers only, and notes in `presented` what they show.
    pub(super) fn client_config(self, presented: Presented) -> Result<ClientConfig, TrustError> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let judgement = match self {
            Self::System => Judgement::Known(Known::vouched_for_by(system_roots(), &provider)?),
            Self::Nobody => Judgement::Known(Known::default()),
            Self::Pinned(certificates) => Judgement::Known(Known::pinned(certificates, &provider)?),
            Self::AnyOnLoopback => Judgement::Any,
        };
        let verifier = Arc::new(Verifier { judgement, provider, presented });
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        // A server that resumes a session shows no certificate: one that is renewed, or has ended, would go unseen.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// Empty where the system has none, or none that can be read.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
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
    presented: Presented,
}

#[derive(Debug)]
enum Judgement {
    Known(Known),
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
        // First, because how long a certificate is valid is worth knowing of one that is refused, too.
        self.presented.record(end_entity, intermediates);
        let known = match &self.judgement {
            Judgement::Any => return Ok(ServerCertVerified::assertion()),
            Judgement::Known(known) => known,
        };
        if known.themselves.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(authorities) = &known.authorities else {
            return Err(CertificateError::UnknownIssuer.into());
        };
        authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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

/// Whom a client knows.
#[derive(Debug, Default)]
struct Known {
    /// Certificates that are accepted themselves, whatever names and dates they carry.
    ///
    /// A pinned certificate is known byte by byte, so its contents prove nothing more. That matters, because self-signed
    /// certificates of gateways often name no host and are no certificate authorities.
    themselves: Vec<CertificateDer<'static>>,
    /// Who vouches for others; `None` if nobody does.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Known {
    /// The certificates and what they vouch for.
    fn pinned(certificates: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Ok(Self { themselves: certificates, ..Self::vouched_for_by(roots, provider)? })
    }

    fn vouched_for_by(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Self, TrustError> {
        if roots.is_empty() {
            return Ok(Self::default());
        }
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let verifier = builder.build().map_err(|error| TrustError::Malformed(error.into()))?;
        Ok(Self { themselves: Vec::new(), authorities: Some(verifier) })
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
