//! Whether a TLS server's certificate is good, and for how long.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use rustls::CertificateError;
use rustls::pki_types::ServerName;

use super::tcp::{connect, host_of};
use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, EndpointError, HealthCheck, Severity};
use crate::transport::{Chain, HandshakeError, Handshakes, Issuer, Trust};

/// Makes a TLS handshake with a server, as its clients do, and looks at the certificates that it shows.
///
/// The server may speak any protocol inside TLS; one that begins in plain text (STARTTLS) is not understood. The data say
/// `left_seconds`, until the server's own certificate ends; it is negative afterwards.
///
/// Defaults: degraded with less than 21 days left, unhealthy with less than 7; every 15 min, 10 s timeout, unhealthy at
/// once for what a certificate says and after 3 failures for the rest, healthy after 1 report, critical.
///
/// | reason | meaning |
/// |---|---|
/// | `expiring` | degraded: less than the first limit is left |
/// | `chain_expiring` | degraded: the same of another certificate that the server shows |
/// | `expiring_soon` | less than the second limit is left |
/// | `expired` | the certificate, or one that vouches for it, has ended |
/// | `not_yet_valid` | the certificate, or one that vouches for it, has not begun |
/// | `wrong_name` | it is for other hosts |
/// | `self_signed` | it vouches for itself, and nobody here knows it |
/// | `untrusted` | nobody who is trusted here vouches for it, or it breaks another rule |
/// | `unreadable` | it is trusted, but its dates cannot be read |
/// | `tls` | no handshake: the port speaks no TLS, or none that is spoken here |
/// | `name_not_resolved`, `refused`, `unreachable` | no connection, as [`TcpCheck`](super::TcpCheck) says |
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::health::TlsCertificateCheck;
///
/// const DAY: Duration = Duration::from_secs(24 * 3600);
/// let shop = TlsCertificateCheck::new("shop.example:443")?.left_at_least(10 * DAY, 3 * DAY)?;
/// # let _ = shop;
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
pub struct TlsCertificateCheck {
    address: String,
    server: ServerName<'static>,
    handshakes: Handshakes,
    degraded_below: Duration,
    unhealthy_below: Duration,
    clock: Clock,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

impl TlsCertificateCheck {
    /// A check of the server at `host:port`, which must be trusted by the system for `host`.
    ///
    /// # Errors
    /// When there is no host that a certificate could be for, or no port from 1 to 65535.
    pub fn new(address: impl Into<String>) -> Result<Self, EndpointError> {
        let address = address.into();
        let server = server_of(host_of(&address)?)?;
        Ok(Self {
            server,
            address,
            handshakes: handshakes(Trust::System)?,
            degraded_below: 21 * DAY,
            unhealthy_below: 7 * DAY,
            clock: Clock::system(),
        })
    }

    /// The host that the certificate must be for, and that the server is asked for, where that is not the one that is
    /// connected to.
    ///
    /// # Errors
    /// When it is neither a DNS name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, InvalidValue> {
        self.server = server_of(name)?;
        Ok(self)
    }

    /// The time left below which the check is degraded, and the one below which it is unhealthy.
    ///
    /// # Errors
    /// When the second is above the first.
    pub fn left_at_least(mut self, degraded_below: Duration, unhealthy_below: Duration) -> Result<Self, InvalidValue> {
        if unhealthy_below > degraded_below {
            let shown = format_args!("{unhealthy_below:?}");
            return Err(InvalidValue::new("unhealthy below", shown, "at most the time below which it is degraded"));
        }
        (self.degraded_below, self.unhealthy_below) = (degraded_below, unhealthy_below);
        Ok(self)
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other. A server that shows a pinned
    /// certificate itself is trusted whatever name is in it; how long it is valid counts all the same.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.handshakes = handshakes(Trust::pinned(pem).map_err(EndpointError::of_trust)?)?;
        Ok(self)
    }

