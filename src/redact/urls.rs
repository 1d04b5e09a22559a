//! URLs, which can carry a key in every part.

use super::REDACTED;

/// A URL cut to what may be shown: scheme, host and port. User, password, path and query can all carry a key.
///
/// ```
/// use aistm7_monitoring::redact::scrub_url;
///
/// assert_eq!(scrub_url("postgres://app:pw@db:5432/trading?sslmode=require"), "postgres://db:5432");
/// assert_eq!(scrub_url("https://rpc.example.com/v2/0a1b2c?api-key=k"), "https://rpc.example.com");
/// assert_eq!(scrub_url("not a url"), "[redacted]");
/// ```
pub fn scrub_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return REDACTED.to_owned();
    };
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return REDACTED.to_owned();
    }
    // A password may hold '/', '?' or '#' in the raw, so the last '@' of the whole rest ends the credentials.
    let after_credentials = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = after_credentials.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'[' | b']' | b'_');
    if host.bytes().all(is_host) { format!("{scheme}://{host}") } else { format!("{scheme}://{REDACTED}") }
}

/// A text with the credentials, path and query of every URL in it removed, for messages of drivers and clients.
///
/// ```
/// use aistm7_monitoring::redact::scrub_text;
///
/// let error = "cannot reach https://rpc.example.com/?api-key=k1 (timed out)";
/// assert_eq!(scrub_text(error), "cannot reach https://rpc.example.com (timed out)");
/// ```
pub fn scrub_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            out.push(' ');
        }
        match word.find("://") {
            None => out.push_str(word),
            Some(colon) => scrub_word(&mut out, word, colon),
        }
    }
    out
}

/// Keeps what stands around a URL inside one word, such as brackets and quotes before it.
fn scrub_word(out: &mut String, word: &str, colon: usize) {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let start =
        word[..colon].rfind(|c| !is_scheme(c)).map_or(0, |at| at + word[at..].chars().next().map_or(1, char::len_utf8));
    out.push_str(&word[..start]);
    out.push_str(&scrub_url(&word[start..]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrubbed_urls_keep_no_credential_however_odd() {
        for url in [
            "redis://:p@ss/w?rd#1@cache:6379/0",
            "postgres://u:p%40@[::1]:5432/db",
            "https://user:key@host/path/key?key=key#key",
        ] {
            let shown = scrub_url(url);
            assert!(!shown.contains("key") && !shown.contains("p@ss") && !shown.contains("p%40"), "{url} -> {shown}");
        }
        assert_eq!(scrub_url("http://ho st/"), "http://[redacted]");
    }

    #[test]
    fn scrubbed_text_keeps_what_stands_around_a_url() {
        assert_eq!(scrub_text("é(https://h/p?k=v"), "é(https://h");
        assert_eq!(scrub_text("no url here"), "no url here");
    }
}
