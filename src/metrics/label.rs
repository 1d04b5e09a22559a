//! Label values, and how a label set becomes the bytes that identify a series.

use std::borrow::Cow;

use crate::diagnostics::{Diagnostics, Problem};
use crate::error::InvalidValue;

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

    /// What stands for a name that breaks its rule. No checked name can be it: they start with a letter or digit.
    pub const OTHER: &'static str = "_other";

    /// A name that is written in code, if `checked` says that it keeps its rule, as
    /// [`check_name`](crate::error::check_name) does; else [`Self::OTHER`], and the refusal is counted as
    /// `unknown_label_value`.
    pub fn checked(name: &'static str, checked: Result<(), InvalidValue>, diagnostics: &Diagnostics) -> Self {
        match checked {
            Ok(()) => name.into(),
            Err(refused) => {
                diagnostics.report(Problem::UnknownLabelValue, &refused.to_string());
                Self::OTHER.into()
            }
        }
    }

    /// The value that is the same as no label.
    pub(super) const fn empty() -> Self {
        Self(Cow::Borrowed(""))
    }

    /// What [`Self::capped`] keeps of a value.
    pub(super) fn cut(value: &str) -> &str {
        &value[..value.floor_char_boundary(Self::MAX_BYTES)]
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
pub(crate) fn identity<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
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
    out.extend(value.chars().flat_map(|c| escaped(c).into_iter().flatten()));
}

/// A character as the formats have it in a label value.
fn escaped(c: char) -> [Option<char>; 2] {
    match c {
        '\\' | '"' => [Some('\\'), Some(c)],
        '\n' => [Some('\\'), Some('n')],
        c => [Some(c), None],
    }
}

/// Whether [`identity`] would give an escaped value for a plain one.
pub(super) fn is_escaped_form(escaped_value: &str, value: &str) -> bool {
    if !escaped_value.contains('\\') {
        return escaped_value == value;
    }
    value.chars().flat_map(|c| escaped(c).into_iter().flatten()).eq(escaped_value.chars())
}

/// The names and escaped values of an identity.
pub(super) fn escaped_pairs(identity: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = identity;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_once("=\"")?;
        let end = closing_quote(after);
        let value = &after[..end];
        rest = after.get(end + 1..).unwrap_or_default().trim_start_matches(',');
        Some((name, value))
    })
}

fn closing_quote(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return at,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

/// The pairs of an identity, unescaped: the reverse of [`identity`].
pub(crate) fn pairs(identity: &str) -> Vec<(&str, String)> {
    escaped_pairs(identity).map(|(name, value)| (name, unescaped(value))).collect()
}

fn unescaped(value: &str) -> String {
    plain_pieces(value).collect()
}

/// What an escaped value is put together from when it is plain again.
pub(super) fn plain_pieces(escaped_value: &str) -> impl Iterator<Item = &str> {
    let mut rest = escaped_value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(after) = rest.strip_prefix('\\') else {
            let (piece, after) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
            rest = after;
            return Some(piece);
        };
        let (sign, after) = after.split_at(after.chars().next().map_or(0, char::len_utf8));
        rest = after;
        Some(if sign == "n" { "\n" } else { sign })
    })
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
            prop_assert_eq!(pairs(&text), vec![("a", a.clone()), ("b", b.clone())]);
            let forms: Vec<_> = escaped_pairs(&text).map(|(_, value)| value).collect();
            prop_assert!(is_escaped_form(forms[0], &a) && is_escaped_form(forms[1], &b));
            prop_assert_eq!(is_escaped_form(forms[0], &b), a == b);
        }
    }
}
