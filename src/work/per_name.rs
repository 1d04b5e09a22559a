//! One of something for each name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::metrics::LabelValue;

/// One of something for each name that is written in code, or for each key `K` that is made of such names, so that who
/// asks for it twice shares it.
pub(crate) struct PerName<T, K = LabelValue>(Mutex<BTreeMap<K, Arc<OnceLock<T>>>>);

impl<T: Clone, K: Clone + Ord> PerName<T, K> {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// What there is of this name; made if it is the first time. The map is not locked meanwhile.
    pub(crate) fn of(&self, name: K, make: impl FnOnce(&K) -> T) -> T {
        let place = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(name.clone()).or_default())
        };
        place.get_or_init(|| make(&name)).clone()
    }
}

impl<T, K: fmt::Debug> fmt::Debug for PerName<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(places.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_one_whoever_asks() {
        let numbers: PerName<usize> = PerName::new();
        assert_eq!(numbers.of("a".into(), |_| 1), 1);
        assert_eq!(numbers.of("a".into(), |_| 2), 1);
        assert_eq!(numbers.of("b".into(), |name| name.as_str().len()), 1);
        assert_eq!(format!("{numbers:?}"), "{LabelValue(\"a\"), LabelValue(\"b\")}");
    }
}
