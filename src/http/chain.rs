//! A few values by key, found without a lock.

use std::sync::OnceLock;

/// An append-only list: for keys of which a route meets few, such as statuses.
pub(super) struct Chain<K, V>(OnceLock<Box<Link<K, V>>>);

struct Link<K, V> {
    key: K,
    value: V,
    next: Chain<K, V>,
}

impl<K: PartialEq, V> Chain<K, V> {
    /// The value of a key, made if it is not there yet. Whoever comes second gets what the first one made.
    #[inline]
    pub(super) fn get_or_insert_with(&self, key: K, mut make: impl FnMut(&K) -> V) -> &V
    where
        K: Copy,
    {
        let mut chain = self;
        loop {
            let link = chain.0.get_or_init(|| Box::new(Link { key, value: make(&key), next: Chain::default() }));
            if link.key == key {
                return &link.value;
            }
            chain = &link.next;
        }
    }
}

impl<K, V> Default for Chain<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_keeps_its_first_value() {
        let chain = Chain::default();
        for key in [200, 404, 500] {
            assert_eq!(*chain.get_or_insert_with(key, |key| key + 1), key + 1);
            assert_eq!(*chain.get_or_insert_with(key, |_| 0), key + 1);
        }
    }
}
