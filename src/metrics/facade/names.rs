//! The facade's names, which are free, as names that Prometheus accepts; and the same without building them.

use std::borrow::Cow;

use ::metrics::Label;

use crate::metrics::LabelValue;
use crate::metrics::definition::{is_label_name, is_metric_name};
use crate::metrics::label::{escaped_pairs, is_escaped_form};

/// Other characters than Prometheus accepts become `_`.
pub(super) fn metric_name(name: &str) -> Cow<'_, str> {
    if is_metric_name(name) { Cow::Borrowed(name) } else { Cow::Owned(valid(name, is_name_sign).collect()) }
}

/// As [`metric_name`]; names that Prometheus keeps for itself get the prefix `exported_`, as it does on a clash.
pub(super) fn label_name(name: &str) -> Cow<'_, str> {
    if is_label_name(name) {
        return Cow::Borrowed(name);
    }
    let valid: String = valid(name, is_label_sign).collect();
    Cow::Owned(if is_label_name(&valid) { valid } else { format!("{EXPORTED}{}", valid.trim_start_matches('_')) })
}

/// Whether [`metric_name`] gives `valid_name` for `name`.
pub(super) fn is_metric_name_of(valid_name: &str, name: &str) -> bool {
    valid_name == name || (!is_metric_name(name) && valid(name, is_name_sign).eq(valid_name.chars()))
}

/// Whether these labels are those of a series, in any order.
#[inline]
pub(super) fn are_labels_of<'a>(identity: &str, labels: impl ExactSizeIterator<Item = &'a Label> + Clone) -> bool {
    if labels.len() == 0 { identity.is_empty() } else { are_plainly(identity, labels.clone()) || are(identity, labels) }
}

/// As [`are_labels_of`] of labels that are as in the identity byte by byte, as nearly all are; `false` is no answer.
fn are_plainly<'a>(identity: &str, labels: impl ExactSizeIterator<Item = &'a Label> + Clone) -> bool {
    let mut rest = identity.as_bytes();
    let mut missing = labels.len();
    while missing > 0 {
        let after = |label: &Label| {
            let (name, value) = (label.key().as_bytes(), label.value().as_bytes());
            let after = rest.strip_prefix(name)?.strip_prefix(b"=\"")?.strip_prefix(value)?.strip_prefix(b"\"")?;
            // With such a byte it could hold an end that is not its own.
            let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | b'\n');
            (name.iter().all(is_plain) && value.iter().all(is_plain)).then_some(after)
        };
        let Some(after) = labels.clone().find_map(after) else {
            return false;
        };
        missing -= 1;
        rest = match after.strip_prefix(b",") {
            Some(rest) if missing > 0 => rest,
            _ => return missing == 0 && after.is_empty(),
        };
    }
    false
}

fn are<'a>(identity: &str, labels: impl Iterator<Item = &'a Label> + Clone) -> bool {
    // Names in an identity differ. So if there are as many labels, none of them can be left over.
    let mut missing = labels.clone().filter(|label| !label.value().is_empty()).count();
    for (name, value) in escaped_pairs(identity) {
        let is_it = |label: &Label| {
            is_escaped_form(value, LabelValue::cut(label.value())) && is_label_name_of(name, label.key())
        };
        if missing == 0 || !labels.clone().any(is_it) {
            return false;
        }
        missing -= 1;
    }
    missing == 0
}

/// Whether [`label_name`] gives `valid_name` for `name`.
fn is_label_name_of(valid_name: &str, name: &str) -> bool {
    if is_label_name(name) {
        return valid_name == name;
    }
    let valid = || valid(name, is_label_sign);
    let is_reserved = valid().take(2).eq("__".chars()) || valid().eq("le".chars()) || valid().eq("quantile".chars());
    match valid_name.strip_prefix(EXPORTED) {
        Some(rest) if is_reserved => valid().skip_while(|c| *c == '_').eq(rest.chars()),
        _ => !is_reserved && valid().eq(valid_name.chars()),
    }
}

const EXPORTED: &str = "exported_";

fn is_label_sign(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name_sign(c: char) -> bool {
    is_label_sign(c) || c == ':'
}

/// A name with `_` for what is no sign of it, and before what cannot start it.
fn valid(name: &str, is_sign: fn(char) -> bool) -> impl Iterator<Item = char> {
    let signs = name.chars().map(move |c| if is_sign(c) { c } else { '_' });
    let starts = signs.clone().next().is_some_and(|c| !c.is_ascii_digit());
    (!starts).then_some('_').into_iter().chain(signs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::label::identity;

    proptest! {
        #[test]
        fn names_match_exactly_what_is_built_from_them(a in "[a_.:0_le]{0,5}", b in "(__|le|quantile|exported_le|[a_.:0]{0,3})") {
            prop_assert!(is_metric_name(&metric_name(&a)) && is_label_name(&label_name(&b)));
            prop_assert_eq!(is_metric_name_of(&metric_name(&a), &b), metric_name(&a) == metric_name(&b));
            prop_assert_eq!(is_label_name_of(&label_name(&a), &b), label_name(&a) == label_name(&b));
            prop_assert_eq!(is_label_name_of(&label_name(&b), &a), label_name(&a) == label_name(&b));
        }

        #[test]
        fn labels_match_exactly_their_identity(
            some in prop::collection::btree_map("[ab.]", "[\\\\\"\n]{0,2}", 0..3),
            other in prop::collection::btree_map("[ab.]", "[\\\\\"\n]{0,2}", 0..3),
        ) {
            let of = |map: &std::collections::BTreeMap<String, String>| {
                identity(map.iter().map(|(name, value)| (if name == "." { "_" } else { name.as_str() }, value.as_str())))
            };
            let labels: Vec<_> = some.iter().rev().map(|(name, value)| Label::new(name.clone(), value.clone())).collect();
            prop_assert_eq!(are_labels_of(&of(&other), labels.iter()), of(&some) == of(&other));
        }
    }
}
