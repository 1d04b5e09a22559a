//! Why a WebSocket ended.

use std::error::Error;
use std::io;

use axum::extract::ws::CloseFrame;

/// The closed vocabulary of `reason`. What was seen first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// A close frame with 1000 or without a code, from either side.
    Normal,
    /// 1001 from the client, as when a browser's tab is closed, or from the handler.
    GoingAway,
    /// 1002, 1003, 1007, 1009 or 1010 from either side, or a frame that broke the protocol or a limit.
    ProtocolError,
    /// 1011 from either side.
    InternalError,
    /// Any other code.
    Other,
    /// The connection broke without a close frame.
    Abnormal,
    /// The handler let go of the socket without a close frame.
    Dropped,
    /// The handler panicked.
    Panicked,
    /// 1001 from here, because the process closes.
    ServerShutdown,
    /// Cut from here without a close frame, because the server was stopped at once.
    Aborted,
}

impl Reason {
    pub(super) const ALL: [Self; 10] = [
        Self::Normal,
        Self::GoingAway,
        Self::ProtocolError,
        Self::InternalError,
        Self::Other,
        Self::Abnormal,
        Self::Dropped,
        Self::Panicked,
        Self::ServerShutdown,
        Self::Aborted,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "going_away",
            Self::ProtocolError => "protocol_error",
            Self::InternalError => "internal_error",
            Self::Other => "other",
            Self::Abnormal => "abnormal",
            Self::Dropped => "dropped",
            Self::Panicked => "panicked",
            Self::ServerShutdown => "server_shutdown",
            Self::Aborted => "aborted",
        }
    }

    pub(super) fn of_close(frame: Option<&CloseFrame>) -> Self {
        match frame.map(|frame| frame.code) {
            None | Some(1000 | 1005) => Self::Normal,
            Some(1001) => Self::GoingAway,
            Some(1002 | 1003 | 1007 | 1009 | 1010) => Self::ProtocolError,
            Some(1011) => Self::InternalError,
            Some(_) => Self::Other,
        }
    }

    /// Why nothing more can be read.
    pub(super) fn of_read(error: &axum::Error) -> Self {
        if is_broken_connection(error) { Self::Abnormal } else { Self::ProtocolError }
    }

    /// Why nothing more can be written; `None` if that says nothing about the connection, such as a full buffer.
    pub(super) fn of_write(error: &axum::Error) -> Option<Self> {
        is_broken_connection(error).then_some(Self::Abnormal)
    }
}

/// How the WebSocket library words the end of a connection without a close frame. Its type is not reachable through
/// axum; a test with a client that vanishes holds the wording.
const NO_CLOSE_FRAME: &str = "without closing handshake";

fn is_broken_connection(error: &axum::Error) -> bool {
    let mut causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.any(|cause| cause.is::<io::Error>()) || error.to_string().ends_with(NO_CLOSE_FRAME)
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use axum::extract::ws::CloseFrame;

    #[test]
    fn every_reason_counts_in_its_own_place() {
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }

    #[test]
    fn close_codes_are_few_reasons() {
        let reason = |code| Reason::of_close(Some(&CloseFrame { code, reason: "".into() })).as_str();
        assert_eq!(Reason::of_close(None).as_str(), "normal");
        for (code, expected) in [
            (1000, "normal"),
            (1001, "going_away"),
            (1002, "protocol_error"),
            (1011, "internal_error"),
            (1013, "other"),
            (4321, "other"),
        ] {
            assert_eq!(reason(code), expected, "{code}");
        }
    }
}
