//! The `tracestate` header, by the rules of W3C trace context level 2.

use std::borrow::Cow;
use std::fmt;

use http::header::{HeaderMap, HeaderValue};

use super::propagation::TRACESTATE;
use super::text::Text;
use super::values::trimmed;
use crate::error::InvalidValue;

/// What tracing systems say to each other along a trace: a list of keys and values, the latest change first.
///
/// It is read whole, members of several headers joined in their order, and sent on cut to
/// [`TraceState::FORWARDED_BYTES`]. Reading and cloning one of up to 62 bytes allocates nothing.
///
/// ```
/// use aistm7_monitoring::trace::TraceState;
///
/// let state = TraceState::parse([&b"rojo=00f0, congo=t61"[..]]);
/// assert_eq!(state.get("congo"), Some("t61"));
/// let changed = state.with("congo", "t62")?.without("rojo").with("aistm7", "p:7")?;
/// assert_eq!(changed.as_str(), Some("aistm7=p:7,congo=t62"));
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Default)]
pub struct TraceState(Text<SHORT>);

/// Chosen: room for two entries as vendors write them, in a type of 64 bytes.
const SHORT: usize = 62;

impl TraceState {
    /// Most members of a list, by the recommendation.
    pub const MAX_MEMBERS: usize = 32;

    /// Longest value that is sent on, in bytes: what the recommendation asks everybody to carry.
    pub const FORWARDED_BYTES: usize = 512;

    /// Longest key, and longest value, by the recommendation.
    const PART_BYTES: usize = 256;

    /// Members longer than this are the first to go, by the recommendation.
    const LONG_MEMBER_BYTES: usize = 128;

    /// Joins header values in their order. One bad member, or more than [`TraceState::MAX_MEMBERS`], drops the whole
    /// list, never the trace. Empty members are left out, equal keys stay.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let members = values.into_iter().flat_map(|value| value.split(|byte| *byte == b',')).map(trimmed);
        let mut state = Self::default();
        for (place, member) in members.filter(|member| !member.is_empty()).enumerate() {
            if place == Self::MAX_MEMBERS || !is_member(member) {
                return Self::default();
            }
            state.push(member);
        }
        state
    }

    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        Self::parse(headers.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes))
    }

    /// The whole list, if there is one.
    pub fn as_str(&self) -> Option<&str> {
        (!self.0.is_empty()).then(|| self.0.as_str())
    }

    /// The keys and values, the latest change first.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries().filter_map(|entry| entry.split_once('='))
    }

    /// The value of a key; the first one if the list has several.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// The list with this key and value in front, and nowhere else. A list that is full loses its last member.
    ///
    /// # Errors
    /// When the key is not 1 to 256 of `a-z 0-9 _ - * / @`, starting with a letter or digit, or the value not 1 to 256
    /// printable ASCII characters without `,` and `=`, the last of them no space.
    pub fn with(&self, key: &str, value: &str) -> Result<Self, InvalidValue> {
        check(key, value)?;
        let mut changed = Self::default();
        changed.push(format!("{key}={value}").as_bytes());
        for entry in self.entries_without(key).take(Self::MAX_MEMBERS - 1) {
            changed.push(entry.as_bytes());
        }
        Ok(changed)
    }

    /// The list without this key.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let mut changed = Self::default();
        for entry in self.entries_without(key) {
            changed.push(entry.as_bytes());
        }
        changed
    }

    /// The value to send on, if there is one: of a list longer than [`TraceState::FORWARDED_BYTES`] the whole members
    /// that are left when first those longer than 128 bytes go, from the right, and then others, from the right.
    pub fn header(&self) -> Option<Cow<'_, str>> {
        let whole = self.as_str()?;
        if whole.len() <= Self::FORWARDED_BYTES {
            return Some(whole.into());
        }
        let kept = self.kept().join(",");
        (!kept.is_empty()).then_some(kept.into())
    }

    /// The members of a list that is too long which are sent on.
    fn kept(&self) -> Vec<&str> {
        let mut kept: Vec<_> = self.entries().collect();
        // Each with a comma behind it, the last one too.
        let mut length: usize = kept.iter().map(|entry| entry.len() + 1).sum();
        let is_long = |entry: &str| entry.len() > Self::LONG_MEMBER_BYTES;
        for may_go in [is_long, |_: &str| true] {
            for at in (0..kept.len()).rev() {
                if length <= Self::FORWARDED_BYTES + 1 {
                    return kept;
                }
                if may_go(kept[at]) {
                    length -= kept.remove(at).len() + 1;
                }
            }
        }
        kept
    }

    fn entries(&self) -> impl Iterator<Item = &str> {
        self.as_str().into_iter().flat_map(|list| list.split(','))
    }

    fn entries_without(&self, key: &str) -> impl Iterator<Item = &str> {
        self.entries().filter(move |entry| entry.split_once('=').is_none_or(|(own, _)| own != key))
    }

    /// Appends a member that was checked.
    fn push(&mut self, member: &[u8]) {
        if !self.0.is_empty() {
            self.0.push(b",");
        }
        self.0.push(member);
    }
}

fn check(key: &str, value: &str) -> Result<(), InvalidValue> {
    if !is_key(key.as_bytes()) {
        let rule = "1 to 256 of a-z, 0-9, '_', '-', '*', '/' and '@', starting with a letter or digit";
        return Err(InvalidValue::new("tracestate key", key, rule));
    }
    if !is_value(value.as_bytes()) || value.ends_with(' ') {
        let rule = "1 to 256 printable ASCII characters without ',' and '=', not ending with a space";
        return Err(InvalidValue::new("tracestate value", value, rule));
    }
    Ok(())
}

fn is_member(text: &[u8]) -> bool {
    let Some(separator) = text.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    is_key(&text[..separator]) && is_value(&text[separator + 1..])
}

fn is_key(text: &[u8]) -> bool {
    let starts_key = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let in_key = |b: &u8| starts_key(*b) || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@');
    text.len() <= TraceState::PART_BYTES
        && text.first().is_some_and(|first| starts_key(*first))
        && text.iter().all(in_key)
}

fn is_value(text: &[u8]) -> bool {
    let in_value = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b',' | b'=');
    (1..=TraceState::PART_BYTES).contains(&text.len()) && text.iter().all(in_value)
}

impl PartialEq for TraceState {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes() == other.0.as_bytes()
    }
}

impl Eq for TraceState {}

impl fmt::Debug for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceState").field(&self.0.as_str()).finish()
    }
}
