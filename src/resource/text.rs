//! The ways in which the kernel writes numbers.

use std::time::Duration;

/// The kernel counts time for users in hundredths of a second, on every architecture that Rust knows.
const TICKS_PER_SECOND: u64 = 100;

/// Bytes that are a limit no more. Version 1 of cgroups says "none" by the largest number of whole pages.
const UNLIMITED_FROM: u64 = 1 << 60;

const KIBIBYTE: u64 = 1024;

/// A whole number that is all of a text.
pub(super) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A limit; none for `max`, `unlimited`, `-1` and whatever is too large to be one.
pub(super) fn limit(text: &str) -> Option<u64> {
    number(text).and_then(known_limit)
}

/// The same of a number.
pub(super) fn known_limit(number: u64) -> Option<u64> {
    Some(number).filter(|limit| *limit < UNLIMITED_FROM)
}

/// The words behind `key`, which begins a line: `key 7`, `key: 7 kB`.
pub(super) fn words<'t>(text: &'t str, key: &str) -> Option<impl Iterator<Item = &'t str>> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| (words.next()?.trim_end_matches(':') == key).then_some(words))
}

/// The number behind `key`.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    words(text, key)?.next().and_then(number)
}

/// The bytes behind `key`, which the kernel gives in kibibytes.
pub(super) fn keyed_kibibytes(text: &str, key: &str) -> Option<u64> {
    Some(keyed(text, key)?.saturating_mul(KIBIBYTE))
}

/// The time behind `key`, which the kernel gives in microseconds.
pub(super) fn keyed_micros(text: &str, key: &str) -> Option<Duration> {
    keyed(text, key).map(Duration::from_micros)
}

/// The time of so many ticks.
pub(super) fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND))
}

/// Paths in lists of mounts have `\040` for a space, and so on.
pub(super) fn unescaped(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [byte, behind @ ..] = rest {
        let octal = behind.get(..3).filter(|_| *byte == b'\\').and_then(octal);
        bytes.push(octal.unwrap_or(*byte));
        rest = if octal.is_some() { &behind[3..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_none() {
        assert_eq!(keyed("a 1\nab 2\nb: 3 kB\nc\n", "ab"), Some(2));
        assert_eq!(keyed_kibibytes("a 1\nb: 3 kB\n", "b"), Some(3072));
        for (text, key) in
            [("a 1", "b"), ("c", "c"), ("c x", "c"), ("c -1", "c"), ("", ""), ("c 99999999999999999999", "c")]
        {
            assert_eq!(keyed(text, key), None, "{text:?}");
        }
        for unlimited in ["max", "unlimited", "-1", "9223372036854771712", ""] {
            assert_eq!(limit(unlimited), None, "{unlimited:?}");
        }
        assert_eq!(limit("536870912\n"), Some(536_870_912));
        assert_eq!(ticks(u64::MAX), Duration::from_millis(u64::MAX));
    }

    #[test]
    fn escapes_of_paths_are_undone_and_nothing_else() {
        for (escaped, path) in [
            ("/a\\040b", "/a b"),
            ("/\\134\\011", "/\\\t"),
            ("/a\\", "/a\\"),
            ("/a\\04", "/a\\04"),
            ("/a\\999", "/a\\999"),
            ("/a\\777", "/a\\777"),
            ("/ä\\303\\244", "/ää"),
        ] {
            assert_eq!(unescaped(escaped), path);
        }
    }
}
