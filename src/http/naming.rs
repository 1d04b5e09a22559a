//! The two sets of names that requests can be shown under.

/// Under which names requests are shown. Chosen once, by
/// [`HttpOptions::open_telemetry`](super::HttpOptions::open_telemetry).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Naming {
    #[default]
    Api,
    OpenTelemetry(UrlScheme),
}

/// The scheme by which clients reach the service. Declared, because a service behind a proxy that ends TLS sees `http`
/// where its clients wrote `https`, and what a client says of it is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlScheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl UrlScheme {
    /// The value of the `url_scheme` label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
