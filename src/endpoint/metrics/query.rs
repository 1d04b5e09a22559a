//! The `name[]` parameters of a scrape.

use crate::percent::decoded;

/// The families that a query asks for, sorted, each once. Other parameters, and names that are no text, ask for nothing.
pub(super) fn names(query: &str) -> Vec<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(key, _)| decoded(key).as_deref() == Some("name[]"));
    let mut names: Vec<_> = named.filter_map(|(_, value)| decoded(value)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_are_decoded_sorted_and_told_once() {
        for (query, expected) in [
            ("", &[][..]),
            ("name[]=b&name[]=a&name[]=b", &["a", "b"]),
            ("name%5B%5D=up%5Ftotal&other=1", &["up_total"]),
            ("name=a&names[]=b&name[]", &[]),
            ("name[]=%zz&name[]=%f&name[]=%ff", &[]),
        ] {
            assert_eq!(names(query), expected, "{query}");
        }
    }
}
