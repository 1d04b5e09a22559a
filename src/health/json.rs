//! JSON objects whose keys keep the order in which they were written.

use super::outcome::Datum;

/// An object under construction.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    pub(super) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &quoted(value))
    }

    pub(super) fn optional_text(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// `json` is written as it is.
    pub(super) fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    pub(super) fn datum(self, key: &str, datum: &Datum) -> Self {
        match datum {
            Datum::Integer(value) => self.raw(key, &value.to_string()),
            Datum::Number(value) => self.number(key, *value),
            Datum::Flag(value) => self.raw(key, if *value { "true" } else { "false" }),
            Datum::Text(value) => self.text(key, value),
        }
    }

    /// JSON has no infinity and no NaN: they are written as `null`.
    pub(super) fn number(self, key: &str, value: f64) -> Self {
        let json = if value.is_finite() { value.to_string() } else { "null".to_owned() };
        self.raw(key, &json)
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

pub(super) fn array(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(","))
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_valid_json_in_the_order_written() {
        let object = Object::new()
            .text("b", "a \"quote\"\n")
            .optional_text("none", None)
            .datum("a", &Datum::Number(f64::NAN))
            .datum("c", &Datum::Number(0.25))
            .datum("d", &Datum::from(u64::MAX))
            .datum("e", &Datum::Flag(true))
            .finish();
        assert_eq!(object, r#"{"b":"a \"quote\"\n","a":null,"c":0.25,"d":18446744073709551615,"e":true}"#);
        let parsed: serde_json::Value = serde_json::from_str(&object).unwrap();
        assert_eq!(parsed["b"], "a \"quote\"\n");
        assert_eq!(Object::new().finish(), "{}");
    }
}
