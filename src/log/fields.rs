//! Fields as ready JSON fragments, each key once: those of a span, or all that one event shows.

use super::encode::Outcome;
use super::escape::escape;

/// `,"key":value` after `,"key":value`, with an index. Reused, so that nothing is allocated after warm-up.
#[derive(Debug, Default)]
pub(super) struct Fields {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// One bit a key, by a hash: no common bit means no common key.
    keys: u128,
    /// Whether an entry was cut or has a companion, so that a line cannot copy `bytes` unseen.
    irregular: bool,
}

/// A field's name as a line has it, made once for a callsite.
#[derive(Debug)]
pub(super) struct Key {
    /// `,"name":` with the name escaped.
    json: Box<[u8]>,
    bit: u128,
}

/// The key that marks a line which does not show everything: always `true`, so a field of that name gets another one.
pub(super) const MARKER: &str = "truncated";
const NOT_THE_MARKER: &str = "truncated_";

impl Key {
    pub(super) fn new(name: &str) -> Self {
        let name = if name == MARKER { NOT_THE_MARKER } else { name };
        let mut json = b",\"".to_vec();
        escape(&mut json, name, usize::MAX);
        let bit = bit_of(&json[2..]);
        json.extend_from_slice(b"\":");
        Self { json: json.into(), bit }
    }
}

/// Where one field is in the bytes. `u32` is enough because every value is capped.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// At its comma.
    start: u32,
    /// After the key's last character.
    key_end: u32,
    /// After the value.
    value_end: u32,
    /// After the companion, which is `,"key<suffix>":value`, if it has one.
    end: u32,
    suffix: Option<Suffix>,
    outcome: Outcome,
}

/// What the key of a companion adds to its field's key. A companion tells what the field's own JSON value cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suffix {
    /// The word for a float that is no number.
    Text,
    /// The causes of an error.
    Chain,
}

impl Suffix {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Chain => "Chain",
        }
    }
}

/// A field as a line shows it.
pub(super) struct Piece<'a> {
    /// Escaped.
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) companion: Option<(Suffix, &'a [u8])>,
    /// All of it as JSON, with its leading comma.
    pub(super) json: &'a [u8],
    pub(super) cut: bool,
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        self.keys = 0;
        self.irregular = false;
    }

    /// Lets go of memory beyond `bytes` that one large event took.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        self.bytes.shrink_to(bytes);
    }

    /// Adds a field, or replaces the one of that key.
    pub(super) fn insert(&mut self, key: &Key, value: impl FnOnce(&mut Vec<u8>) -> Outcome) -> Outcome {
        let entry = self.write(key, value);
        self.add(entry, key.bit);
        entry.outcome
    }

    /// Adds a field with a companion, or replaces the one of that key.
    pub(super) fn insert_with(
        &mut self,
        key: &Key,
        value: impl FnOnce(&mut Vec<u8>) -> Outcome,
        suffix: Suffix,
        companion: impl FnOnce(&mut Vec<u8>) -> Outcome,
    ) -> Outcome {
        let mut entry = self.write(key, value);
        // `,"name`, without the quote and the colon behind it.
        self.bytes.extend_from_slice(&key.json[..key.json.len() - 2]);
        self.bytes.extend_from_slice(suffix.as_str().as_bytes());
        self.bytes.extend_from_slice(b"\":");
        let outcome = companion(&mut self.bytes);
        entry.end = position(&self.bytes);
        entry.suffix = Some(suffix);
        entry.outcome = entry.outcome.worse(outcome);
        self.add(entry, key.bit);
        entry.outcome
    }

    /// Takes over the fields of an outer span whose keys are not here yet.
    pub(super) fn merge(&mut self, outer: &Self) {
        if self.keys & outer.keys == 0 {
            let shift = position(&self.bytes);
            self.bytes.extend_from_slice(&outer.bytes);
            self.entries.extend(outer.entries.iter().map(|entry| entry.moved(|at| at + shift)));
            self.keys |= outer.keys;
            self.irregular |= outer.irregular;
            return;
        }
        for entry in &outer.entries {
            self.adopt(outer, entry);
        }
    }

    /// Replaces or adds what a span recorded later.
    pub(super) fn update(&mut self, later: &Self) {
        for entry in &later.entries {
            self.remove(later.key(entry));
            self.adopt(later, entry);
        }
    }

    /// The fields, in order. A companion whose key is a field of its own is left out.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.entries.iter().map(|entry| {
            let companion = entry.suffix.filter(|suffix| !self.has_joined(self.key(entry), suffix.as_str()));
            let value_end = entry.value_end as usize;
            let key = self.key(entry);
            Piece {
                key,
                value: &self.bytes[entry.key_end as usize + 2..value_end],
                companion: companion.map(|suffix| {
                    // A comma, two quotes and a colon stand around the companion's key.
                    let value = value_end + key.len() + suffix.as_str().len() + 4;
                    (suffix, &self.bytes[value..entry.end as usize])
                }),
                json: &self.bytes
                    [entry.start as usize..if companion.is_some() { entry.end } else { entry.value_end } as usize],
                cut: entry.outcome == Outcome::Cut,
            }
        })
    }

    /// All fields as one fragment, when there is nothing to look at piece by piece.
    pub(super) fn regular(&self) -> Option<&[u8]> {
        (!self.irregular).then_some(&self.bytes)
    }

    /// A copy that holds no spare memory, for a span to keep.
    pub(super) fn to_kept(&self) -> Self {
        let Self { bytes, entries, keys, irregular } = self;
        Self { bytes: bytes.clone(), entries: entries.clone(), keys: *keys, irregular: *irregular }
    }

    fn write(&mut self, key: &Key, value: impl FnOnce(&mut Vec<u8>) -> Outcome) -> Entry {
        let start = position(&self.bytes);
        self.bytes.extend_from_slice(&key.json);
        let key_end = position(&self.bytes) - 2;
        let outcome = value(&mut self.bytes);
        let end = position(&self.bytes);
        Entry { start, key_end, value_end: end, end, suffix: None, outcome }
    }

    /// Indexes the entry whose bytes were just written, and removes an earlier one of its key.
    fn add(&mut self, mut entry: Entry, bit: u128) {
        if self.keys & bit != 0
            && let Some(index) = self.find(self.key(&entry))
        {
            let removed = self.remove_at(index);
            entry = entry.moved(|at| at - removed);
        }
        self.keys |= bit;
        self.irregular |= entry.outcome == Outcome::Cut || entry.suffix.is_some();
        self.entries.push(entry);
    }

    fn adopt(&mut self, from: &Self, entry: &Entry) {
        let key = from.key(entry);
        let bit = bit_of(key);
        if self.keys & bit != 0 && self.find(key).is_some() {
            return;
        }
        let start = position(&self.bytes);
        self.bytes.extend_from_slice(&from.bytes[entry.start as usize..entry.end as usize]);
        self.entries.push(entry.moved(|at| at - entry.start + start));
        self.keys |= bit;
        self.irregular |= from.irregular;
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(index) = self.find(key) {
            self.remove_at(index);
        }
    }

    fn remove_at(&mut self, index: usize) -> u32 {
        let Entry { start, end, .. } = self.entries.remove(index);
        self.bytes.drain(start as usize..end as usize);
        let length = end - start;
        for later in &mut self.entries[index..] {
            *later = later.moved(|at| at - length);
        }
        length
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| self.key(entry) == key)
    }

    fn has_joined(&self, key: &[u8], suffix: &str) -> bool {
        self.entries.iter().any(|entry| self.key(entry).strip_suffix(suffix.as_bytes()) == Some(key))
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        &self.bytes[entry.start as usize + 2..entry.key_end as usize]
    }
}

