//! A map from route templates that grows to a size known at build and never forgets, so that readers take no lock.

use std::sync::OnceLock;

/// Values by template. Open addressing with linear probing over slots that are written once.
pub(super) struct TemplateMap<T> {
    slots: Box<[OnceLock<Box<Entry<T>>>]>,
    /// How far a hash is shifted to give a slot.
    shift: u32,
}

struct Entry<T> {
    template: Box<str>,
    value: T,
}

impl<T> TemplateMap<T> {
    /// A map for at most so many templates: the caller counts. At most half of the slots are ever taken, so that
    /// probes are short and always end.
    pub(super) fn with_capacity(templates: usize) -> Self {
        let slots = (2 * templates.max(1)).next_power_of_two();
        Self { slots: (0..slots).map(|_| OnceLock::new()).collect(), shift: u64::BITS - slots.trailing_zeros() }
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
        let own = self.slot(template);
        // A mask, since there is a power of two of them.
        let mask = self.slots.len() - 1;
        (0..self.slots.len()).map(move |step| &self.slots[(own + step) & mask])
    }

    /// The upper bits of the hash: they alone depend on every byte. The cast keeps them, which number a slot.
    fn slot(&self, template: &str) -> usize {
        (hash(template) >> self.shift) as usize
    }
}

/// Mixes eight bytes at a time. Templates are the service's own, so nobody chooses them to collide.
fn hash(template: &str) -> u64 {
    /// 2^64 divided by the golden ratio, made odd: spreads neighbours over all bits.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let bytes = template.as_bytes();
    // The last eight bytes may overlap those before.
    let last = match bytes.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).chain([last]);
    words.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
        let map = TemplateMap::<()>::with_capacity(900);
        for template in
            ["?", "/?", "/?/risk", "/api/v1/?", "/api/v?/orders", "/api/v1/port?olios/{id}/risk", "/api/v1/orders/{?}"]
        {
            let slot = |letter: u8| map.slot(&template.replace('?', &char::from(letter).to_string()));
            let slots: HashSet<_> = (b'a'..=b'z').map(slot).collect();
            assert!(slots.len() >= 20, "{template}: {slots:?}");
        }
        // By chance there would be 729 of them.
        let slots: HashSet<_> = (0..900).map(|number| map.slot(&format!("/api/v1/things{number}/{{id}}"))).collect();
        assert!(slots.len() >= 650, "{}", slots.len());
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
