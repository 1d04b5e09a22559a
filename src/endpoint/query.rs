//! The parameters of a query.

use crate::percent::decoded;

/// The values of a parameter, in their order. Other parameters, and what is no text, are left out.
pub(super) fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let named = pairs.filter(|(key, _)| decoded(key).as_deref() == Some(name));
    named.filter_map(|(_, value)| decoded(value)).collect()
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_decoded_and_keep_their_order() {
        for (query, expected) in [
            ("", &[][..]),
            ("name[]=b&name[]=a&name[]=b", &["b", "a", "b"]),
            ("name%5B%5D=up%5Ftotal&other=1", &["up_total"]),
            ("name=a&names[]=b&name[]", &[]),
            ("name[]=%zz&name[]=%f&name[]=%ff", &[]),
        ] {
            assert_eq!(values(query, "name[]"), expected, "{query}");
        }
    }
}
