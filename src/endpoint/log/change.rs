//! What a request wants changed: `{"directives":"info,sqlx=debug","seconds":600}`, or `"permanent":true` for good.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Map, Value};

use crate::error::InvalidValue;
use crate::log::{Directives, LevelsError};

#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub(super) directives: Directives,
    /// `None` is for good.
    pub(super) lasting: Option<Duration>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the body has more than {most} bytes")]
    TooLarge { most: usize },
    #[error("the body did not come within {patience:?}")]
    TooSlow { patience: Duration },
    #[error("the body broke off")]
    BodyFailed,
    #[error("the body is no JSON object")]
    NotAnObject,
    #[error("{0}")]
    UnknownMember(InvalidValue),
    #[error("\"directives\" has to be a text such as \"info,sqlx=debug\"")]
    NoDirectives,
    #[error("{0}")]
    Directives(InvalidValue),
    #[error("either \"seconds\", a whole number, or \"permanent\":true says how long the levels hold")]
    NoTime,
    #[error("{0}")]
    Seconds(InvalidValue),
    #[error("{0}")]
    NotChanged(LevelsError),
}

impl Change {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let members: Map<String, Value> = serde_json::from_slice(body).map_err(|_| Refusal::NotAnObject)?;
        if let Some(unknown) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            let refused = InvalidValue::new("member", unknown, "directives, seconds or permanent");
            return Err(Refusal::UnknownMember(refused));
        }
        let text = members.get(DIRECTIVES).and_then(Value::as_str).ok_or(Refusal::NoDirectives)?;
        let lasting = match (members.get(SECONDS), members.get(PERMANENT)) {
            (Some(seconds), None | Some(Value::Bool(false))) => {
                Some(Duration::from_secs(seconds.as_u64().ok_or(Refusal::NoTime)?))
            }
            (None, Some(Value::Bool(true))) => None,
            _ => return Err(Refusal::NoTime),
        };
        Ok(Self { directives: Directives::parse(text).map_err(Refusal::Directives)?, lasting })
    }
}

const DIRECTIVES: &str = "directives";
const SECONDS: &str = "seconds";
const PERMANENT: &str = "permanent";
const MEMBERS: [&str; 3] = [DIRECTIVES, SECONDS, PERMANENT];

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::NotChanged(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// For programs, which should not read the message.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::TooSlow { .. } => "too_slow",
            Self::BodyFailed => "body_failed",
            Self::NotAnObject => "not_an_object",
            Self::UnknownMember(_) => "unknown_member",
            Self::NoDirectives => "no_directives",
            Self::Directives(_) => "invalid_directives",
            Self::NoTime => "no_time",
            Self::Seconds(_) => "invalid_seconds",
            Self::NotChanged(_) => "not_changed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &str) -> Result<Change, &'static str> {
        Change::parse(body.as_bytes()).map_err(|refusal| refusal.code())
    }

    #[test]
    fn change_says_what_and_for_how_long() {
        let change = |text, seconds: Option<u64>| {
            let lasting = seconds.map(Duration::from_secs);
            Ok(Change { directives: Directives::parse(text).expect(text), lasting })
        };
        for (body, expected) in [
            (r#"{"directives":"info,sqlx=debug","seconds":600}"#, change("info,sqlx=debug", Some(600))),
            (r#"{"seconds":1,"directives":"","permanent":false}"#, change("info", Some(1))),
            (r#" {"directives":"off","permanent":true} "#, change("off", None)),
        ] {
            assert_eq!(parsed(body), expected, "{body}");
        }
    }

    #[test]
    fn anything_else_has_its_own_code() {
        let long = format!(r#"{{"directives":"{}=loud","seconds":1}}"#, "x".repeat(3_000));
        for (body, code) in [
            ("", "not_an_object"),
            ("null", "not_an_object"),
            ("[]", "not_an_object"),
            ("{\"directives\":\"info\"", "not_an_object"),
            (&"[".repeat(4_000), "not_an_object"),
            ("{\"directives\":\"\u{0}\",\"seconds\":1}", "not_an_object"),
            (r#"{"directive":"info","seconds":1}"#, "unknown_member"),
            (r#"{"seconds":1}"#, "no_directives"),
            (r#"{"directives":["info"],"seconds":1}"#, "no_directives"),
            (r#"{"directives":"info"}"#, "no_time"),
            (r#"{"directives":"info","seconds":"600"}"#, "no_time"),
            (r#"{"directives":"info","seconds":-1}"#, "no_time"),
            (r#"{"directives":"info","seconds":1.5}"#, "no_time"),
            (r#"{"directives":"info","seconds":1e400}"#, "not_an_object"),
            (r#"{"directives":"info","permanent":false}"#, "no_time"),
            (r#"{"directives":"info","permanent":"true"}"#, "no_time"),
            (r#"{"directives":"info","seconds":1,"permanent":true}"#, "no_time"),
            (r#"{"directives":"info,sqlx=loud","seconds":1}"#, "invalid_directives"),
            (r#"{"directives":"a[span{x=\"y\"}]=info","seconds":1}"#, "invalid_directives"),
            (r#"{"directives":"\u202einfo","seconds":1}"#, "invalid_directives"),
            (&long, "invalid_directives"),
        ] {
            assert_eq!(parsed(body), Err(code), "{body:.80}");
        }
        let refusal = Change::parse(long.as_bytes()).expect_err("no level");
        assert!(refusal.to_string().len() < 500, "{refusal}");
    }
}
