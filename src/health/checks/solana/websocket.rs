//! Whether a node's WebSocket tells of new slots.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::{NoAnswer, json_of, refused, result};
use super::rpc::wait_after;
use super::usual_options;
use crate::clock::Clock;
use crate::error::InvalidValue;
use crate::health::checks::asking::{Pause, failure_of};
use crate::health::{CheckFailure, CheckOptions, CheckReport, HealthCheck};
use crate::redact::scrub_url;
use crate::transport::{Endpoint, EndpointError, TransportError, WebSocketAnswer};

/// Subscribes to slots over a node's WebSocket and waits for the first: a service that lives on subscriptions hears
/// nothing from a node whose WebSocket is open and silent, while its RPC answers.
///
/// Each run opens one connection, sends `slotSubscribe` and closes. Keys in the URL's path and query are sent and never
/// shown.
///
/// Defaults: every 15 s, 3 s timeout, unhealthy after 3 failures, healthy after 2 reports, critical, dependency
/// `solana`.
///
/// | reason | meaning |
/// |---|---|
/// | `unreachable` | nobody answers at the address, or the connection broke |
/// | `tls` | the certificate is not trusted, or the port speaks no TLS |
/// | `websocket_silent` | no slot within 2 s of subscribing |
/// | `rpc_error` | the node answers with an error |
/// | `forbidden` | the node or its provider refuses us (HTTP 401, 403) |
/// | `invalid_response` | an answer that makes no sense |
/// | `rate_limited` | degraded: too many requests; not asked again for as long as the answer says, or a minute |
///
/// ```
/// use aistm7_monitoring::health::SolanaWebSocketCheck;
///
/// let node = SolanaWebSocketCheck::new("ws://127.0.0.1:8900/?api-key=k1")?;
/// assert!(!format!("{node:?}").contains("k1"));
/// # Ok::<(), aistm7_monitoring::health::EndpointError>(())
/// ```
#[derive(Debug)]
pub struct SolanaWebSocketCheck {
    node: Endpoint,
    limit: Pause,
    clock: Clock,
}

/// Five slots of 400 ms; less than the usual timeout of a run, with time to connect.
const SILENCE: Duration = Duration::from_secs(2);

const SUBSCRIPTION_ID: u64 = 1;

impl SolanaWebSocketCheck {
    /// A check of the WebSocket at `url`.
    ///
    /// # Errors
    /// When `url` is no ws or wss URL or holds a password.
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let node = Endpoint::new(&http_url(url)?)?;
        Ok(Self { node, limit: Pause::default(), clock: Clock::system() })
    }

    /// Trusts the certificates in `pem`, and those that they vouch for, and no other. A server that shows a pinned
    /// certificate itself is trusted whatever name and dates are in it.
    ///
    /// # Errors
    /// When `pem` holds no certificate or a damaged one.
    pub fn pinned_certificate(mut self, pem: &str) -> Result<Self, EndpointError> {
        self.node.pin(pem)?;
        Ok(self)
    }

    /// Trusts any certificate, as nothing on this machine can stand between.
    ///
    /// # Errors
    /// When the host is not `localhost` or a loopback address.
    pub fn any_certificate_on_loopback(mut self) -> Result<Self, EndpointError> {
        self.node.accept_any()?;
        Ok(self)
    }

    /// What comes of no answer. `asked_seconds` is how long the peer wants to be left alone, if it says so.
    fn judge(&self, why: NoAnswer, asked_seconds: Option<u64>) -> Result<CheckReport, CheckFailure> {
        match why {
            NoAnswer::RateLimited => Ok(self.limit.begin(&self.clock, wait_after(asked_seconds))),
            NoAnswer::Failed(failure) => Err(failure),
        }
    }
}

impl HealthCheck for SolanaWebSocketCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        if let Some(waiting) = self.limit.pending(&self.clock) {
            return Ok(waiting);
        }
        let mut socket = match self.node.open_websocket().await.map_err(failed)? {
            WebSocketAnswer::Open(socket) => socket,
            WebSocketAnswer::Refused(answer) => return self.judge(refused(answer.status), answer.retry_after_seconds),
        };
        let subscription = json!({"jsonrpc": "2.0", "id": SUBSCRIPTION_ID, "method": "slotSubscribe", "params": []});
        socket.send(subscription.to_string()).await.map_err(failed)?;
        let first_slot = async {
            loop {
                match read(&socket.next().await.map_err(failed)?) {
                    Ok(Some(slot)) => return Ok(CheckReport::healthy().with_data("slot", slot)),
                    Ok(None) => {}
                    Err(why) => return self.judge(why, None),
                }
            }
        };
        let silent = |_| Err(CheckFailure::new("websocket_silent", "the WebSocket is open and tells of no slot"));
        timeout(SILENCE, first_slot).await.unwrap_or_else(silent)
    }

    fn certificate_not_after(&self) -> Option<SystemTime> {
        self.node.certificate_not_after()
    }

    fn defaults(&self) -> CheckOptions {
        usual_options()
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

/// The request that opens a WebSocket is one of HTTP.
fn http_url(url: &str) -> Result<String, InvalidValue> {
    for (scheme, http) in [("ws://", "http://"), ("wss://", "https://")] {
        if let Some(rest) = url.strip_prefix(scheme) {
            return Ok(format!("{http}{rest}"));
        }
    }
    Err(InvalidValue::new("URL", scrub_url(url), "starts with ws:// or wss:// and a host"))
}

fn failed(error: TransportError) -> CheckFailure {
    failure_of(error, "unreachable")
}

/// The slot of a notification; `None` for what confirms the subscription.
fn read(message: &[u8]) -> Result<Option<u64>, NoAnswer> {
    let message = json_of(message)?;
    if message["method"] == "slotNotification" {
        let slot = &message["params"]["result"]["slot"];
        return slot.as_u64().map(Some).ok_or_else(|| NoAnswer::invalid("a notification tells no slot"));
    }
    result(&message).map(|_: &Value| None)
}
