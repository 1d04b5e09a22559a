//! Trace and span ids as the W3C recommendation has them.

use std::fmt;

/// A W3C trace id: 16 bytes, not all zero, shown as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// A random id. Its right-most seven bytes are random, as the `random` flag promises.
    pub fn random() -> Self {
        // A value of zero is invalid; one draw in 2^128 is worth a retry, not a branch elsewhere.
        loop {
            if let Some(id) = Self::from_bytes(fastrand::u128(..).to_be_bytes()) {
                return id;
            }
        }
    }

    /// The id with these bytes; `None` if they are all zero.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(Self(bytes))
    }

    /// The id with these 32 lower-case hex digits; `None` if they are others or all zero.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        unhex(digits).and_then(Self::from_bytes)
    }

    /// The bytes, first digit first.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The 32 hex digits, without allocating.
    pub fn to_hex(self) -> [u8; 32] {
        hex(self.0)
    }
}

/// A W3C span id (`parent-id` in the headers): 8 bytes, not all zero, shown as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl SpanId {
    /// A random id.
    pub fn random() -> Self {
        loop {
            if let Some(id) = Self::from_bytes(fastrand::u64(..).to_be_bytes()) {
                return id;
            }
        }
    }

    /// The id with these bytes; `None` if they are all zero.
    pub fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        (bytes != [0; 8]).then_some(Self(bytes))
    }

    /// The id with these 16 lower-case hex digits; `None` if they are others or all zero.
    pub fn from_hex(digits: &[u8]) -> Option<Self> {
        unhex(digits).and_then(Self::from_bytes)
    }

    /// The bytes, first digit first.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0
    }

    /// The 16 hex digits, without allocating.
    pub fn to_hex(self) -> [u8; 16] {
        hex(self.0)
    }
}

/// A span of a trace that is sampled, so that somebody can look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampledSpan {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
}

/// The two flags that W3C trace context level 2 defines; all others are zero on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceFlags {
    /// The caller may have recorded trace data.
    pub sampled: bool,
    /// The right-most seven bytes of the trace id are random.
    pub random: bool,
}

impl TraceFlags {
    /// The flags of an octet; bits without a meaning are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self { sampled: bits & 1 != 0, random: bits & 2 != 0 }
    }

    /// The octet.
    pub const fn bits(self) -> u8 {
        self.sampled as u8 | (self.random as u8) << 1
    }
}

macro_rules! shown_as_hex {
    ($($id:ty),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.to_hex().iter().try_for_each(|digit| fmt::Write::write_char(f, char::from(*digit)))
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

shown_as_hex!(TraceId, SpanId);

/// The two digits of each byte.
const DIGITS: [[u8; 2]; 256] = {
    const DIGIT: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGIT[byte >> 4], DIGIT[byte & 15]];
        byte += 1;
    }
    pairs
};

pub(super) fn hex<const BYTES: usize, const CHARS: usize>(bytes: [u8; BYTES]) -> [u8; CHARS] {
    const { assert!(BYTES * 2 == CHARS) };
    let mut out = [0; CHARS];
    for (pair, byte) in out.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = DIGITS[usize::from(byte)];
    }
    out
}

/// What each character is worth as a lower-case hex digit, or [`NO_DIGIT`].
const WORTH: [u8; 256] = {
    let mut worth = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < DIGITS.len() {
        // The second digit of each byte is its lower half. The cast keeps the value, which is at most 15.
        worth[DIGITS[byte][1] as usize] = (byte & 15) as u8;
        byte += 1;
    }
    worth
};

/// A bit that no digit has.
const NO_DIGIT: u8 = 0x10;

/// Bytes of lower-case hex digits; `None` for any other character or length.
pub(super) fn unhex<const BYTES: usize>(text: &[u8]) -> Option<[u8; BYTES]> {
    let (pairs, odd) = text.as_chunks::<2>();
    if pairs.len() != BYTES || !odd.is_empty() {
        return None;
    }
    let mut out = [0; BYTES];
    let mut seen = 0;
    // Without a branch for each digit: what is no digit leaves its bit behind.
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        let (high, low) = (WORTH[usize::from(*high)], WORTH[usize::from(*low)]);
        seen |= high | low;
        *byte = high << 4 | low;
    }
    (seen & NO_DIGIT == 0).then_some(out)
}
