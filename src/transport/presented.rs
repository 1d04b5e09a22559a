//! The certificates that a peer showed, and until when they are valid.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::Decode;

/// What the latest peer of a client showed, whether it was trusted or not. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Presented(Arc<Mutex<Option<Chain>>>);

/// The certificates of one handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// When the peer's own certificate ends.
    pub(crate) not_after: SystemTime,
    /// When the first of the others that it showed ends; `None` if it showed no other.
    pub(crate) others_not_after: Option<SystemTime>,
    /// Who signed the peer's own certificate.
    pub(crate) issuer: Issuer,
}

/// Who vouches for a certificate, by its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Issuer {
    /// Its subject.
    Itself,
    Another,
}

impl Presented {
    /// What was shown last; `None` before the first handshake, or if it could not be read.
    pub(crate) fn chain(&self) -> Option<Chain> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Chain::read(own, others);
    }
}

impl Chain {
    fn read(own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<Self> {
        let own = parse(own)?;
        let signed = own.tbs_certificate();
        let issuer = if signed.issuer() == signed.subject() { Issuer::Itself } else { Issuer::Another };
        let others_not_after = others.iter().filter_map(parse).map(|other| not_after(&other)).min();
        Some(Self { not_after: not_after(&own), others_not_after, issuer })
    }
}

/// Leniently: what TLS accepts or refuses is not decided here.
fn parse(certificate: &CertificateDer<'_>) -> Option<CertificateInner<Raw>> {
    CertificateInner::from_der(certificate).ok()
}

fn not_after(certificate: &CertificateInner<Raw>) -> SystemTime {
    certificate.tbs_certificate().validity().not_after.to_system_time()
}
