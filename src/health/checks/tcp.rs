//! Whether a port takes connections.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck, Severity};

/// Connects to a TCP port and closes the connection: the weakest proof there is, for what has no check of its own.
///
/// A port that takes connections says that a process listens, not that it works.
///
/// Defaults: every 15 s, 3 s timeout, unhealthy after 3 failures, healthy after 2 reports, warning.
///
/// | reason | meaning |
/// |---|---|
/// | `name_not_resolved` | the host's name has no address |
/// | `refused` | the host is there, and nobody listens on the port |
/// | `unreachable` | no connection: no route, reset, or a firewall that says no |
/// | `timeout` | no answer in time: the host is down, or a firewall says nothing |
///
/// ```
/// use aistm7_monitoring::health::TcpCheck;
///
/// let kafka = TcpCheck::new("kafka.internal:9092")?;
/// # let _ = kafka;
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Debug)]
pub struct TcpCheck {
    address: String,
}

impl TcpCheck {
    /// A check of `host:port`. The host is a name or an IP address, one of version 6 in brackets.
    ///
    /// # Errors
    /// When there is no host, or no port from 1 to 65535.
    pub fn new(address: impl Into<String>) -> Result<Self, InvalidValue> {
        let address = address.into();
        host_of(&address)?;
        Ok(Self { address })
    }
}

/// The host of `host:port`, as it is written.
pub(super) fn host_of(address: &str) -> Result<&str, InvalidValue> {
    let host = address.rsplit_once(':').filter(|(host, port)| {
        let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@'));
        is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let invalid = || InvalidValue::new("address", address, "a host and a port, such as kafka.internal:9092");
    host.map(|(host, _)| host).ok_or_else(invalid)
}

/// Connects to `host:port`; a failure has one of the reasons of [`TcpCheck`].
pub(super) async fn connect(address: &str) -> Result<TcpStream, CheckFailure> {
    let failed = |reason, message: &str, error| CheckFailure::new(reason, message).with_source(error);
    let addresses: Vec<_> = match lookup_host(address).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Err(failed("name_not_resolved", "the host's name has no address", error)),
    };
    TcpStream::connect(&*addresses).await.map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => failed("refused", "nobody listens on the port", error),
        _ => failed("unreachable", "no connection to the port", error),
    })
}

impl HealthCheck for TcpCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        connect(&self.address).await.map(|_| CheckReport::healthy())
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(15))
            .timeout(Duration::from_secs(3))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Warning)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn reason(address: &str) -> Option<&'static str> {
        TcpCheck::new(address).unwrap().check().await.err().map(|failure| failure.reason())
    }

    #[tokio::test]
    async fn port_that_listens_is_told_from_one_that_does_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(reason(&address).await, None);
        drop(listener);
        assert_eq!(reason(&address).await, Some("refused"));
        assert_eq!(reason("no-such-host.invalid:80").await, Some("name_not_resolved"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for good in ["localhost:80", "127.0.0.1:65535", "[::1]:80"] {
            assert!(TcpCheck::new(good).is_ok(), "{good}");
        }
        for bad in ["", "localhost", ":80", "localhost:0", "localhost:65536", "http://localhost:80", "u:p@localhost:80"]
        {
            assert!(TcpCheck::new(bad).is_err(), "{bad}");
        }
    }
}