impl Entry {
    fn moved(&self, to: impl Fn(u32) -> u32) -> Self {
        Self {
            start: to(self.start),
            key_end: to(self.key_end),
            value_end: to(self.value_end),
            end: to(self.end),
            ..*self
        }
    }
}

/// The end of the bytes as an index.
fn position(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("OK because a line's fields are capped far below 4 GiB")
}

/// One of 128 bits, from the parts in which short names differ most.
fn bit_of(key: &[u8]) -> u128 {
    let at = |index: usize| key.get(index).copied().map_or(0, usize::from);
    let hash = key.len() + 7 * at(0) + 31 * at(key.len() / 2) + 13 * at(key.len().saturating_sub(1));
    1 << (hash % 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> impl FnOnce(&mut Vec<u8>) -> Outcome {
        move |out| {
            out.extend_from_slice(value.as_bytes());
            Outcome::Whole
        }
    }

    fn shown(fields: &Fields) -> String {
        let json: Vec<u8> = fields.pieces().flat_map(|piece| piece.json.to_vec()).collect();
        String::from_utf8(json).expect("UTF-8")
    }

    #[test]
    fn last_value_of_a_key_wins_and_each_key_is_there_once() {
        let mut fields = Fields::default();
        for (key, value) in [("a", "1"), ("bb", "2"), ("a", "3"), ("c\"", "4"), ("bb", "55")] {
            fields.insert(&Key::new(key), text(value));
        }
        assert_eq!(shown(&fields), r#","a":3,"c\"":4,"bb":55"#);
        assert_eq!(fields.regular().map(<[u8]>::len), Some(shown(&fields).len()));
    }

    #[test]
    fn outer_fields_are_added_where_the_inner_have_none() {
        let (mut event, mut span, mut other) = (Fields::default(), Fields::default(), Fields::default());
        event.insert(&Key::new("a"), text("1"));
        span.insert(&Key::new("a"), text("2"));
        span.insert_with(&Key::new("b"), text("null"), Suffix::Text, text("\"NaN\""));
        other.insert(&Key::new("zz"), text("9"));
        event.merge(&span);
        event.merge(&other);
        event.merge(&span);
        assert_eq!(shown(&event), r#","a":1,"b":null,"bText":"NaN","zz":9"#);
    }

    #[test]
    fn companion_gives_way_to_a_field_of_its_key_and_goes_with_its_field() {
        let mut fields = Fields::default();
        fields.insert_with(&Key::new("x"), text("null"), Suffix::Text, text("\"NaN\""));
        fields.insert(&Key::new("xText"), text("7"));
        assert_eq!(shown(&fields), r#","x":null,"xText":7"#);
        let mut later = Fields::default();
        later.insert(&Key::new("x"), text("1.0"));
        fields.update(&later);
        assert_eq!(shown(&fields), r#","xText":7,"x":1.0"#);
    }

    #[test]
    fn pieces_tell_their_parts() {
        let mut fields = Fields::default();
        fields.insert_with(&Key::new("e"), text("\"top\""), Suffix::Chain, text("[\"cause\"]"));
        let piece = fields.pieces().next().expect("one field");
        assert_eq!((piece.key, piece.value), (&b"e"[..], &b"\"top\""[..]));
        assert_eq!(piece.companion, Some((Suffix::Chain, &b"[\"cause\"]"[..])));
    }
}
