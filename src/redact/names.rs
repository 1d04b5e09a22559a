//! Names of fields that say that their values are secrets.

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
