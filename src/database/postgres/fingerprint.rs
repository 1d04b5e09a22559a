//! A statement as a label: its text without values.

/// The longest text that is shown. Chosen: enough to recognise a statement by.
const LONGEST: usize = 100;

/// What begins a statement whose text is shown. pg_stat_statements has the text of all others as it was sent, with
/// passwords and the like in it, so of those only the first two words are.
const SHOWN: [&str; 8] = ["select", "insert", "update", "delete", "merge", "with", "values", "table"];

/// The text of a statement in lower case, without comments, with `?` for each value and list of values, and one space
/// between words; cut, if need be, with a mark that tells it from others that begin alike.
pub(super) fn fingerprint(statement: &str) -> String {
    let text = normalised(statement);
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    if !SHOWN.contains(&first) {
        let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic());
        return text.split(' ').take(2).take_while(is_word).collect::<Vec<_>>().join(" ");
    }
    if text.len() <= LONGEST {
        return text;
    }
    let shown = &text[..text.floor_char_boundary(LONGEST)];
    format!("{}… #{:08x}", shown.trim_end(), hash(&text))
}

/// FNV-1a of 64 bits, folded to 32: the same in every process and version.
fn hash(text: &str) -> u32 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let hash = text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    // The cast takes the lower half, as folding wants it.
    (hash ^ (hash >> 32)) as u32
}

fn normalised(statement: &str) -> String {
    let mut out = String::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let (token, length) = token_of(rest, first);
        rest = &rest[length..];
        match token {
            Token::Gap => {
                if !out.is_empty() && !out.ends_with([' ', '(']) {
                    out.push(' ');
                }
            }
            Token::Value => {
                let before = out.trim_end();
                // A list of values is one.
                if before.strip_suffix(',').is_some_and(|before| before.trim_end().ends_with('?')) {
                    out.truncate(out.trim_end().len() - 1);
                    out.truncate(out.trim_end().len());
                } else {
                    out.push('?');
                }
            }
            Token::Name(name) => out.push_str(name),
            Token::Other(text) => out.extend(text.chars().flat_map(char::to_lowercase)),
        }
    }
    out.truncate(out.trim_end_matches([' ', ';']).len());
    out
}

enum Token<'a> {
    /// Space or a comment.
    Gap,
    /// A literal or a parameter.
    Value,
    /// In quotes, so its case matters.
    Name(&'a str),
    Other(&'a str),
}

/// The token that `rest` begins with, and how many bytes it takes. What is not ended goes on to the end of the text.
fn token_of(rest: &str, first: char) -> (Token<'_>, usize) {
    let to = |end: Option<usize>| end.unwrap_or(rest.len());
    let after = |from: usize, end: &str| rest[from..].find(end).map(|at| from + at + end.len());
    match first {
        c if c.is_whitespace() => (Token::Gap, to(rest.find(|c: char| !c.is_whitespace()))),
        '-' if rest.starts_with("--") => (Token::Gap, to(rest.find('\n'))),
        '/' if rest.starts_with("/*") => (Token::Gap, comment(rest)),
        '\'' => (Token::Value, string(rest, 0, Backslash::IsItself)),
        '"' => {
            let length = to(after(1, "\""));
            (Token::Name(&rest[..length]), length)
        }
        '$' => match dollar_tag(rest) {
            Some(tag) => (Token::Value, to(after(tag.len(), tag))),
            None => (Token::Value, to(rest[1..].find(|c: char| !c.is_ascii_digit()).map(|at| at + 1))),
        },
        '0'..='9' => (Token::Value, to(rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_')))),
        c if c.is_alphabetic() || c == '_' => word(rest),
        c => (Token::Other(&rest[..c.len_utf8()]), c.len_utf8()),
    }
}

/// A word, or a string with one letter before it: E'…', B'…', X'…', N'…'.
fn word(rest: &str) -> (Token<'_>, usize) {
    let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(rest.len());
    if rest[length..].starts_with('\'') && length == 1 {
        let backslash = if rest.starts_with(['e', 'E']) { Backslash::Escapes } else { Backslash::IsItself };
        return (Token::Value, string(rest, 1, backslash));
    }
    (Token::Other(&rest[..length]), length)
}

/// What a backslash is in a string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    /// As in E'…'.
    Escapes,
    /// As in all others, by the standard.
    IsItself,
}

/// The length of a string that begins at `quote`.
fn string(rest: &str, quote: usize, backslash: Backslash) -> usize {
    let mut is_escaped = false;
    let mut bytes = rest.bytes().enumerate().skip(quote + 1).peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if backslash == Backslash::Escapes => is_escaped = true,
            b'\'' if bytes.peek().is_some_and(|(_, next)| *next == b'\'') => is_escaped = true,
            b'\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Comments of PostgreSQL nest.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(here) = rest.get(at..) {
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += here.chars().next().map_or(rest.len(), char::len_utf8);
        }
    }
    rest.len()
}

