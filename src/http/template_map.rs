//! A map from route templates that grows to a size known at build and never forgets, so that readers take no lock.

use std::sync::OnceLock;

/// Values by template. Open addressing with linear probing over slots that are written once.
pub(super) struct TemplateMap<T> {
    slots: Box<[OnceLock<Box<Entry<T>>>]>,
}

struct Entry<T> {
    template: Box<str>,
    value: T,
}

impl<T> TemplateMap<T> {
    /// A map for at most so many templates: the caller counts. At most half of the slots are ever taken, so that
    /// probes are short and always end.
    pub(super) fn with_capacity(templates: usize) -> Self {
        let slots = (2 * templates).next_power_of_two();
        Self { slots: (0..slots).map(|_| OnceLock::new()).collect() }
    }

    /// The value of a template. Cost: a hash and a comparison of the template.
    pub(super) fn get(&self, template: &str) -> Option<&T> {
        let mut entries = self.probe(template).map_while(OnceLock::get);
        entries.find(|entry| *entry.template == *template).map(|entry| &entry.value)
    }

    /// The value of a template, made if it is not there yet. Whoever comes second gets what the first one made.
    pub(super) fn get_or_insert_with(&self, template: &str, mut make: impl FnMut() -> T) -> &T {
        for slot in self.probe(template) {
            let entry = slot.get_or_init(|| Box::new(Entry { template: template.into(), value: make() }));
            if *entry.template == *template {
                return &entry.value;
            }
        }
        unreachable!("at least half of the slots are free")
    }

    /// The slots from a template's own onwards, around.
    fn probe(&self, template: &str) -> impl Iterator<Item = &OnceLock<Box<Entry<T>>>> {
        // A mask, since there is a power of two of them.
        let (own, mask) = (hash(template), self.slots.len() - 1);
        (0..self.slots.len()).map(move |step| &self.slots[(own + step) & mask])
    }
}

/// Mixes eight bytes at a time. Templates are the service's own, so nobody chooses them to collide.
fn hash(template: &str) -> usize {
    /// 2^64 divided by the golden ratio, made odd: spreads neighbours over all bits.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let bytes = template.as_bytes();
    // The last eight bytes may overlap those before.
    let last = match bytes.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).chain([last]);
    let mixed = words.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD));
    // The upper bits depend on every byte. The cast keeps them whole on every machine.
    (mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_keep_their_values_until_the_map_is_full() {
        const TEMPLATES: usize = 900;
        let map = TemplateMap::with_capacity(TEMPLATES);
        let template = |number: usize| format!("/api/v1/things{number}/{{id}}");
        for number in 0..TEMPLATES {
            assert_eq!(map.get(&template(number)), None);
            assert_eq!(*map.get_or_insert_with(&template(number), || number), number);
            assert_eq!(*map.get_or_insert_with(&template(number), || usize::MAX), number);
        }
        assert!((0..TEMPLATES).all(|number| map.get(&template(number)) == Some(&number)));
        assert_eq!(map.get("/elsewhere"), None);
    }

    #[test]
    fn templates_that_differ_in_a_byte_are_spread() {
        let places: std::collections::HashSet<_> =
            (0..26).map(|letter| hash(&format!("/{}/risk", char::from(b'a' + letter))) & 0x7ff).collect();
        assert!(places.len() >= 20, "{places:?}");
    }

    #[test]
    fn threads_that_insert_at_once_agree_on_one_value() {
        let map = TemplateMap::with_capacity(64);
        std::thread::scope(|scope| {
            let insert = |thread: usize| {
                let map = &map;
                move || {
                    (0..64).map(|number| *map.get_or_insert_with(&number.to_string(), || thread)).collect::<Vec<_>>()
                }
            };
            let threads = [0, 1, 2, 3].map(|thread| scope.spawn(insert(thread)));
            let [first, others @ ..] = threads.map(|thread| thread.join().expect("no thread panics"));
            assert!(others.iter().all(|seen| *seen == first));
        });
    }
}
