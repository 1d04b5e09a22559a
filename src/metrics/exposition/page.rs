//! A stretch of the output that is there already, to be written over: what the many lines of a histogram are made in.
//!
//! Short parts are copied at a fixed length, which costs a move or two instead of a call; what is too much of one is
//! written over by the next.

/// Bytes that are written from the front.
pub(super) struct Page<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

/// A short part of a line.
pub(super) struct Short {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Short {
    /// Of the longest bound: `le="-2.2250738585072014e-308"} `.
    pub(super) const ROOM: usize = 32;

    pub(super) fn new(text: &[u8]) -> Self {
        let mut bytes = [0; Self::ROOM];
        bytes[..text.len()].copy_from_slice(text);
        Self { bytes, len: text.len() }
    }
}

impl<'a> Page<'a> {
    /// `bytes` has room for all that is put here and for [`Short::ROOM`] more.
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn put(&mut self, part: &[u8]) {
        self.bytes[self.at..self.at + part.len()].copy_from_slice(part);
        self.at += part.len();
    }

    #[inline]
    pub(super) fn put_short(&mut self, part: &Short) {
        self.bytes[self.at..self.at + Short::ROOM].copy_from_slice(&part.bytes);
        self.at += part.len;
    }

    /// Puts the first bytes of the page once more.
    #[inline]
    pub(super) fn repeat(&mut self, len: usize) {
        let (written, rest) = self.bytes.split_at_mut(self.at);
        rest[..len].copy_from_slice(&written[..len]);
        self.at += len;
    }

    /// How much is written.
    pub(super) fn len(&self) -> usize {
        self.at
    }
}
