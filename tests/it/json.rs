//! JSON read strictly: a key that occurs twice is an error, which `serde_json::Value` would not notice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The lines of a log: each one JSON object whose keys are unique at every level, without control characters.
///
/// # Panics
/// At the first line that is not.
#[track_caller]
pub(crate) fn strict_lines(bytes: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(bytes).expect("the log is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    text.lines().map(strict_line).collect()
}

#[track_caller]
fn strict_line(line: &str) -> Value {
    assert!(!line.chars().any(char::is_control), "control characters in {line:?}");
    if let Err(error) = serde_json::from_str::<UniqueKeys>(line) {
        panic!("{error} in {line}");
    }
    let value: Value = serde_json::from_str(line).expect("read before");
    assert!(value.is_object(), "{line}");
    value
}

/// Any JSON whose objects have each key once.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self.deserialize(deserializer)
    }
}

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = Self;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Self)?;
            if let Some(twice) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("key {twice:?} occurs twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[test]
fn duplicate_keys_are_noticed_at_every_level() {
    for (line, is_strict) in [
        (r#"{"a":{"b":[1,-1,1.5,null,true,"x"]},"b":{}}"#, true),
        (r#"{"a":1,"a":1}"#, false),
        (r#"{"a":[{"b":{"c":1,"c":2}}]}"#, false),
    ] {
        assert_eq!(serde_json::from_str::<UniqueKeys>(line).is_ok(), is_strict, "{line}");
    }
}
