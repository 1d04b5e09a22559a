//! ASCII that is mostly short.

/// Text of ASCII that needs no memory of its own up to `SHORT` bytes, which are less than 256.
#[derive(Clone)]
pub(super) enum Text<const SHORT: usize> {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Vec<u8>),
}

impl<const SHORT: usize> Text<SHORT> {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("OK because only ASCII is pushed")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Appends ASCII.
    pub(super) fn push(&mut self, piece: &[u8]) {
        debug_assert!(piece.is_ascii(), "the text is shown without another look");
        match self {
            Self::Long(bytes) => bytes.extend_from_slice(piece),
            Self::Short { length, bytes } => {
                let (from, to) = (usize::from(*length), usize::from(*length) + piece.len());
                match bytes.get_mut(from..to) {
                    Some(free) => {
                        free.copy_from_slice(piece);
                        // The cast keeps the value, which is at most `SHORT`.
                        *length = to as u8;
                    }
                    None => *self = Self::Long([&bytes[..from], piece].concat()),
                }
            }
        }
    }
}

impl<const SHORT: usize> Default for Text<SHORT> {
    fn default() -> Self {
        Self::Short { length: 0, bytes: [0; SHORT] }
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    const SHORT: usize = 62;

    #[test]
    fn text_is_what_was_pushed_whether_it_is_short_or_long() {
        for piece in [1, 7, SHORT, SHORT + 1, 400] {
            let (mut text, mut expected) = (Text::<SHORT>::default(), String::new());
            for digit in 0..9 {
                assert_eq!((text.as_str(), text.is_empty()), (expected.as_str(), expected.is_empty()));
                let piece = digit.to_string().repeat(piece);
                text.push(piece.as_bytes());
                expected.push_str(&piece);
            }
        }
    }
}