/// `$$` or `$tag$`.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = 1 + rest[1..].find('$')?;
    let tag = &rest[1..end];
    let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit()) && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then(|| &rest[..=end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_that_differ_in_values_only_are_one() {
        for (statement, expected) in [
            ("SELECT  *\n FROM Orders WHERE id = $1;", "select * from orders where id = ?"),
            ("select * from orders where id = 42", "select * from orders where id = ?"),
            ("SELECT 'it''s', E'\\'', $$x$$, $tag$y$tag$, 0x1F, 1.5e3 -- why", "select ?"),
            ("SELECT a FROM t WHERE b IN (1, 2,3 , $4) AND c = 'x'", "select a from t where b in (?) and c = ?"),
            ("SELECT 'C:\\', 'x', E'\\\\', 'y'", "select ?"),
            ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "insert into t values (?), (?)"),
            (
                "/* from /* here */ */ SELECT \"MixedCase\".x FROM \"MixedCase\"",
                "select \"MixedCase\".x from \"MixedCase\"",
            ),
            ("SELECT count(*)::int FROM t1", "select count(*)::int from t1"),
        ] {
            assert_eq!(fingerprint(statement), expected, "{statement}");
        }
    }

    #[test]
    fn statements_that_may_hold_a_secret_are_named_and_not_shown() {
        for (statement, expected) in [
            ("ALTER ROLE trader PASSWORD 'hunter2'", "alter role"),
            ("CREATE USER \"x\" PASSWORD 'hunter2'", "create user"),
            ("SET app.token = 'hunter2'", "set"),
            ("BEGIN", "begin"),
            ("CALL rotate('hunter2')", "call"),
            ("", ""),
        ] {
            assert_eq!(fingerprint(statement), expected, "{statement}");
        }
        assert_eq!(fingerprint("SELECT 'hunter2"), "select ?", "cut off by the server");
    }

    #[test]
    fn long_statements_that_begin_alike_are_told_apart() {
        let statement = |column: &str| format!("SELECT {} FROM t WHERE {column} = 1", "long_column, ".repeat(20));
        let (one, other) = (fingerprint(&statement("a")), fingerprint(&statement("b")));
        assert_ne!(one, other);
        assert!(one.len() < LONGEST + 16, "{one}");
        assert_eq!(one, fingerprint(&statement("a").replace('1', "2")));
    }

    proptest! {
        #[test]
        fn any_text_has_a_short_fingerprint_and_no_string_of_it_is_in_there(
            start in "[a-z ,()=]{0,40}", secret in "[0-9a-f]{12}", end in ".{0,200}",
        ) {
            let text = fingerprint(&format!("SELECT {start} '{secret}' {end}"));
            prop_assert!(text.len() < LONGEST + 16);
            prop_assert!(!text.contains(&secret));
            let _any = fingerprint(&end);
        }
    }
}
