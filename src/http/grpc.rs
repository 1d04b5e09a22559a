//! The status that gRPC sends behind the body of a response whose HTTP status is 200.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// A status of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrpcStatus(u8);

/// By code, as gRPC's own documentation numbers them.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl GrpcStatus {
    /// What stands for codes that gRPC does not know, by its own rule.
    const UNKNOWN: Self = Self(2);

    /// The code, 0 to 16.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The name, such as `OK` or `DEADLINE_EXCEEDED`.
    pub fn as_str(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Whether it is the server's fault, as OpenTelemetry's conventions for RPC say: `UNKNOWN`, `DEADLINE_EXCEEDED`,
    /// `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS`.
    pub const fn is_server_error(self) -> bool {
        matches!(self.0, 2 | 4 | 12 | 13 | 14 | 15)
    }

    /// What trailers say, or the head of a response that has no body.
    fn read(headers: &HeaderMap) -> Option<Self> {
        let code = headers.get("grpc-status")?.to_str().ok().and_then(|code| code.parse().ok());
        let known = code.filter(|code| usize::from(*code) < NAMES.len());
        Some(known.map_or(Self::UNKNOWN, Self))
    }
}

/// What is known of the gRPC status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grpc {
    /// It is no response of gRPC, or nobody asked.
    No,
    /// It comes in the trailers.
    Awaited,
    Said(GrpcStatus),
}

impl Grpc {
    pub(super) fn of_head(headers: &HeaderMap) -> Self {
        const GRPC: &[u8] = b"application/grpc";
        let kind = headers.get(CONTENT_TYPE).map_or(&[][..], |kind| kind.as_bytes());
        let (start, rest) = kind.split_at(kind.len().min(GRPC.len()));
        // What may follow is a format (`+proto`) or parameters; `application/grpc-web` has its trailers in the body.
        if !start.eq_ignore_ascii_case(GRPC) || !matches!(rest.first(), None | Some(b'+' | b';' | b' ')) {
            return Self::No;
        }
        GrpcStatus::read(headers).map_or(Self::Awaited, Self::Said)
    }

    pub(super) fn of_trailers(self, trailers: &HeaderMap) -> Self {
        match self {
            Self::Awaited => GrpcStatus::read(trailers).map_or(self, Self::Said),
            Self::No | Self::Said(_) => self,
        }
    }

    pub(super) fn status(self) -> Option<GrpcStatus> {
        match self {
            Self::Said(status) => Some(status),
            Self::No | Self::Awaited => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn head(kind: &'static str, status: Option<&'static str>) -> HeaderMap {
        let status = status.map(|status| ("grpc-status".parse().unwrap(), HeaderValue::from_static(status)));
        [(CONTENT_TYPE, HeaderValue::from_static(kind))].into_iter().chain(status).collect()
    }

    #[test]
    fn grpc_is_known_by_its_content_type_alone() {
        for kind in ["application/grpc", "application/grpc+proto", "Application/gRPC; charset=x"] {
            assert_eq!(Grpc::of_head(&head(kind, None)), Grpc::Awaited, "{kind}");
        }
        for kind in ["application/json", "application/grpc-web", "application/gr", ""] {
            assert_eq!(Grpc::of_head(&head(kind, Some("13"))), Grpc::No, "{kind}");
        }
    }

    #[test]
    fn status_is_that_of_the_head_or_else_of_the_trailers() {
        let of = |said| Grpc::of_head(&head("application/grpc", Some(said))).status().map(GrpcStatus::as_str);
        assert_eq!(of("0"), Some("OK"));
        assert_eq!(of("16"), Some("UNAUTHENTICATED"));
        for odd in ["17", "255", "256", "-1", "", "five"] {
            assert_eq!(of(odd), Some("UNKNOWN"), "{odd}");
        }
        let trailers = |status| head("text/plain", status);
        assert_eq!(Grpc::Awaited.of_trailers(&trailers(Some("5"))).status().unwrap().as_str(), "NOT_FOUND");
        assert_eq!(Grpc::Awaited.of_trailers(&trailers(None)), Grpc::Awaited);
        assert_eq!(Grpc::No.of_trailers(&trailers(Some("5"))), Grpc::No);
        let said = Grpc::of_head(&head("application/grpc", Some("0")));
        assert_eq!(said.of_trailers(&trailers(Some("13"))), said);
    }
}
