//! JSON read as strictly as any consumer may: a repeated key at any depth is an error.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The value of one JSON text, with the keys of its top level in their order.
pub(super) fn parse(text: &str) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut keys = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { keys: Some(&mut keys) }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, keys))
}

struct Strict<'a> {
    keys: Option<&'a mut Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated keys")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Strict { keys: None })? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut order = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Strict { keys: None })?;
            order.push(key.clone());
            if map.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("repeated key {key:?}")));
            }
        }
        if let Some(keys) = self.keys {
            *keys = order;
        }
        Ok(map.into())
    }
}

#[test]
fn parser_refuses_repeated_keys_at_every_depth() {
    assert!(parse(r#"{"a":1,"a":2}"#).is_err());
    assert!(parse(r#"{"a":[{"b":{"c":1,"c":1}}]}"#).is_err());
    assert!(parse(r#"{"a":1} x"#).is_err());
    assert_eq!(parse(r#"{"b":1,"a":{"b":2}}"#).expect("valid").1, ["b", "a"]);
}
