//! Whether an endpoint answers as it should.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use http::StatusCode;

use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::health::checks::asking::Pause;
use crate::health::checks::following::get;
use crate::health::{CheckFailure, CheckOptions, CheckReport, EndpointError, HealthCheck, Severity};
use crate::transport::Endpoint;

/// Gets a URL and looks at the status, and at the text if asked to. No redirect is followed: one is an answer, and not
/// a good one unless it is expected.
///
/// Defaults: 200 to 299; every 15 s, 3 s timeout, unhealthy after 3 failures, healthy after 2 reports, warning.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `unexpected_status` | another status than expected; the data say which |
/// | `unexpected_content` | the text that is expected is not in the answer |
/// | `invalid_response` | no HTTP, or an answer of more than 64 KiB |
/// | `rate_limited` | degraded: too many requests; not asked again for as long as the answer says, or a minute |
///
/// ```
/// use aistm7_monitoring::health::HttpCheck;
///
/// let docs = HttpCheck::get("https://docs.internal/")?.status(200..=299)?.containing("Welcome");
/// # let _ = docs;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HttpCheck {
    endpoint: Endpoint,
    statuses: RangeInclusive<u16>,
    text: String,
    limit: Pause,
    clock: Clock,
}

/// Chosen: what most servers count requests over.
const USUAL_WAIT: Duration = Duration::from_secs(60);

impl HttpCheck {
    /// A check that gets `url`.
    ///
    /// # Errors
    /// When `url` is no http or https URL or holds a password.
    pub fn get(url: &str) -> Result<Self, EndpointError> {
        Ok(Self {
            endpoint: Endpoint::new(url)?,
            statuses: 200..=299,
            text: String::new(),
            limit: Pause::default(),
            clock: Clock::system(),
        })
    }

    /// The statuses of a good answer.
    ///
    /// # Errors
    /// When there is none from 100 to 599 among them.
    pub fn status(mut self, statuses: RangeInclusive<u16>) -> Result<Self, InvalidValue> {
        if statuses.is_empty() || *statuses.start() < 100 || *statuses.end() > 599 {
            return Err(InvalidValue::new("statuses", format_args!("{statuses:?}"), "a range from 100 to 599"));
        }
        self.statuses = statuses;
        Ok(self)
    }

    /// A text that a good answer contains, byte for byte.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.endpoint.pin(pem)?;
        Ok(self)
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Result<CheckReport, CheckFailure> {
        let code = status.as_u16();
        if !self.statuses.contains(&code) {
            return Err(CheckFailure::new("unexpected_status", format_args!("HTTP {code}")).with_data("status", code));
        }
        let wanted = self.text.as_bytes();
        if !wanted.is_empty() && !body.windows(wanted.len()).any(|part| part == wanted) {
            return Err(CheckFailure::new("unexpected_content", "the expected text is not in the answer"));
        }
        Ok(CheckReport::healthy().with_data("status", code))
    }
}

impl HealthCheck for HttpCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        if let Some(waiting) = self.limit.pending(&self.clock) {
            return Ok(waiting);
        }
        let answer = get(&self.endpoint, "*/*", "unreachable").await?;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let wait = answer.retry_after_seconds.map_or(USUAL_WAIT, Duration::from_secs);
            return Ok(self.limit.begin(&self.clock, wait));
        }
        self.judge(answer.status, &answer.body)
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.endpoint.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(15))
            .timeout(Duration::from_secs(3))
            .failure_threshold(3)
            .recovery_threshold(2)
            .severity(Severity::Warning)
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}
