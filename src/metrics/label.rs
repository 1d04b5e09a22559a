//! Label values, and how a label set becomes the bytes that identify a series.

use std::borrow::Cow;

/// The value of a label: static, or a checked copy of something declared at build.
///
/// There is no conversion from `String`: a value that comes from a request cannot become a label by accident.
///
/// ```
/// use aistm7_monitoring::metrics::LabelValue;
///
/// let fixed: LabelValue = "ok".into();
/// let declared = LabelValue::capped("x".repeat(1_000));
/// assert_eq!(fixed.as_str(), "ok");
/// assert_eq!(declared.as_str().len(), LabelValue::MAX_BYTES);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelValue(Cow<'static, str>);

impl LabelValue {
    /// Chosen: room for any route template or table name, a bound for memory.
    pub const MAX_BYTES: usize = 256;

    /// A value known only at run time: a declared name, a table, a route template. Cut to [`Self::MAX_BYTES`].
    pub fn capped(value: impl Into<String>) -> Self {
        let mut value = value.into();
        value.truncate(value.floor_char_boundary(Self::MAX_BYTES));
        Self(Cow::Owned(value))
    }

    /// The value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for LabelValue {
    fn from(value: &'static str) -> Self {
        Self(Cow::Borrowed(value))
    }
}

/// The label set of the series that takes what a cap refused, by OpenTelemetry's name.
pub(super) const OVERFLOW: &str = "otel_metric_overflow=\"true\"";

/// `a="1",b="2"`, sorted by name and escaped for the exposition formats: the identity of a series.
///
/// An empty value is the same as an absent label to Prometheus, so it is left out here.
pub(super) fn identity<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    pairs.sort_unstable();
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        escape_into(&mut out, value);
        out.push('"');
    }
    out
}

fn escape_into(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// The pairs of an identity, unescaped: the reverse of [`identity`].
pub(super) fn pairs(identity: &str) -> Vec<(&str, String)> {
    let mut pairs = Vec::new();
    let mut rest = identity;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = after.char_indices();
        let mut end = after.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at;
                    break;
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => {}
                },
                c => value.push(c),
            }
        }
        pairs.push((name, value));
        rest = after.get(end + 1..).unwrap_or_default().trim_start_matches(',');
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identity_is_sorted_and_leaves_out_empty_values() {
        assert_eq!(identity([("b", "2"), ("c", ""), ("a", "1")]), "a=\"1\",b=\"2\"");
    }

    proptest! {
        #[test]
        fn any_values_come_back_from_their_identity(a in ".+", b in "[\\\\\"\n,={}a]+") {
            let text = identity([("a", a.as_str()), ("b", b.as_str())]);
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(pairs(&text), vec![("a", a), ("b", b)]);
        }
    }
}