    fn judge(&self, chain: &Chain) -> Result<CheckReport, CheckFailure> {
        let now = self.clock.wall();
        let left = Left::until(chain.not_after, now);
        let failed = |reason, message: &str| {
            Err(CheckFailure::new(reason, message).with_data("left_seconds", left.seconds()).conclusive())
        };
        let report = match left {
            Left::Over(_) => return failed("expired", "the certificate has ended"),
            Left::Time(left) if left < self.unhealthy_below => {
                return failed("expiring_soon", "the certificate ends very soon");
            }
            Left::Time(left) if left < self.degraded_below => {
                CheckReport::degraded("expiring", "the certificate ends soon")
            }
            Left::Time(_) => match chain.others_not_after.map(|at| Left::until(at, now)) {
                Some(others) if others.is_below(self.degraded_below) => {
                    CheckReport::degraded("chain_expiring", "another certificate that the server shows ends soon")
                        .with_data("chain_left_seconds", others.seconds())
                }
                _ => CheckReport::healthy(),
            },
        };
        Ok(report.with_data("left_seconds", left.seconds()))
    }

    fn refused(&self, error: HandshakeError) -> CheckFailure {
        let HandshakeError::Certificate { refused, .. } = &error else {
            return CheckFailure::new("tls", "no TLS handshake").with_source(error);
        };
        let chain = self.handshakes.chain();
        let (reason, message) = match refused {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("expired", "the certificate, or one that vouches for it, has ended")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("not_yet_valid", "the certificate, or one that vouches for it, has not begun")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ("wrong_name", "the certificate is for other hosts")
            }
            CertificateError::UnknownIssuer if chain.is_some_and(|chain| chain.issuer == Issuer::Itself) => {
                ("self_signed", "the certificate vouches for itself, and nobody knows it")
            }
            _ => ("untrusted", "nobody who is trusted vouches for the certificate, or it breaks a rule"),
        };
        let mut failure = CheckFailure::new(reason, message).conclusive();
        if let Some(chain) = chain {
            failure = failure.with_data("left_seconds", Left::until(chain.not_after, self.clock.wall()).seconds());
        }
        failure.with_source(error)
    }
}

/// How far away a moment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Time(Duration),
    /// For so long.
    Over(Duration),
}

impl Left {
    fn until(at: SystemTime, now: SystemTime) -> Self {
        at.duration_since(now).map_or_else(|over| Self::Over(over.duration()), Self::Time)
    }

    fn is_below(self, limit: Duration) -> bool {
        match self {
            Self::Time(left) => left < limit,
            Self::Over(_) => true,
        }
    }

    fn seconds(self) -> f64 {
        match self {
            Self::Time(left) => left.as_secs_f64(),
            Self::Over(for_so_long) => -for_so_long.as_secs_f64(),
        }
    }
}

fn server_of(host: &str) -> Result<ServerName<'static>, InvalidValue> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let invalid = |_| InvalidValue::new("server name", host, "a DNS name or an IP address");
    ServerName::try_from(bare.to_owned()).map_err(invalid)
}

fn handshakes(trust: Trust) -> Result<Handshakes, EndpointError> {
    Handshakes::new(trust).map_err(EndpointError::of_trust)
}

impl HealthCheck for TlsCertificateCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let stream = connect(&self.address).await?;
        self.handshakes.shake(self.server.clone(), stream).await.map_err(|error| self.refused(error))?;
        match self.handshakes.chain() {
            Some(chain) => self.judge(&chain),
            None => Err(CheckFailure::new("unreadable", "the certificate is trusted, but its dates cannot be read")),
        }
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.handshakes.chain().map(|chain| chain.not_after)
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(15 * 60))
            .timeout(Duration::from_secs(10))
            .failure_threshold(3)
            .recovery_threshold(1)
            .severity(Severity::Critical)
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

impl fmt::Debug for TlsCertificateCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsCertificateCheck")
            .field("address", &self.address)
            .field("server", &self.server)
            .field("degraded_below", &self.degraded_below)
            .field("unhealthy_below", &self.unhealthy_below)
            .finish_non_exhaustive()
    }
}
