//! `x-request-id`: accepted when sane, made when not.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use uuid::Uuid;

use super::id::hex;
#[cfg(not(any(feature = "database", feature = "http")))]
use crate::clock::Clock;
#[cfg(any(feature = "database", feature = "http"))]
use crate::clock::reckoned_unix_time as now;

/// The id that a person quotes to support.
///
/// An inbound value is kept if it is 1 to 128 of `A-Z a-z 0-9 - _ . : @ + / =`; anything else (longer, spaces, control
/// characters, other bytes) is replaced by a new UUID version 7.
#[derive(Clone)]
pub struct RequestId(Text);

/// ASCII.
#[derive(Clone)]
enum Text {
    /// The first `length` bytes. In place, so that most ids need no memory of their own.
    Short {
        bytes: [u8; SHORT],
        length: u8,
    },
    Long(Box<[u8]>),
}

/// Chosen: a UUID, also in braces or with a prefix of a few letters, and whole registers to move.
const SHORT: usize = 46;

impl RequestId {
    /// Chosen: room for any id a proxy makes, no room for a payload.
    pub const MAX_BYTES: usize = 128;

    /// A new id: a UUID version 7, so that ids sort by time. Takes no lock.
    pub fn generate() -> Self {
        Self::of(&hyphenated(version_7(now())))
    }

    /// The id of a header value; `None` if it is not sane.
    pub fn accept(value: &[u8]) -> Option<Self> {
        let sane = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:@+/=".contains(b);
        ((1..=Self::MAX_BYTES).contains(&value.len()) && value.iter().all(sane)).then(|| Self::of(value))
    }

    /// The id of a text that is ASCII.
    fn of(text: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        Self(match bytes.get_mut(..text.len()) {
            Some(start) => {
                start.copy_from_slice(text);
                // The cast keeps the value, which is at most `SHORT`.
                Text::Short { bytes, length: text.len() as u8 }
            }
            None => Text::Long(text.into()),
        })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("OK because only ASCII is kept")
    }

    /// The id as ASCII. Cheaper than the text, which has to be checked again.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { bytes, length } => &bytes[..usize::from(*length)],
            Text::Long(bytes) => bytes,
        }
    }
}

/// The time since 1970.
#[cfg(not(any(feature = "database", feature = "http")))]
fn now() -> Duration {
    Clock::system().wall().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The usual text of a UUID, in half the time that the type takes to write it.
fn hyphenated(id: Uuid) -> [u8; 36] {
    let digits: [u8; 32] = hex(id.into_bytes());
    let mut text = [b'-'; 36];
    for (group, place) in [(0..8, 0), (8..12, 9), (12..16, 14), (16..20, 19), (20..32, 24)] {
        text[place..place + group.len()].copy_from_slice(&digits[group]);
    }
    text
}

/// A UUID of version 7 (RFC 9562) of a moment since 1970. By that document's method 3 the time
/// goes on behind the milliseconds, in 4096ths of one, so that ids sort without a counter that threads would share.
fn version_7(unix: Duration) -> Uuid {
    let nanos = unix.subsec_nanos() % 1_000_000;
    // The cast keeps the value, which is less than 4096: twelve bits.
    let fraction = (nanos * 4_096 / 1_000_000) as u16;
    // The cast keeps what is less than 584 million years after 1970.
    let millis = unix.as_millis() as u64;
    let mut rest = [0; 10];
    rest[..2].copy_from_slice(&fraction.to_be_bytes());
    rest[2..].copy_from_slice(&fastrand::u64(..).to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

impl PartialEq for RequestId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for RequestId {}

impl Hash for RequestId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids_are_kept_and_others_refused() {
        for sane in ["req-7.a:b@c+d/e=", &"x".repeat(SHORT), &"y".repeat(SHORT + 1), &"z".repeat(RequestId::MAX_BYTES)]
        {
            assert_eq!(RequestId::accept(sane.as_bytes()).expect("is sane").as_str(), sane);
        }
        for bad in [&b""[..], b"a b", b"a\nb", b"a\"b", b"\xff", "x".repeat(129).as_bytes()] {
            assert_eq!(RequestId::accept(bad), None);
        }
    }

    #[test]
    fn generated_ids_are_uuids_of_version_7_and_pass_their_own_rule() {
        let id = RequestId::generate();
        assert_eq!(id.as_str().len(), 36);
        assert_eq!(&id.as_str()[14..15], "7");
        assert_eq!(RequestId::accept(id.as_str().as_bytes()), Some(id));
    }

    #[test]
    fn ids_sort_by_time_and_those_of_one_moment_differ() {
        let moments = [(0, 0), (0, 999_999), (0, 1_000_000), (0, 999_999_999), (1, 0), (1_737_541_800, 500)];
        let moments = moments.map(|(seconds, nanos)| Duration::new(seconds, nanos));
        let ids = moments.map(version_7);
        assert!(ids.is_sorted());
        for (id, moment) in ids.into_iter().zip(moments) {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            let (shown_seconds, shown_nanos) = id.get_timestamp().expect("has one").to_unix();
            assert_eq!((shown_seconds, shown_nanos / 1_000_000), (moment.as_secs(), moment.subsec_millis()));
            assert_ne!(id, version_7(moment));
            assert_eq!(hyphenated(id), id.to_string().as_bytes());
        }
    }
}
