//! Rust source as words, without comments and literals: as much of a lexer as paths need.

/// A word (`crate`), a path separator (`::`) or a single sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
}

/// The tokens of a source text.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(c) = rest.chars().next() {
        let skipped = skipped_bytes(rest);
        let length = if skipped > 0 { skipped } else { token_bytes(rest) };
        if skipped == 0 && !c.is_whitespace() {
            tokens.push(Token { text: &rest[..length], line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn token_bytes(text: &str) -> usize {
    let word = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let sign = if text.starts_with("::") { 2 } else { text.chars().next().map_or(0, char::len_utf8) };
    word.max(sign)
}

/// The length of the comment, string or character literal that `text` starts with; 0 if it starts with something else.
fn skipped_bytes(text: &str) -> usize {
    let to_end = |found: Option<usize>| found.unwrap_or(text.len());
    if text.starts_with("//") {
        return to_end(text.find('\n'));
    }
    if text.starts_with("/*") {
        return block_comment_bytes(text);
    }
    if text.starts_with('"') {
        return quoted_bytes(text, '"');
    }
    if text.starts_with('\'') {
        // Otherwise it is a lifetime.
        let mut after = text.chars().skip(1);
        let is_character = after.next() == Some('\\') || after.next() == Some('\'');
        return if is_character { quoted_bytes(text, '\'') } else { 0 };
    }
    let raw = ["r", "br", "cr"].into_iter().find_map(|prefix| {
        let after = text.strip_prefix(prefix)?;
        let content = after.trim_start_matches('#');
        let hashes = &after[..after.len() - content.len()];
        let body = content.strip_prefix('"')?;
        let end = body.find(&format!("\"{hashes}")).map_or(body.len(), |at| at + 1 + hashes.len());
        Some(text.len() - body.len() + end)
    });
    raw.unwrap_or(0)
}

/// Block comments nest.
fn block_comment_bytes(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else if let Some(c) = rest.chars().next() {
            at += c.len_utf8();
        } else {
            return at;
        }
    }
}

fn quoted_bytes(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn words(source: &str) -> String {
        tokens(source).iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        for (source, expected) in [
            ("a // crate::x\nb", "a b"),
            ("a /* crate::x /* nested */ still */ b", "a b"),
            (r#"a("crate::x \" crate::y", b)"#, "a ( , b )"),
            (r###"r#"crate::"x"# + br"crate" + y"###, "+ + y"),
            (r"f('\'', '{', b'x', 'static)", "f ( , , b , ' static )"),
            ("crate::a::{b, c}", "crate :: a :: { b , c }"),
            ("r#type.r", "r # type . r"),
        ] {
            assert_eq!(words(source), expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_literals() {
        let source = "\"one\n\"\n/* two\n\n*/ x";
        assert_eq!(tokens(source)[0].line, 5);
    }
}
