//! Percent-encoded text, as URLs and `OTEL_RESOURCE_ATTRIBUTES` have it.

/// The text without its encoding; `None` if a `%` is not followed by two hex digits, or the bytes are no UTF-8.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                // The cast keeps two hex digits.
                (high * 16 + low) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The text as a value of a query.
#[cfg(feature = "notify")]
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let written = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(written).collect()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[cfg(feature = "notify")]
    #[test]
    fn encoded_text_is_plain_and_comes_back() {
        let text = "a-Z_0.~ &=+/ä🦀";
        assert_eq!(super::encoded("a-Z_0.~ &ä"), "a-Z_0.~%20%26%C3%A4");
        assert_eq!(decoded(&super::encoded(text)).as_deref(), Some(text));
    }

    #[test]
    fn only_whole_and_valid_encodings_are_decoded() {
        for (text, expected) in [
            ("", Some("")),
            ("a%2Fb%2fc+", Some("a/b/c+")),
            ("%C3%A4", Some("ä")),
            ("%", None),
            ("%4", None),
            ("%+1", None),
            ("%zz", None),
            ("%ff", None),
        ] {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }
}
