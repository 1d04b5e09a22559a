//! Which fields and which parts of values are secrets.

use crate::redact::is_sensitive_name;

/// What is shown as `[redacted]` in lines.
///
/// Fields whose names say that they hold secrets always are ([`is_sensitive_name`](crate::redact::is_sensitive_name));
/// names and patterns of a service's own are added here. Names are those of fields of events and spans, of details
/// given to [`Log::emit`](super::Log::emit), and of the members of structured values. A name with `*` is a pattern, in
/// which `*` stands for any text; case does not matter.
///
/// Cost: names of events and spans are looked at once for each callsite. Names inside structured values are looked at
/// each time. [`Redaction::scrub_values`] reads every text once more.
///
/// ```
/// use aistm7_monitoring::log::{LogOptions, Redaction};
///
/// let redaction = Redaction::new()
///     .hide("iban")
///     .hide("*_phrase")
///     // Here `token` is what is traded.
///     .show("token")
///     .scrub_values();
/// let options = LogOptions::new("risk-analysis").redaction(redaction);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    hidden: Vec<String>,
    shown: Vec<String>,
    values: Values,
}

/// What becomes of the texts under names that are no secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Values {
    #[default]
    AsTheyAre,
    Scrubbed,
}

impl Redaction {
    /// By the built-in rules for names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides fields of this name or pattern, whatever else holds.
    #[must_use]
    pub fn hide(mut self, pattern: impl Into<String>) -> Self {
        self.hidden.push(pattern.into());
        self
    }

    /// Shows fields of this name or pattern although the built-in rules would hide them.
    #[must_use]
    pub fn show(mut self, pattern: impl Into<String>) -> Self {
        self.shown.push(pattern.into());
        self
    }

    /// Looks into values and messages too, for secrets that are known by their shape: bearer and basic credentials,
    /// user and password in URLs, private keys ([`scrub_secrets`](crate::redact::scrub_secrets)). Only the secret is replaced.
    #[must_use]
    pub fn scrub_values(self) -> Self {
        Self { values: Values::Scrubbed, ..self }
    }

    /// Whether the value of a field of this name is hidden.
    pub(crate) fn hides(&self, name: &str) -> bool {
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()));
        is_in(&self.hidden) || (is_sensitive_name(name) && !is_in(&self.shown))
    }

    /// Whether a text, as it is or as JSON, may hold a secret to replace. Quick, and right whenever it says no.
    #[inline]
    pub(crate) fn suspects(&self, json: &[u8]) -> bool {
        self.values == Values::Scrubbed && may_hold_secret(json)
    }
}

fn may_hold_secret(json: &[u8]) -> bool {
    json.iter().enumerate().any(|(at, byte)| match byte {
        b':' => json[at..].starts_with(b"://"),
        b' ' => ends_with_scheme(&json[..at]),
        b'-' => json[at..].starts_with(b"-----BEGIN"),
        _ => false,
    })
}

fn ends_with_scheme(text: &[u8]) -> bool {
    let ends_with =
        |word: &[u8]| text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word);
    ends_with(b"bearer") || ends_with(b"basic")
}

/// Whether a name is what a pattern says. Every `*` takes as little as it can and more when what follows asks for it.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // After the last `*`: where the pattern goes on, and where in the name that was tried last.
    let mut retry = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, in_name));
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[in_name]) => {
                at += 1;
                in_name += 1;
            }
            _ => {
                let Some((after_star, tried)) = retry else { return false };
                (at, in_name) = (after_star, tried + 1);
                retry = Some((after_star, tried + 1));
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::scrub_secrets;

    #[test]
    fn patterns_match_whole_names_in_any_case() {
        for (pattern, name, expected) in [
            ("iban", "IBAN", true),
            ("iban", "ibans", false),
            ("iban", "my_iban", false),
            ("*_pin", "card_pin", true),
            ("*_pin", "pin", false),
            ("card*", "card", true),
            ("*a*b*", "xaabyb", true),
            ("*ab", "aab", true),
            ("*ab", "aba", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn services_own_words_stand_over_the_built_in_ones() {
        let redaction = Redaction::new().show("token").show("*_key").hide("api_key").hide("iban");
        for (name, hidden) in
            [("token", false), ("access_token", true), ("private_key", false), ("api_key", true), ("iban", true)]
        {
            assert_eq!(redaction.hides(name), hidden, "{name}");
        }
    }

    #[test]
    fn what_is_not_suspected_holds_no_secret() {
        let redaction = Redaction::new().scrub_values();
        for text in ["BEARER abc1", "basic dXNlcg==", "x://u:p@h", "-----BEGIN RSA PRIVATE KEY-----", "a BaSiC a1"] {
            assert!(redaction.suspects(text.as_bytes()), "{text}");
        }
        for text in ["a plain text: of words - and more", "bearer", "basics of it", ""] {
            assert!(!redaction.suspects(text.as_bytes()), "{text}");
            assert_eq!(scrub_secrets(text), text);
        }
        assert!(!Redaction::new().suspects(b"x://u:p@h"));
    }
}
