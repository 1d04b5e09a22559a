//! Who an alert is, in one word that stays the same across restarts.

use std::fmt;

use ring::digest::{SHA256, digest};

/// A hash that names an alert, or several that are told together: the same in each replica and after each restart.
///
/// Shown as 64 hex digits, which every destination takes as a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The hash of some texts. Where one ends and the next begins makes a difference.
    pub(super) fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut bytes = Vec::new();
        for text in texts {
            // The cast keeps every length there is.
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let hash = digest(&SHA256, &bytes);
        Self(hash.as_ref().try_into().expect("OK because SHA-256 has 32 bytes"))
    }

    /// What [`Display`](fmt::Display) wrote; `None` of anything else.
    pub(super) fn parse(hex: &str) -> Option<Self> {
        let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
        let (pairs, []) = digits.as_chunks::<2>() else { return None };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_depends_on_where_texts_end_and_on_nothing_else() {
        assert_eq!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["ab", "c"]));
        assert_ne!(Fingerprint::of(["ab", "c"]), Fingerprint::of(["a", "bc"]));
        assert_ne!(Fingerprint::of(["ab"]), Fingerprint::of(["ab", ""]));
        // Pinned: another value would open every incident anew on the day of an update.
        let pinned = "8a9bcf1e51e812d0af8465a8dbcc9f741064bf0af3b3d08e6b0246437c19f7fb";
        assert_eq!(Fingerprint::parse(pinned).map(|parsed| parsed.to_string()).as_deref(), Some(pinned));
        for other in ["", "8a", "zz", &pinned[1..], "+f"] {
            assert_eq!(Fingerprint::parse(other), None);
        }
    }
}
