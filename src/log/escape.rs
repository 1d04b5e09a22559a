//! Text as the inside of a JSON string, safe for terminals too, up to a cap.

use std::fmt;

/// Whether a text was written in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fit {
    #[default]
    Whole,
    /// The rest did not fit under the cap.
    Cut,
}

/// Appends `text` until `out` would grow past `end` bytes; cuts between characters, never inside an escape.
///
/// Escaped are `"`, `\` and everything that acts on a reader instead of being read: C0, DEL, C1, the line and paragraph
/// separators and the bidirectional controls.
#[inline]
pub(super) fn escape(out: &mut Vec<u8>, text: &str, end: usize) -> Fit {
    if text.len() <= end.saturating_sub(out.len()) && is_plain_ascii(text.as_bytes()) {
        out.extend_from_slice(text.as_bytes());
        return Fit::Whole;
    }
    escape_by_parts(out, text, end)
}

fn escape_by_parts(out: &mut Vec<u8>, text: &str, end: usize) -> Fit {
    let bytes = text.as_bytes();
    let mut done = 0;
    loop {
        let plain = plain_len(&bytes[done..]);
        let room = end.saturating_sub(out.len());
        if plain > room {
            let cut = text.floor_char_boundary(done + room);
            out.extend_from_slice(&bytes[done..cut]);
            return Fit::Cut;
        }
        out.extend_from_slice(&bytes[done..done + plain]);
        done += plain;
        if done == bytes.len() {
            return Fit::Whole;
        }
        let (length, code) = special(&bytes[done..]);
        let mut unicode = *b"\\u0000";
        let escaped = escaped(code, &mut unicode);
        if out.len() + escaped.len() > end {
            return Fit::Cut;
        }
        out.extend_from_slice(escaped);
        done += length;
    }
}

/// Escapes whatever is formatted into it. Past the cap it takes and discards, since an error would make some `Display`
/// implementations panic.
pub(super) struct Escaper<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
    fit: Fit,
}

impl<'a> Escaper<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>, cap: usize) -> Self {
        let end = out.len() + cap;
        Self { out, end, fit: Fit::Whole }
    }

    pub(super) fn fit(&self) -> Fit {
        self.fit
    }
}

impl fmt::Write for Escaper<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.fit == Fit::Whole {
            self.fit = escape(self.out, text, self.end);
        }
        Ok(())
    }
}

/// How many leading bytes need no escape.
fn plain_len(bytes: &[u8]) -> usize {
    let (eights, _) = bytes.as_chunks();
    let special = eights.iter().position(|eight| specials(*eight) != 0);
    let mut at = 8 * special.unwrap_or(eights.len());
    while let Some(&byte) = bytes.get(at) {
        let special = match byte {
            b'"' | b'\\' | 0..0x20 | 0x7f => true,
            // The leading bytes of C1, of U+061C and of U+2000 to U+207F.
            0xc2 | 0xd8 | 0xe2 => is_special_character(&bytes[at..]),
            _ => false,
        };
        if special {
            break;
        }
        at += 1;
    }
    at
}

/// Whether all is printable ASCII and neither `"` nor `\`. The last eight bytes, or the last four, are looked at together:
/// some of them twice, which is quicker than each for itself.
#[inline]
fn is_plain_ascii(bytes: &[u8]) -> bool {
    let found = match (bytes.last_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
        // Without an early end, so that the compiler takes several at a time.
        (Some(last), ..) => bytes.as_chunks().0.iter().fold(specials(*last), |found, eight| found | specials(*eight)),
        (None, Some([a, b, c, d]), Some([e, f, g, h])) => specials([*a, *b, *c, *d, *e, *f, *g, *h]),
        _ => bytes.iter().fold(0, |found, byte| found | specials([*byte; 8])),
    };
    found == 0
}

/// Not 0 if one of eight bytes is no printable ASCII, `"` or `\`, without a branch a byte.
#[inline]
fn specials(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_ne_bytes(bytes);
    // The highest bit of a byte is set in one of these if that byte is out of range, below the space, DEL, or one of the
    // two. What a byte borrows from or carries to the next one does no harm: then it is such a byte itself.
    let below = word.wrapping_sub(ONES * 0x20);
    let del = word.wrapping_add(ONES);
    let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (word | below | del | quote | backslash) & HIGHS
}

