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
    /// The same, if it is short, and zeros: a copy of fixed size takes less time than one whose length has to be looked at.
    padded: Option<[u8; SHORT]>,
    bit: u128,
}

/// Chosen: most names are shorter, and a processor copies as much with one or two instructions.
const SHORT: usize = 32;

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
        let mut padded = [0; SHORT];
        let padded = padded.get_mut(..json.len()).map(|start| start.copy_from_slice(&json)).map(|()| padded);
        Self { json: json.into(), padded, bit }
    }

    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        match &self.padded {
            Some(padded) => {
                let end = out.len() + self.json.len();
                out.extend_from_slice(padded);
                out.truncate(end);
            }
            None => out.extend_from_slice(&self.json),
        }
    }
}

/// How long the parts of one field are. Fields stand one after the other, so a copy of the bytes takes a copy of the
/// entries. `u32` is enough because every value is capped.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The key, escaped, without what stands around it.
    key: u32,
    value: u32,
    /// The companion, which is `,"key<suffix>":value`, all of it; 0 if there is none.
    companion: u32,
    suffix: Option<Suffix>,
    outcome: Outcome,
}

/// Where a field begins that has no end yet.
#[derive(Debug)]
#[must_use = "a field that is not ended breaks the line"]
pub(super) struct Begun(usize);

