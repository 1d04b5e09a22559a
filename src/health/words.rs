//! Reason codes and keys of facts that come from another replica.
//!
//! They are words of code: the same binary, or another version of it, has them as literals. So they are few, and each is
//! kept once for as long as the process lives, like a literal. A store that somebody else writes to cannot fill memory:
//! words are short and their number is bounded.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Chosen: several times what all checks of a large service know.
const MOST_WORDS: usize = 1024;
const LONGEST_WORD: usize = 64;

/// The reason that stands for one that cannot be taken over.
const OTHER: &str = "other";

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// The reason code of this text.
pub(super) fn reason(text: &str) -> &'static str {
    interned(text).unwrap_or(OTHER)
}

/// The word of this text; `None` if it is no word, or there are too many.
pub(super) fn interned(text: &str) -> Option<&'static str> {
    let is_word = (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_word {
        return None;
    }
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(word) = words.get(text) {
        return Some(word);
    }
    if words.len() == MOST_WORDS {
        return None;
    }
    let word: &'static str = text.to_owned().leak();
    words.insert(word);
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_once_and_what_is_none_is_not_kept() {
        assert_eq!(reason("unreachable"), "unreachable");
        assert!(std::ptr::eq(reason("unreachable"), reason("unreachable")));
        for no_word in ["", "two words", "a\nb", "é", &"x".repeat(65)] {
            assert_eq!(reason(no_word), OTHER, "{no_word:?}");
        }
    }
}
