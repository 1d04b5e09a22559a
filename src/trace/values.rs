//! Values of headers: read without the white space around them, and written together.

use bytes::Bytes;
use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

/// The value of a header that occurs exactly once.
pub(super) fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.as_bytes()),
        _ => None,
    }
}

/// A value without the spaces and tabs around it, which HTTP allows.
pub(super) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Values that share one allocation, for which together they have at most `ROOM` bytes.
pub(super) fn together<const ROOM: usize, const VALUES: usize>(values: [&[u8]; VALUES]) -> [Bytes; VALUES] {
    let mut text = Text { bytes: [0; ROOM], length: 0 };
    for value in values {
        text.bytes[text.length..][..value.len()].copy_from_slice(value);
        text.length += value.len();
    }
    let mut rest = Bytes::from_owner(text);
    values.map(|value| rest.split_to(value.len()))
}

/// An array and not a `Vec`, which would need a second allocation to be shared.
struct Text<const ROOM: usize> {
    bytes: [u8; ROOM],
    length: usize,
}

impl<const ROOM: usize> AsRef<[u8]> for Text<ROOM> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Adds a header that is absent. A map that takes no more headers stays as it is.
pub(super) fn add(headers: &mut HeaderMap, name: HeaderName, value: Bytes) {
    // The value is visible ASCII, which every header takes.
    if let (Ok(Entry::Vacant(absent)), Ok(value)) = (headers.try_entry(name), HeaderValue::from_maybe_shared(value)) {
        // The room was made above.
        let _ = absent.try_insert(value);
    }
}