fn is_special_character(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xc2, 0x80..=0x9f, ..]
            | [0xd8, 0x9c, ..]
            | [0xe2, 0x80, 0x8e | 0x8f | 0xa8..=0xae, ..]
            | [0xe2, 0x81, 0xa6..=0xa9, ..]
    )
}

/// The length and code point of the special character that `bytes` start with.
fn special(bytes: &[u8]) -> (usize, u16) {
    let low = |byte: u8| u16::from(byte & 0x3f);
    match *bytes {
        [0xe2, second, third, ..] => (3, 0x2000 | low(second) << 6 | low(third)),
        [first @ (0xc2 | 0xd8), second, ..] => (2, u16::from(first & 0x1f) << 6 | low(second)),
        [first, ..] => (1, u16::from(first)),
        [] => (0, 0),
    }
}

fn escaped(code: u16, unicode: &mut [u8; 6]) -> &[u8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match u8::try_from(code) {
        Ok(b'"') => b"\\\"",
        Ok(b'\\') => b"\\\\",
        Ok(b'\n') => b"\\n",
        Ok(b'\r') => b"\\r",
        Ok(b'\t') => b"\\t",
        _ => {
            for (digit, shift) in unicode[2..].iter_mut().zip([12, 8, 4, 0]) {
                *digit = DIGITS[usize::from(code >> shift & 15)];
            }
            unicode
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::tests::any_text;

    fn escaped_up_to(text: &str, cap: usize) -> (String, Fit) {
        let mut out = Vec::new();
        let fit = escape(&mut out, text, cap);
        (String::from_utf8(out).expect("the escaper writes UTF-8"), fit)
    }

    #[test]
    fn what_acts_on_a_reader_is_escaped_and_what_is_read_is_not() {
        for (text, expected) in [
            ("plain, with ünïcode → ✓ 😀", "plain, with ünïcode → ✓ 😀"),
            ("say \"hi\" \\ there", "say \\\"hi\\\" \\\\ there"),
            ("a\nb\rc\td\0e\x1bf\x7f", "a\\nb\\rc\\td\\u0000e\\u001bf\\u007f"),
            ("\u{80}\u{85}\u{9f}\u{a0}", "\\u0080\\u0085\\u009f\u{a0}"),
            ("\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}", "\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069"),
            ("\u{61c}\u{200e}\u{200f}\u{202f}\u{2065}\u{2070}", "\\u061c\\u200e\\u200f\u{202f}\u{2065}\u{2070}"),
        ] {
            assert_eq!(escaped_up_to(text, 1_000), (expected.to_owned(), Fit::Whole));
        }
    }

    #[test]
    fn what_is_escaped_is_found_wherever_it_stands() {
        for length in 1..=20 {
            for (at, special) in (0..length).flat_map(|at| ["\"", "\u{7f}", "\n"].map(|special| (at, special))) {
                let (before, after) = ("x".repeat(at), "y".repeat(length - at - 1));
                let (escaped, _) = escaped_up_to(&format!("{before}{special}{after}"), usize::MAX);
                let inside = &escaped[at..escaped.len() - after.len()];
                assert!(inside.starts_with('\\'), "{special:?} at {at} of {length}: {escaped}");
            }
        }
    }

    #[test]
    fn cuts_stand_between_characters_and_never_inside_an_escape() {
        for (text, cap, expected) in
            [("abcdef", 3, "abc"), ("aé", 2, "a"), ("a\n", 2, "a"), ("\u{1}\u{1}", 11, "\\u0001"), ("x", 0, "")]
        {
            assert_eq!(escaped_up_to(text, cap), (expected.to_owned(), Fit::Cut), "{text:?}");
        }
        assert_eq!(escaped_up_to("abc", 3), ("abc".to_owned(), Fit::Whole));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_a_json_parser(text in any_text()) {
            let (escaped, fit) = escaped_up_to(&text, usize::MAX);
            prop_assert_eq!(fit, Fit::Whole);
            prop_assert!(!escaped.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{escaped}\"")).ok(), Some(text));
        }

        #[test]
        fn any_cut_text_is_the_start_of_the_text(text in any_text(), cap in 0usize..40) {
            let (escaped, _) = escaped_up_to(&text, cap);
            prop_assert!(escaped.len() <= cap);
            let read: String = serde_json::from_str(&format!("\"{escaped}\"")).expect("valid JSON");
            prop_assert!(text.starts_with(&read));
        }
    }
}
