//! What is exported and where to.

use std::time::Duration;

use crate::log::Directives;
use crate::redact::Secret;

/// What is exported and where to. The standard variables override it: `OTEL_EXPORTER_OTLP_ENDPOINT`, `_HEADERS`,
/// `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, and each for one signal, such as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
///
/// ```
/// use aistm7_monitoring::otlp::OtlpOptions;
/// use aistm7_monitoring::redact::Secret;
///
/// let options = OtlpOptions::new()
///     .endpoint("https://collector.internal:4318")
///     .header("x-api-key", Secret::new("k1".to_owned()))
///     .logs();
/// assert!(!format!("{options:?}").contains("k1"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a monitoring is built with them"]
pub struct OtlpOptions {
    pub(super) endpoint: String,
    pub(super) headers: Vec<(String, Secret<String>)>,
    pub(super) timeout: Duration,
    pub(super) compression: Compression,
    pub(super) logs: Logs,
    pub(super) directives: Directives,
    pub(super) queue_bytes: usize,
}

/// How requests to the collector are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// By gzip.
    Gzip,
}

/// Whether events are exported, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logs {
    Exported,
    Kept,
}

impl OtlpOptions {
    /// Where collectors listen for OTLP over HTTP.
    pub const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

    /// As the specification has it.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// 8 MiB for each signal: some 30,000 requests while the collector is away.
    pub const DEFAULT_QUEUE_BYTES: usize = 8 * 1024 * 1024;

    /// Room for one long record.
    pub const MIN_QUEUE_BYTES: usize = 64 * 1024;

    /// Spans of INFO and above, to a collector on this machine.
    pub fn new() -> Self {
        Self {
            endpoint: Self::DEFAULT_ENDPOINT.to_owned(),
            headers: Vec::new(),
            timeout: Self::DEFAULT_TIMEOUT,
            compression: Compression::default(),
            logs: Logs::Kept,
            directives: Directives::default(),
            queue_bytes: Self::DEFAULT_QUEUE_BYTES,
        }
    }

    /// The collector's URL, to which `/v1/traces` and `/v1/logs` are added.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        Self { endpoint: url.into(), ..self }
    }

    /// A header of each request, such as a key. It is shown nowhere.
    pub fn header(mut self, name: impl Into<String>, value: Secret<String>) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// How long the export of one batch may take, all its attempts and pauses included. Default: 10 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How requests are compressed. Default: not at all.
    pub fn compression(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Exports events as well, as log records. Default: spans only.
    pub fn logs(self) -> Self {
        Self { logs: Logs::Exported, ..self }
    }

    /// Which spans and events are exported. Requests always are. Default: INFO and above.
    pub fn directives(self, directives: Directives) -> Self {
        Self { directives, ..self }
    }

    /// How many bytes of each signal may wait, at least [`OtlpOptions::MIN_QUEUE_BYTES`]. A batch that is under way comes on
    /// top.
    pub fn queue_bytes(self, queue_bytes: usize) -> Self {
        Self { queue_bytes, ..self }
    }
}

impl Default for OtlpOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Compression {
    /// As the variables name it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            _ => None,
        }
    }
}
