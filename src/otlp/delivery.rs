//! One batch on its way to the collector: tried again while there is hope and time.

use std::io::Write as _;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Uri};

use super::instruments::Lost;
use super::options::Compression;
use crate::redact::scrub_url;
use crate::transport::{Endpoint, HttpAnswer, TransportError};

/// The way to one signal's collector.
pub(super) struct Delivery {
    endpoint: Endpoint,
    request: Request,
    timeout: Duration,
}

/// What requests have in common.
pub(super) struct Request {
    pub(super) uri: Uri,
    /// Their values are marked as sensitive.
    pub(super) headers: HeaderMap,
    pub(super) compression: Compression,
}

/// Why a batch was not taken.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) lost: Lost,
    /// Without anything secret, and one of few for each kind of trouble.
    pub(super) cause: String,
    retry: Retry,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    Never,
    /// After a pause, of the collector's choice if it chose one.
    After(Option<Duration>),
}

/// Chosen: as long as a collector takes to start again, at its fastest. Pauses double.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Chosen: what a collector is spared that asks to be asked again at once, again and again.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

impl Delivery {
    pub(super) fn new(endpoint: Endpoint, request: Request, timeout: Duration) -> Self {
        Self { endpoint, request, timeout }
    }

    /// Where it goes, as may be shown.
    pub(super) fn shown(&self) -> String {
        scrub_url(&self.request.uri.to_string())
    }

    /// Tries until the collector takes the body, says no for good, or the timeout has passed; once `closed` resolves,
    /// there is no further attempt. `trying` hears of each attempt.
    ///
    /// # Errors
    /// With the last failure that was told.
    pub(super) async fn deliver(
        &self,
        body: Vec<u8>,
        closed: impl Future<Output = ()>,
        trying: impl Fn(),
    ) -> Result<Bytes, Failure> {
        let body = self.request.compression.compressed(body);
        let mut last = Failure::silence();
        let attempts = async {
            let mut closed = pin!(closed);
            let mut pause = FIRST_PAUSE;
            loop {
                trying();
                last = match self.attempt(body.clone()).await {
                    Ok(answer) => return Some(answer),
                    Err(failure) => failure,
                };
                let Retry::After(asked) = last.retry else { return None };
                tokio::select! {
                    () = tokio::time::sleep(asked.map_or_else(|| spread(pause), |asked| asked.max(SHORTEST_PAUSE))) => {}
                    () = &mut closed => return None,
                }
                pause = LONGEST_PAUSE.min(pause * 2);
            }
        };
        let outcome = tokio::time::timeout(self.timeout, attempts).await;
        outcome.ok().flatten().ok_or(last)
    }

    async fn attempt(&self, body: Bytes) -> Result<Bytes, Failure> {
        let mut request = http::Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.request.uri.clone();
        *request.headers_mut() = self.request.headers.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if self.request.compression == Compression::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let answer = self.endpoint.send(request).await.map_err(|error| Failure::of_transport(&error))?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(Failure::of_answer(&answer)) }
    }
}

impl Failure {
    fn silence() -> Self {
        Self { lost: Lost::Unreachable, cause: "no answer in time".to_owned(), retry: Retry::Never }
    }

    fn of_transport(error: &TransportError) -> Self {
        let retry = match error {
            TransportError::Connect(_) | TransportError::Broken(_) => Retry::After(None),
            TransportError::Tls(_) | TransportError::Protocol(_) | TransportError::TooLong => Retry::Never,
        };
        Self { lost: Lost::Unreachable, cause: error.to_string(), retry }
    }

    /// The statuses that the protocol calls temporary.
    fn of_answer(answer: &HttpAnswer) -> Self {
        let is_temporary = matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        let asked = answer.retry_after_seconds.map(Duration::from_secs);
        let retry = if is_temporary { Retry::After(asked) } else { Retry::Never };
        Self { lost: Lost::Refused, cause: format!("status {}", answer.status.as_u16()), retry }
    }
}

impl Compression {
    fn compressed(self, body: Vec<u8>) -> Bytes {
        match self {
            Self::None => body.into(),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
                let done = encoder.write_all(&body).and_then(|()| encoder.finish());
                done.expect("OK because writing into memory does not fail").into()
            }
        }
    }
}

/// Half of a pause to one and a half, so that the replicas of a service do not come back at once.
fn spread(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64())
}
