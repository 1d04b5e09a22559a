//! Who may ask: whoever carries the token.

use std::fmt;
use std::hint::black_box;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::error::InvalidValue;
use crate::redact::{REDACTED, Secret};

/// A token that requests carry as `authorization: Bearer …`.
#[derive(Clone)]
pub(crate) struct Bearer(Secret<String>);

/// Chosen: what cannot be guessed over a network, if it is random.
const LEAST_BYTES: usize = 16;

impl Bearer {
    pub(crate) fn new(token: Secret<String>) -> Result<Self, InvalidValue> {
        let text = token.expose();
        if text.len() < LEAST_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let rule = "at least 16 visible ASCII characters without spaces";
            return Err(InvalidValue::new("log control token", REDACTED, rule));
        }
        Ok(Self(token))
    }

    /// Whether a request has this token, and no other beside it.
    pub(super) fn is_carried_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(SCHEME.len()) else { return false };
        scheme.eq_ignore_ascii_case(SCHEME) && is_same(token, self.0.expose().as_bytes())
    }
}

const SCHEME: &[u8] = b"Bearer ";

/// Compares in a time that depends on the length of what was given and on nothing of what is expected, which is not
/// empty.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let pairs = given.iter().zip(expected.iter().cycle());
    // The compiler must not find out that one difference decides.
    let differences = pairs.fold(0, |found, (a, b)| black_box(found | (a ^ b)));
    (differences == 0) & (given.len() == expected.len())
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bearer").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn bearer() -> Bearer {
        Bearer::new(Secret::new(TOKEN.to_owned())).expect("a long token")
    }

    #[test]
    fn token_is_the_whole_token_and_the_only_one() {
        for (value, carried) in [
            ("Bearer 0123456789abcdef", true),
            ("bEARER 0123456789abcdef", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Bearer 0123456789abcdef0123456789abcdef", false),
            ("Bearer  0123456789abcdef", false),
            ("Bearer ", false),
            ("Bearer", false),
            ("", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("\u{ff}\u{fe}Bearer 0123456789abcdef", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            assert_eq!(bearer().is_carried_by(&headers), carried, "{value}");
            headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer 0123456789abcdef"));
            assert!(!bearer().is_carried_by(&headers), "{value} and another");
        }
        assert!(!bearer().is_carried_by(&HeaderMap::new()));
    }

    #[test]
    fn token_that_is_easy_to_guess_or_no_header_value_is_refused_and_not_shown() {
        for token in ["", "hunter2", "0123456789abcde", "0123456789 abcdef", "0123456789abcdef\n", "0123456789abcdeä"]
        {
            let refused = Bearer::new(Secret::new(token.to_owned())).expect_err(token);
            assert_eq!(refused.value(), REDACTED);
        }
        assert!(!format!("{:?}", bearer()).contains(TOKEN));
    }
}
