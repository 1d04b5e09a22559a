//! `x-request-id`: accepted when sane, made when not.

use std::fmt;
use std::sync::Arc;

/// The id that a person quotes to support.
///
/// An inbound value is kept if it is 1 to 128 of `A-Z a-z 0-9 - _ . : @ + / =`; anything else (longer, spaces, control
/// characters, other bytes) is replaced by a new UUID version 7.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

/// Chosen: room for any id a proxy makes, no room for a payload.
const MAX_BYTES: usize = 128;

impl RequestId {
    /// A new id: a UUID version 7, so that ids sort by time.
    pub fn generate() -> Self {
        let mut buffer = uuid::Uuid::encode_buffer();
        let text: &str = uuid::Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer);
        Self(text.into())
    }

    /// The id of a header value; `None` if it is not sane.
    pub fn accept(value: &[u8]) -> Option<Self> {
        let sane = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:@+/=".contains(b);
        if !(1..=MAX_BYTES).contains(&value.len()) || !value.iter().all(sane) {
            return None;
        }
        std::str::from_utf8(value).ok().map(|text| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn sane_ids_are_kept_and_others_refused() {
        assert!(RequestId::accept(b"req-7.a:b@c+d/e=").is_some());
        for bad in [&b""[..], b"a b", b"a\nb", b"a\"b", b"\xff", "x".repeat(129).as_bytes()] {
            assert_eq!(RequestId::accept(bad), None);
        }
    }

    #[test]
    fn generated_ids_are_uuids_of_version_7_and_pass_their_own_rule() {
        let id = RequestId::generate();
        assert_eq!(id.as_str().len(), 36);
        assert_eq!(&id.as_str()[14..15], "7");
        assert!(RequestId::accept(id.as_str().as_bytes()).is_some());
    }
}
