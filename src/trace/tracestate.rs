//! The `tracestate` header: other vendors' state, checked, carried on and never read.

use std::sync::Arc;

/// The list members of `tracestate` headers, joined in order, or nothing.
///
/// Cost of a clone: one atomic add, none when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState(Option<Arc<str>>);

/// The recommendation's limit of list members.
const MEMBERS: usize = 32;

/// Longest key, and longest value, by the recommendation.
const PART_BYTES: usize = 256;

impl TraceState {
    /// Joins header values in their order. One bad member drops the whole list, never the trace.
    pub fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut joined = String::new();
        let mut members = 0;
        for member in values.flat_map(|value| value.split(|byte| *byte == b',')) {
            let member = member.trim_ascii();
            if member.is_empty() {
                continue;
            }
            members += 1;
            match std::str::from_utf8(member) {
                Ok(text) if members <= MEMBERS && is_member(text) => {
                    if !joined.is_empty() {
                        joined.push(',');
                    }
                    joined.push_str(text);
                }
                _ => return Self(None),
            }
        }
        Self((!joined.is_empty()).then(|| joined.into()))
    }

    /// The value to send on, if there is one.
    pub fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else {
        return false;
    };
    let starts_key = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let in_key = |b: u8| starts_key(b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@');
    let in_value = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b',' | b'=');
    (1..=PART_BYTES).contains(&key.len())
        && key.bytes().next().is_some_and(starts_key)
        && key.bytes().all(in_key)
        && (1..=PART_BYTES).contains(&value.len())
        && value.bytes().all(in_value)
}

#[cfg(test)]
mod tests {
    use super::TraceState;

    fn parse(values: &[&str]) -> Option<String> {
        TraceState::parse(values.iter().map(|value| value.as_bytes())).as_str().map(str::to_owned)
    }

    #[test]
    fn members_of_several_headers_are_joined_in_order() {
        assert_eq!(
            parse(&["rojo=00f0 , congo=t61", "", ",a@b/*-_=1"]).as_deref(),
            Some("rojo=00f0,congo=t61,a@b/*-_=1")
        );
        assert_eq!(parse(&[]), None);
    }

    #[test]
    fn one_bad_member_drops_the_list() {
        let long_key = format!("{}=1", "k".repeat(257));
        let long_value = format!("k={}", "v".repeat(257));
        let many = vec!["a=1"; 33].join(",");
        for bad in ["A=1", "=1", "a=", "a=b=c", "a", "a=\u{7f}", "é=1", &long_key, &long_value, &many] {
            assert_eq!(parse(&["ok=1", bad]), None, "{bad}");
        }
    }
}
