//! Fields as attributes: hidden by the rules of the log, and cut as its strings are.

use std::error::Error;
use std::fmt::{self, Write as _};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value as Json;
use tracing::field::{Field, Visit};

use super::fields::{Treatment, plain};
use crate::fence::fenced;
use crate::log::{Heard, PairValue, Redaction, each_pair, listen};
use crate::redact::{REDACTED, scrub_secrets};

/// What is shown for a formatter that fails or panics.
const FORMAT_ERROR: &str = "!(format error)";

/// Levels of a structured value that are shown; what is deeper is shown empty. As in the log.
const DEPTH: usize = 32;

/// Causes of an error that are shown. Chosen: more than errors have.
const CAUSES: usize = 16;

/// How texts are shown.
#[derive(Debug)]
pub(super) struct Texts {
    redaction: Redaction,
    cap: usize,
}

impl Texts {
    pub(super) fn new(redaction: Redaction, cap: usize) -> Self {
        Self { redaction, cap }
    }

    /// Whether the value of a field of this name is hidden.
    pub(super) fn hides(&self, name: &str) -> bool {
        self.redaction.hides(name)
    }

    fn text(&self, text: &str) -> String {
        let scrubbed = if self.redaction.suspects(text.as_bytes()) { scrub_secrets(text) } else { text.into() };
        scrubbed[..scrubbed.floor_char_boundary(self.cap)].to_owned()
    }

    fn displayed(&self, value: &dyn fmt::Display) -> String {
        self.formatted(format_args!("{value}"))
    }

    fn formatted(&self, arguments: fmt::Arguments<'_>) -> String {
        // A secret that the cap would cut in two is still seen whole.
        let mut bounded = Bounded { text: String::new(), room: 2 * self.cap, full: false };
        match fenced(|| bounded.write_fmt(arguments)) {
            Some(Ok(())) => self.text(&bounded.text),
            _ if bounded.full => self.text(&bounded.text),
            _ => FORMAT_ERROR.to_owned(),
        }
    }

    /// A value that only its `Debug` tells of: a text, unless that hands over a structured value.
    fn debugged(&self, value: &dyn fmt::Debug) -> Option<Value> {
        let format = || self.formatted(format_args!("{value:?}"));
        match listen(format) {
            (text, Heard::Nothing) => Some(Value::StringValue(text)),
            (text, Heard::Value(structured)) if text.is_empty() => {
                self.structured(&structured, &mut self.cap.clone(), 0)
            }
            // Only a part of the value was structured, so all of it is a text.
            (_, Heard::Value(_)) => Some(Value::StringValue(format())),
            (_, Heard::Failure) => None,
        }
    }

    /// A structured value, in about as many bytes as a text may have; members that do not fit are left out.
    fn structured(&self, value: &Json, left: &mut usize, depth: usize) -> Option<Value> {
        let leaf = |bytes: usize, left: &mut usize| *left = left.saturating_sub(bytes);
        Some(match value {
            Json::Null => return None,
            Json::Bool(yes) => {
                leaf(1, left);
                Value::BoolValue(*yes)
            }
            Json::Number(number) => {
                leaf(size_of::<f64>(), left);
                number.as_i64().map_or_else(|| Value::DoubleValue(number.as_f64().unwrap_or_default()), Value::IntValue)
            }
            Json::String(text) => {
                let mut text = self.text(text);
                text.truncate(text.floor_char_boundary(*left));
                leaf(text.len(), left);
                Value::StringValue(text)
            }
            Json::Array(items) => {
                let mut values = Vec::new();
                for item in items {
                    if depth == DEPTH || *left == 0 {
                        break;
                    }
                    values.push(AnyValue { value: self.structured(item, left, depth + 1) });
                }
                Value::ArrayValue(ArrayValue { values })
            }
            Json::Object(members) => {
                let mut values = Vec::new();
                for (name, member) in members {
                    if depth == DEPTH || *left <= name.len() {
                        break;
                    }
                    leaf(name.len(), left);
                    let value = if self.hides(name) {
                        Some(text_value(REDACTED))
                    } else {
                        self.structured(member, left, depth + 1)
                    };
                    values.push(attribute(name.clone(), value));
                }
                Value::KvlistValue(KeyValueList { values })
            }
        })
    }

