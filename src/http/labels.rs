//! The closed vocabularies of request labels.

use http::{Method, StatusCode};

/// A request method as a label: one of a known few, whatever a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MethodLabel(usize);

impl MethodLabel {
    /// The methods that are label values; any other is `_OTHER`, as OpenTelemetry's HTTP semantic conventions ask.
    pub(super) const NAMES: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];

    /// How many there are, `_OTHER` included: the size of tables indexed by [`MethodLabel::index`].
    pub(super) const COUNT: usize = Self::NAMES.len() + 1;

    /// Method names are case-sensitive: `get` is not `GET`.
    pub(super) fn of(method: &Method) -> Self {
        let known = Self::NAMES.iter().position(|name| *name == method.as_str());
        Self(known.unwrap_or(Self::NAMES.len()))
    }

    pub(super) fn index(self) -> usize {
        self.0
    }

    pub(super) fn as_str(self) -> &'static str {
        Self::NAMES.get(self.0).copied().unwrap_or("_OTHER")
    }
}

/// The first digit of a status, or that there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusClass(usize);

impl StatusClass {
    const NAMES: [&str; 7] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

    pub(super) const COUNT: usize = Self::NAMES.len();

    pub(super) fn of(status: Option<StatusCode>) -> Self {
        // `http` allows 100 to 999.
        Self(status.map_or(0, |status| usize::from(status.as_u16() / 100).min(Self::COUNT - 1)))
    }

    pub(super) fn index(self) -> usize {
        self.0
    }

    pub(super) fn as_str(self) -> &'static str {
        Self::NAMES[self.0]
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered in full with a 2xx or 3xx.
    Ok,
    /// Answered in full with a 4xx.
    ClientError,
    /// Answered in full with a 5xx.
    ServerError,
    /// The service returned an error instead of a response.
    Failed,
    /// The response body failed.
    BodyFailed,
    /// The client, or a timeout outside the layer, gave up before the response head, or the server cut the connection at
    /// the end of its grace: `api_connections_total{outcome="aborted"}` tells how many it cut.
    Cancelled,
    /// The client gave up in the response body, or the server cut it.
    Aborted,
    /// The service panicked, in the call, the future or the body.
    Panicked,
    /// The connection became something else, such as a WebSocket.
    Upgraded,
}

impl Outcome {
    /// How many there are: the size of tables indexed by outcome.
    pub(super) const COUNT: usize = Self::Upgraded as usize + 1;

    /// The value of the `outcome` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::Failed => "failed",
            Self::BodyFailed => "body_failed",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
            Self::Panicked => "panicked",
            Self::Upgraded => "upgraded",
        }
    }

    /// Whether it counts in `api_errors_total`.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::ServerError | Self::Failed | Self::BodyFailed | Self::Panicked)
    }

    /// Whether the response was sent in full.
    pub(super) fn is_complete(self) -> bool {
        matches!(self, Self::Ok | Self::ClientError | Self::ServerError)
    }

    /// The outcome of a response that was sent in full.
    pub(super) fn of_complete(status: StatusCode) -> Self {
        match status.as_u16() {
            ..400 => Self::Ok,
            400..500 => Self::ClientError,
            500.. => Self::ServerError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_one_label() {
        for (method, label) in
            [("GET", "GET"), ("QUERY", "QUERY"), ("get", "_OTHER"), ("PROPFIND", "_OTHER"), ("E!V'I|L", "_OTHER")]
        {
            assert_eq!(MethodLabel::of(&Method::from_bytes(method.as_bytes()).unwrap()).as_str(), label);
        }
    }

    #[test]
    fn every_status_has_a_class_and_an_outcome() {
        assert_eq!(StatusClass::of(None).as_str(), "none");
        for code in 100..1000 {
            let status = StatusCode::from_u16(code).unwrap();
            let class = StatusClass::of(Some(status)).as_str();
            assert!(class.starts_with(&code.to_string()[..1]) || class == "other", "{code} {class}");
            assert_eq!(Outcome::of_complete(status).is_error(), code >= 500);
        }
    }
}