/// What stands around a key and behind it: a comma and two quotes, and a colon.
const KEY_FRAME: usize = 4;

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

    /// How many bytes of fields there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Becomes a copy, in the memory that it has.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.bytes.clone_from(&other.bytes);
        self.entries.clone_from(&other.entries);
        (self.keys, self.irregular) = (other.keys, other.irregular);
    }

    /// Adds a field, or replaces the one of that key.
    pub(super) fn insert(&mut self, key: &Key, value: impl FnOnce(&mut Vec<u8>) -> Outcome) -> Outcome {
        let begun = self.begin(key);
        let outcome = value(self.value());
        self.end(key, begun, outcome)
    }

    /// Adds a field with a companion, or replaces the one of that key.
    pub(super) fn insert_with(
        &mut self,
        key: &Key,
        value: impl FnOnce(&mut Vec<u8>) -> Outcome,
        suffix: Suffix,
        companion: impl FnOnce(&mut Vec<u8>) -> Outcome,
    ) -> Outcome {
        let begun = self.begin(key);
        let outcome = value(&mut self.bytes);
        let mut entry = self.entry(key, &begun, outcome);
        let companion_start = self.bytes.len();
        // `,"name`, without the quote and the colon behind it.
        self.bytes.extend_from_slice(&key.json[..key.json.len() - 2]);
        self.bytes.extend_from_slice(suffix.as_str().as_bytes());
        self.bytes.extend_from_slice(b"\":");
        let outcome = companion(&mut self.bytes);
        entry.companion = length(self.bytes.len() - companion_start);
        entry.suffix = Some(suffix);
        entry.outcome = entry.outcome.worse(outcome);
        self.add(begun, entry, key.bit);
        entry.outcome
    }

    /// Begins a field, whose value is appended to [`Fields::value`] and ended by [`Fields::end`]: what
    /// [`Fields::insert`] does, without a function in between that the compiler would keep for all kinds of values.
    #[inline(always)]
    pub(super) fn begin(&mut self, key: &Key) -> Begun {
        let start = self.bytes.len();
        key.write(&mut self.bytes);
        Begun(start)
    }

    /// Where a value is appended.
    #[inline(always)]
    pub(super) fn value(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends a field that was begun. It replaces the one of that key.
    #[inline(always)]
    pub(super) fn end(&mut self, key: &Key, begun: Begun, outcome: Outcome) -> Outcome {
        let entry = self.entry(key, &begun, outcome);
        self.add(begun, entry, key.bit);
        outcome
    }

    /// Takes over the fields of an outer span whose keys are not here yet.
    pub(super) fn merge(&mut self, outer: &Self) {
        if self.keys & outer.keys == 0 {
            self.bytes.extend_from_slice(&outer.bytes);
            self.entries.extend_from_slice(&outer.entries);
            self.keys |= outer.keys;
            self.irregular |= outer.irregular;
            return;
        }
        for (start, entry) in outer.positions() {
            self.adopt(outer, start, entry);
        }
    }

    /// Replaces or adds what a span recorded later.
    pub(super) fn update(&mut self, later: &Self) {
        for (start, entry) in later.positions() {
            if let Some((index, start)) = self.find(later.key(start, entry)) {
                self.remove_at(index, start);
            }
            self.adopt(later, start, entry);
        }
    }

    /// The fields, in order. A companion whose key is a field of its own is left out.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.positions().map(|(start, entry)| {
            let key = self.key(start, entry);
            let value = start + KEY_FRAME + key.len();
            let value_end = value + entry.value as usize;
            let companion = entry.suffix.filter(|suffix| !self.has_joined(key, suffix.as_str()));
            let companion = companion.map(|suffix| {
                let value = value_end + KEY_FRAME + key.len() + suffix.as_str().len();
                (suffix, &self.bytes[value..start + entry.len()])
            });
            Piece {
                key,
                value: &self.bytes[value..value_end],
                companion,
                json: &self.bytes[start..if companion.is_some() { start + entry.len() } else { value_end }],
                cut: entry.outcome == Outcome::Cut,
            }
        })
    }

    /// The value, as JSON, of the field with the first of these names that there is.
    pub(super) fn value_of_first(&self, names: &[&[u8]]) -> Option<&[u8]> {
        let named = self.positions().filter_map(|(start, entry)| {
            let key = self.key(start, entry);
            let rank = names.iter().position(|name| *name == key)?;
            let value = start + KEY_FRAME + key.len();
            Some((rank, &self.bytes[value..value + entry.value as usize]))
        });
        named.min_by_key(|(rank, _)| *rank).map(|(_, value)| value)
    }

    /// All fields as one fragment, when there is nothing to look at piece by piece.
    pub(super) fn regular(&self) -> Option<&[u8]> {
        (!self.irregular).then_some(&self.bytes)
    }

    /// The entry of a field whose value was just written.
    #[inline(always)]
    fn entry(&self, key: &Key, begun: &Begun, outcome: Outcome) -> Entry {
        Entry {
            key: length(key.json.len() - KEY_FRAME),
            value: length(self.bytes.len() - begun.0 - key.json.len()),
            companion: 0,
            suffix: None,
            outcome,
        }
    }

    /// Indexes the entry whose bytes were just written, and removes an earlier one of its key.
    #[inline(always)]
    fn add(&mut self, Begun(start): Begun, entry: Entry, bit: u128) {
        if self.keys & bit != 0 {
            self.remove_earlier(start, &entry);
        }
        self.keys |= bit;
        self.irregular |= entry.outcome == Outcome::Cut || entry.suffix.is_some();
        self.entries.push(entry);
    }

    #[cold]
    fn remove_earlier(&mut self, start: usize, entry: &Entry) {
        if let Some((index, earlier)) = self.find(self.key(start, entry)) {
            self.remove_at(index, earlier);
        }
    }

    fn adopt(&mut self, from: &Self, start: usize, entry: &Entry) {
        let key = from.key(start, entry);
        let bit = bit_of(key);
        if self.keys & bit != 0 && self.find(key).is_some() {
            return;
        }
        self.bytes.extend_from_slice(&from.bytes[start..start + entry.len()]);
        self.entries.push(*entry);
        self.keys |= bit;
        self.irregular |= from.irregular;
    }

    fn remove_at(&mut self, index: usize, start: usize) {
        let entry = self.entries.remove(index);
        self.bytes.drain(start..start + entry.len());
    }

    /// The index of the field of this key, and where it begins.
    fn find(&self, key: &[u8]) -> Option<(usize, usize)> {
        let found = |(_, (start, entry)): &(usize, (usize, &Entry))| self.key(*start, entry) == key;
        self.positions().enumerate().find(found).map(|(index, (start, _))| (index, start))
    }

    fn has_joined(&self, key: &[u8], suffix: &str) -> bool {
        self.positions().any(|(start, entry)| self.key(start, entry).strip_suffix(suffix.as_bytes()) == Some(key))
    }

    /// Each entry, with where its bytes begin.
    fn positions(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().scan(0, |next, entry| {
            let start = *next;
            *next += entry.len();
            Some((start, entry))
        })
    }

    fn key(&self, start: usize, entry: &Entry) -> &[u8] {
        &self.bytes[start + 2..start + 2 + entry.key as usize]
    }
}

impl Entry {
    /// How many bytes the field takes, its companion among them.
    fn len(&self) -> usize {
        KEY_FRAME + self.key as usize + self.value as usize + self.companion as usize
    }
}

#[inline]
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("OK because a line's fields are capped far below 4 GiB")
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
