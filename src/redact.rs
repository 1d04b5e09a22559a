//! What must not be read by strangers: secrets in values, in URLs and behind telling field names.

use std::fmt;

/// What is written in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// A value that is used but never shown: `Debug` and `Display` print [`REDACTED`].
///
/// ```
/// use aistm7_monitoring::redact::Secret;
///
/// let key = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
/// assert_eq!(key.expose(), "hunter2");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

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

/// Names, or their last parts after `_`, `-` or `.`, whose values are secrets.
const SENSITIVE: [&str; 20] = [
    "apikey",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "mnemonic",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "pwd",
    "secret",
    "seed",
    "session",
    "signature",
    "token",
    "totp",
];

/// Two-part endings that are secrets although their last part alone is not: `api_key`, `signing-key`.
const SENSITIVE_KEYS: [&str; 7] = ["access", "api", "client", "encryption", "private", "secret", "signing"];

/// Whether a field of this name holds a secret, by name rules: `password`, `db_password`, `access_token`, `api-key`,
/// `Set-Cookie`, `sessionId` and their like.
///
/// A token's symbol belongs in a field `symbol` or `mint`, since `token` is a credential in most services.
///
/// ```
/// use aistm7_monitoring::redact::is_sensitive_name;
///
/// assert!(is_sensitive_name("refreshToken"));
/// assert!(is_sensitive_name("x-api-key"));
/// assert!(!is_sensitive_name("portfolio"));
/// assert!(!is_sensitive_name("cache_key"));
/// ```
pub fn is_sensitive_name(name: &str) -> bool {
    let words = split_words(name);
    let Some(last) = words.last() else {
        return false;
    };
    let last = match (last.as_str(), words.len()) {
        ("id" | "value" | "header" | "hash", 2..) => &words[words.len() - 2],
        _ => last,
    };
    if SENSITIVE.contains(&last.as_str()) {
        return true;
    }
    last == "key" && words.len() > 1 && SENSITIVE_KEYS.contains(&words[words.len() - 2].as_str())
}

/// Lower-case words of `snake_case`, `kebab-case`, `dotted.case` and `camelCase`.
fn split_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_lower = false;
    for c in name.chars() {
        let boundary = !c.is_ascii_alphanumeric() || (previous_lower && c.is_ascii_uppercase());
        if boundary && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
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

    #[test]
    fn names_of_secrets_are_known_in_every_casing() {
        for name in [
            "password",
            "DB_PASSWORD",
            "apiKey",
            "api-key",
            "authorization",
            "set-cookie",
            "session_id",
            "privateKey",
            "user.token",
        ] {
            assert!(is_sensitive_name(name), "{name}");
        }
        for name in ["", "tokens_held", "portfolio", "key", "author", "seeded", "symbol", "sessions"] {
            assert!(!is_sensitive_name(name), "{name}");
        }
    }
}
