//! Secrets that are known by what they look like.

use std::borrow::Cow;

use super::REDACTED;

/// A text without the secrets in it that are known by their shape.
///
/// - The credentials of `Bearer` and `Basic`: what follows the word if it has a digit, `=`, `_`, `/`, `+` or a capital
///   after its first letter, or 20 characters. So `bearer token` and `basic materials` stay.
/// - User and password of a URL.
/// - A private key, from its `-----BEGIN` to the end of its `-----END` line, or to the end of the text.
///
/// Cost: one look at each byte of ordinary text; nothing is allocated when nothing is found.
///
/// ```
/// use aistm7_monitoring::redact::scrub_secrets;
///
/// assert_eq!(scrub_secrets("sent Bearer eyJhbGciOi.x.y to them"), "sent Bearer [redacted] to them");
/// assert_eq!(scrub_secrets("postgres://app:pw@db:5432/trading"), "postgres://[redacted]@db:5432/trading");
/// ```
pub fn scrub_secrets(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(secret) = next_secret(text, from) {
        out.push_str(&text[done..secret.start]);
        out.push_str(REDACTED);
        done = secret.end;
        from = secret.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

type Span = std::ops::Range<usize>;

/// The first secret that begins at or after `from`. Everything that is looked for begins with an ASCII character, and
/// no byte of another character is one.
fn next_secret(text: &str, from: usize) -> Option<Span> {
    text.bytes().enumerate().skip(from).find_map(|(at, byte)| match byte {
        b':' => url_credentials(text, at, from),
        b' ' => scheme_credentials(text, at, from),
        b'-' => private_key(text, at),
        _ => None,
    })
}

/// What stands between `://` and `@`.
fn url_credentials(text: &str, at: usize, from: usize) -> Option<Span> {
    let start = at + text[at..].starts_with("://").then_some("://".len())?;
    let ends_url = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    let url = text[start..].split(ends_url).next()?;
    let authority = url.split(['/', '?', '#']).next()?;
    // A password may hold '/', '?' or '#' in the raw; then what looks like a port is none, as a rule.
    let is_host =
        authority.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|b| b.is_ascii_digit() || b == b']'));
    // So the last '@' of the whole URL ends the credentials, if there are any.
    let length = if authority.contains('@') || !is_host { url.rfind('@')? } else { return None };
    (start >= from && length > 0).then_some(start..start + length)
}

/// What follows `Bearer ` or `Basic `, in any case.
fn scheme_credentials(text: &str, at: usize, from: usize) -> Option<Span> {
    let before = &text.as_bytes()[from..at];
    let ends_with = |word: &[u8]| {
        let start = before.len().checked_sub(word.len());
        start.is_some_and(|start| before[start..].eq_ignore_ascii_case(word))
    };
    if !ends_with(b"bearer") && !ends_with(b"basic") {
        return None;
    }
    let spaces = text[at..].bytes().take_while(|&b| b == b' ').count();
    let start = at + spaces;
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    let token = &text[start..start + text[start..].bytes().take_while(|b| is_token(b)).count()];
    looks_made(token).then_some(start..start + token.len())
}

/// Whether a machine, not a person, wrote a word.
fn looks_made(word: &str) -> bool {
    /// Chosen: longer than words that follow `basic`.
    const LONG: usize = 20;
    let made = |b: u8| b.is_ascii_digit() || matches!(b, b'=' | b'_' | b'/' | b'+');
    word.len() >= LONG || word.bytes().any(made) || word.bytes().skip(1).any(|b| b.is_ascii_uppercase())
}

/// A block of PEM whose label ends with `PRIVATE KEY`.
fn private_key(text: &str, start: usize) -> Option<Span> {
    const DASHES: &str = "-----";
    const END: &str = "-----END ";
    let (label, body) = text[start..].strip_prefix("-----BEGIN ")?.split_once(DASHES)?;
    if !label.ends_with("PRIVATE KEY") && !label.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let end = body.find(END).and_then(|end| {
        let after = end + END.len();
        Some(text.len() - body.len() + after + body[after..].find(DASHES)? + DASHES.len())
    });
    Some(start..end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_replaced_and_what_stands_around_them_stays() {
        for (text, expected) in [
            ("authorization: bearer abc123.def-ghi~", "authorization: bearer [redacted]"),
            ("Basic dXNlcjpwYXNz, then", "Basic [redacted], then"),
            ("BEARER  abcdefghijklmnopqrst", "BEARER  [redacted]"),
            (r#"{"h":"Bearer a1"} Bearer b2"#, r#"{"h":"Bearer [redacted]"} Bearer [redacted]"#),
            ("to redis://:p@ss/w?rd#1@cache:6379/0 now", "to redis://[redacted]@cache:6379/0 now"),
            ("(https://u:k@h/p?q=a@b) http://x@y", "(https://[redacted]@b) http://[redacted]@y"),
            ("ключ x://ü:ß@h", "ключ x://[redacted]@h"),
            ("k=-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----.", "k=[redacted]."),
            ("-----BEGIN PRIVATE KEY-----\nMII", "[redacted]"),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----x-----END PGP PRIVATE KEY BLOCK-----", "[redacted]"),
        ] {
            assert_eq!(scrub_secrets(text), expected);
        }
    }

    #[test]
    fn what_only_resembles_a_secret_stays() {
        for text in [
            "the bearer token is missing",
            "basic materials, Basic",
            "bearer ",
            "https://host:8443/path?mail=a@b.c",
            "https://[::1]:80/a@b",
            "see ://@ and x://",
            "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----",
            "-----BEGIN",
        ] {
            assert!(matches!(scrub_secrets(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_scrubbed_once_and_for_all(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("Bearer ".to_owned()),
                    Just("://".to_owned()),
                    Just("@".to_owned()),
                    Just("-----BEGIN PRIVATE KEY-----".to_owned()),
                    Just("-----END ".to_owned()),
                    any::<String>(),
                ],
                0..8,
            ),
        ) {
            let once = scrub_secrets(&parts.concat()).into_owned();
            prop_assert_eq!(scrub_secrets(&once), once.as_str());
        }
    }
}
