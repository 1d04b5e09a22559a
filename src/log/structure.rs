//! A structured value as JSON that stays whole however little of it fits.

use serde_json::{Map, Value};

use super::encode::{self, Outcome};
use super::escape::{Fit, escape};
use super::rules::Rules;
use crate::redact::REDACTED;

/// Levels that are shown; what is deeper is shown empty. Chosen: more than people read, and the stack is safe.
const DEPTH_CAP: usize = 32;

/// Appends `value` in at most as many bytes as a string may have. Members that do not fit are left out, those behind
/// them too.
pub(super) fn write(out: &mut Vec<u8>, value: &Value, rules: &Rules) -> Outcome {
    let end = out.len() + rules.caps.string;
    Writer { rules, outcome: Outcome::Whole }.value(out, value, end, 0)
}

struct Writer<'a> {
    rules: &'a Rules,
    outcome: Outcome,
}

impl Writer<'_> {
    fn value(mut self, out: &mut Vec<u8>, value: &Value, end: usize, depth: usize) -> Outcome {
        self.append(out, value, end, depth);
        self.outcome
    }

    /// May write beyond `end`, by less than one number is long. The container that notices takes the value back; a value
    /// in none has room for a number, see [`Caps::MIN_STRING_BYTES`](super::Caps::MIN_STRING_BYTES).
    fn append(&mut self, out: &mut Vec<u8>, value: &Value, end: usize, depth: usize) {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
            Value::Number(number) => encode::number(out, number),
            Value::String(text) => {
                // The quotes take two bytes.
                let cap = end.saturating_sub(out.len() + 2);
                self.note(encode::string(out, text, cap, self.rules));
            }
            Value::Array(items) => self.array(out, items, end, depth),
            Value::Object(members) => self.object(out, members, end, depth),
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, items: &[Value], end: usize, depth: usize) {
        out.push(b'[');
        self.each(out, items, end, depth, |writer, out, item, end| writer.append(out, item, end, depth + 1));
        out.push(b']');
    }

    fn object(&mut self, out: &mut Vec<u8>, members: &Map<String, Value>, end: usize, depth: usize) {
        out.push(b'{');
        self.each(out, members, end, depth, |writer, out, (name, value), end| {
            out.push(b'"');
            if escape(out, name, end) == Fit::Cut {
                // Taken back by `each`.
                out.resize(end + 1, b' ');
                return;
            }
            out.extend_from_slice(b"\":");
            if writer.rules.redaction.hides(name) {
                writer.note(encode::string(out, REDACTED, REDACTED.len(), writer.rules));
            } else {
                writer.append(out, value, end, depth + 1);
            }
        });
        out.push(b'}');
    }

    fn each<T>(
        &mut self,
        out: &mut Vec<u8>,
        parts: impl IntoIterator<Item = T>,
        end: usize,
        depth: usize,
        append: impl Fn(&mut Self, &mut Vec<u8>, T, usize),
    ) {
        // The closing bracket takes one byte.
        let end = end.saturating_sub(1);
        for (at, part) in parts.into_iter().enumerate() {
            let before = out.len();
            if at > 0 {
                out.push(b',');
            }
            if depth < DEPTH_CAP {
                append(self, out, part, end);
            }
            if depth == DEPTH_CAP || out.len() > end {
                out.truncate(before);
                self.note(Outcome::Cut);
                return;
            }
        }
    }

    fn note(&mut self, outcome: Outcome) {
        self.outcome = self.outcome.worse(outcome);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::log::caps::Caps;
    use crate::log::redaction::Redaction;
    use crate::log::tests::any_text;

    fn rules(string_bytes: usize) -> Rules {
        Rules { caps: Caps::new().string_bytes(string_bytes), redaction: Redaction::new() }
    }

    fn written(value: &Value, string_bytes: usize) -> (String, Outcome) {
        let mut out = Vec::new();
        let outcome = write(&mut out, value, &rules(string_bytes));
        (String::from_utf8(out).expect("UTF-8"), outcome)
    }

    #[test]
    fn value_that_fits_is_itself_with_secrets_hidden_at_every_depth() {
        let value = json!({"a": [1, 2.0, null, true, "t\n\u{202e}"], "b": {"password": {"x": 1}, "c": {}}, "d": []});
        let expected = r#"{"a":[1,2.0,null,true,"t\n\u202e"],"b":{"c":{},"password":"[redacted]"},"d":[]}"#;
        assert_eq!(written(&value, 1_000), (expected.to_owned(), Outcome::Whole));
    }

    #[test]
    fn members_that_do_not_fit_are_left_out_and_strings_are_cut() {
        let value = json!({"a": [10, 20, 30], "b": "0123456789"});
        for (bytes, expected) in [
            (33, r#"{"a":[10,20,30],"b":"0123456789"}"#),
            (32, r#"{"a":[10,20,30],"b":"012345678"}"#),
            (20, r#"{"a":[10,20,30]}"#),
            (14, r#"{"a":[10,20]}"#),
            (8, r#"{"a":[]}"#),
            (7, "{}"),
        ] {
            let (text, outcome) = written(&value, bytes);
            assert_eq!((text.as_str(), outcome == Outcome::Cut), (expected, bytes < 33), "{bytes}");
        }
    }

    #[test]
    fn depth_ends_where_the_stack_is_safe() {
        let mut value = json!(1);
        for _ in 0..100 {
            value = json!([value]);
        }
        let (text, outcome) = written(&value, 1_000);
        assert_eq!((text, outcome), ("[".repeat(33) + &"]".repeat(33), Outcome::Cut));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
            any_text().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any_text(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_one_whole_value_under_its_cap(value in any_value(), bytes in 64_usize..400) {
            let (text, outcome) = written(&value, bytes);
            prop_assert!(text.len() <= bytes, "{} bytes", text.len());
            prop_assert!(!text.contains(char::is_control));
            let read: Value = serde_json::from_str(&text).expect("valid JSON");
            prop_assert_eq!(std::mem::discriminant(&read), std::mem::discriminant(&value));
            if outcome == Outcome::Whole && !text.contains(REDACTED) {
                prop_assert_eq!(read.to_string(), value.to_string());
            }
        }
    }
}