    fn of_pair(&self, value: &PairValue) -> Value {
        match value {
            PairValue::Bool(value) => Value::BoolValue(*value),
            PairValue::I64(value) => Value::IntValue(*value),
            PairValue::U64(value) => unsigned(*value),
            PairValue::I128(value) => text_value(value),
            PairValue::U128(value) => text_value(value),
            PairValue::F64(value) => Value::DoubleValue(*value),
            PairValue::Text(text) => Value::StringValue(self.text(text)),
            PairValue::Failed => text_value(FORMAT_ERROR),
        }
    }

    /// The causes of an error, each as a text.
    fn causes(&self, error: &(dyn Error + 'static)) -> Vec<AnyValue> {
        let mut causes = Vec::new();
        let mut next = fenced(|| error.source()).flatten();
        while let Some(cause) = next
            && causes.len() < CAUSES
        {
            causes.push(AnyValue { value: Some(Value::StringValue(self.displayed(&cause))) });
            next = fenced(|| cause.source()).flatten();
        }
        causes
    }
}

/// A text that takes no more than its room.
struct Bounded {
    text: String,
    room: usize,
    full: bool,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let left = self.room - self.text.len();
        self.full |= part.len() > left;
        self.text.push_str(&part[..part.floor_char_boundary(left)]);
        if self.full { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Takes down fields.
pub(super) struct Recorder<'a> {
    pub(super) texts: &'a Texts,
    /// In the order of the callsite's fields.
    pub(super) treatments: &'a [Treatment],
    pub(super) attributes: Vec<KeyValue>,
    pub(super) message: Option<AnyValue>,
}

impl Recorder<'_> {
    fn take(&mut self, field: &Field, value: impl FnOnce(&Texts) -> Option<Value>) {
        match self.treatments.get(field.index()) {
            Some(Treatment::Show) => {
                let value = value(self.texts);
                self.set(plain(field.name()).to_owned(), value);
            }
            Some(Treatment::Hide) => {
                self.set(plain(field.name()).to_owned(), Some(text_value(REDACTED)));
            }
            Some(Treatment::Message) => {
                self.message = value(self.texts).map(|value| AnyValue { value: Some(value) });
            }
            Some(Treatment::Leave) | None => {}
        }
    }

    /// Takes down what a record of the `log` crate has besides its message.
    pub(super) fn take_pairs(&mut self) {
        each_pair(|name, value| {
            let value = if self.texts.hides(name) { text_value(REDACTED) } else { self.texts.of_pair(value) };
            self.set(name.to_owned(), Some(value));
        });
    }

    fn set(&mut self, name: String, value: Option<Value>) {
        set(&mut self.attributes, attribute(name, value));
    }
}

/// Adds an attribute; of two of one name, the last counts.
pub(super) fn set(attributes: &mut Vec<KeyValue>, new: KeyValue) {
    match attributes.iter_mut().find(|old| old.key == new.key) {
        Some(old) => *old = new,
        None => attributes.push(new),
    }
}

impl Visit for Recorder<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.take(field, |_| Some(Value::DoubleValue(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, |_| Some(Value::IntValue(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, |_| Some(unsigned(value)));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.take(field, |_| Some(text_value(value)));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.take(field, |_| Some(text_value(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.take(field, |_| Some(Value::BoolValue(value)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, |texts| Some(Value::StringValue(texts.text(value))));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.take(field, |texts| Some(Value::StringValue(texts.displayed(&value))));
        if self.treatments.get(field.index()) == Some(&Treatment::Show) {
            let values = self.texts.causes(value);
            if !values.is_empty() {
                self.set(format!("{}Chain", plain(field.name())), Some(Value::ArrayValue(ArrayValue { values })));
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, |texts| texts.debugged(value));
    }
}

/// An integer; as a text if the protocol has none so large.
fn unsigned(value: u64) -> Value {
    i64::try_from(value).map_or_else(|_| text_value(value), Value::IntValue)
}

fn text_value(value: impl fmt::Display) -> Value {
    Value::StringValue(value.to_string())
}

/// A text as an attribute.
pub(super) fn text(key: impl Into<String>, text: impl Into<String>) -> KeyValue {
    attribute(key.into(), Some(Value::StringValue(text.into())))
}

/// An integer as an attribute.
#[cfg(feature = "http")]
pub(super) fn integer(key: impl Into<String>, integer: i64) -> KeyValue {
    attribute(key.into(), Some(Value::IntValue(integer)))
}

fn attribute(key: String, value: Option<Value>) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value }), ..KeyValue::default() }
}
