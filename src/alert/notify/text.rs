//! Texts of alerts on their way to people: without secrets and characters that act, and no longer than they may be.

use crate::redact::scrub_secrets;

/// What stands in place of what was cut off.
const ELLIPSIS: char = '…';

/// What may stand in a text besides what is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Nothing.
    One,
    /// Ends of lines.
    Several,
}

/// A text of anybody's as it may be shown, of at most `limit` UTF-16 units.
pub(super) fn clean(text: &str, lines: Lines, limit: usize) -> String {
    let text = scrub_secrets(text);
    let shown = text.chars().map(|c| if acts(c) && !(c == '\n' && lines == Lines::Several) { ' ' } else { c });
    cut(shown, limit)
}

/// Whether a character does something in a terminal, a page or a right-to-left text, rather than being seen.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Characters up to a limit. It is counted in UTF-16 units, since nobody who limits characters counts more than these.
fn cut(text: impl Iterator<Item = char>, limit: usize) -> String {
    pieces(text.map(Piece::of), limit)
}

/// The beginning of a text, of at most `limit` UTF-16 units; what was cut off is an ellipsis.
pub(super) fn beginning(text: &str, limit: usize) -> String {
    cut(text.chars(), limit)
}

/// A text in which nothing is markup for Slack, of at most `limit` UTF-16 units, with no escape cut in two.
pub(super) fn escaped_for_slack(text: &str, limit: usize) -> String {
    let escaped = text.chars().map(|c| match c {
        '&' => Piece::Escape("&amp;"),
        '<' => Piece::Escape("&lt;"),
        '>' => Piece::Escape("&gt;"),
        other => Piece::of(other),
    });
    pieces(escaped, limit)
}

/// What is not cut in two.
enum Piece {
    One(char),
    Escape(&'static str),
}

impl Piece {
    fn of(c: char) -> Self {
        Self::One(c)
    }

    fn units(&self) -> usize {
        match self {
            Self::One(c) => c.len_utf16(),
            Self::Escape(text) => text.len(),
        }
    }

    fn push_to(&self, out: &mut String) {
        match self {
            Self::One(c) => out.push(*c),
            Self::Escape(text) => out.push_str(text),
        }
    }
}

fn pieces(pieces: impl Iterator<Item = Piece>, limit: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    // Where the text ends if an ellipsis has to follow.
    let mut room_for_ellipsis = 0;
    for piece in pieces {
        used += piece.units();
        if used > limit {
            out.truncate(room_for_ellipsis);
            if limit > 0 {
                out.push(ELLIPSIS);
            }
            return out;
        }
        piece.push_to(&mut out);
        if used < limit {
            room_for_ellipsis = out.len();
        }
    }
    out
}

/// How long a text is for those who count the most.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// A URL that may become a link, if it is one: with nothing in it that could end the link early.
pub(super) fn link(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '\\' | '`' | '\'');
    (is_web && url.chars().all(is_plain)).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_escapes() {
        for (text, limit, expected) in [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("äöüß", 3, "äö…"),
            ("a🦀b", 4, "a🦀b"),
            ("a🦀b", 3, "a…"),
            ("abc", 0, ""),
            ("abc", 1, "…"),
        ] {
            assert_eq!(beginning(text, limit), expected, "{text} {limit}");
        }
        assert_eq!(escaped_for_slack("<!channel> & co", 100), "&lt;!channel&gt; &amp; co");
        assert_eq!(escaped_for_slack("a<b", 5), "a…", "no half of an escape");
    }

    #[test]
    fn characters_that_act_and_secrets_are_not_shown() {
        assert_eq!(clean("a\u{1b}[2Jb\u{202e}c\nd", Lines::One, 99), "a [2Jb c d");
        assert_eq!(clean("a\nb\r", Lines::Several, 99), "a\nb ");
        assert_eq!(clean("to postgres://app:pw@db/x", Lines::One, 99), "to postgres://[redacted]@db/x");
    }

    #[test]
    fn only_plain_urls_become_links() {
        assert_eq!(link("https://runbooks.example.com/a?b=c#d"), Some("https://runbooks.example.com/a?b=c#d"));
        for url in ["", "ftp://h", "javascript:alert(1)", "https://h/|x>", "https://h/ä", "https://h/ b"] {
            assert_eq!(link(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_within_its_limit_and_says_nothing_to_slack(text in any::<String>(), limit in 0_usize..40) {
            prop_assert!(units(&clean(&text, Lines::Several, limit)) <= limit);
            let escaped = escaped_for_slack(&text, limit);
            prop_assert!(units(&escaped) <= limit);
            prop_assert!(!escaped.contains(['<', '>']));
            for (at, _) in escaped.match_indices('&') {
                let rest = &escaped[at..];
                prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|escape| rest.starts_with(escape)), "{escaped}");
            }
        }
    }
}
