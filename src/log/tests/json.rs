//! Structured values: `log::json`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use tracing::field::Empty;
use tracing::{Level, info, info_span};

use super::{Fixture, details_of};
use crate::log::json::{Heard, listen};
use crate::log::{Format, Log, json};
use crate::redact::Secret;

#[derive(Serialize)]
struct Order {
    symbol: &'static str,
    legs: Vec<Leg>,
    api_key: &'static str,
    signer: Secret<&'static str>,
}

#[derive(Serialize)]
struct Leg {
    quantity: f64,
    note: Option<&'static str>,
}

fn order() -> Order {
    Order {
        symbol: "AAPL",
        legs: vec![Leg { quantity: 1.0, note: None }, Leg { quantity: 2.5, note: Some("a \"b\"") }],
        api_key: "hunter2",
        signer: Secret::new("hunter2"),
    }
}

#[test]
fn structured_value_is_json_in_events_spans_and_records_with_its_secrets_hidden() {
    let shown = r#"{"api_key":"[redacted]","legs":[{"note":null,"quantity":1.0},{"note":"a \"b\"","quantity":2.5}],"signer":"[redacted]","symbol":"AAPL"}"#;
    let details = details_of(|| {
        let span = info_span!("s", at_once = json(&order()), late = Empty).entered();
        span.record("late", json(&order()));
        info!(event = json(&order()), zero = json(&0), "m");
    });
    assert_eq!(details, format!(r#"{{"at_once":{shown},"event":{shown},"late":{shown},"zero":0}}"#));
}

#[test]
fn structured_value_under_a_secret_name_or_as_a_message_is_a_string() {
    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        info!(credentials = json(&order()), message = json(&[1, 2]));
        info!("{:?}", json(&["a"]));
    });
    let lines = fixture.lines();
    assert_eq!((&lines[0]["message"], &lines[0]["details"]["credentials"]), (&"[1,2]".into(), &"[redacted]".into()));
    assert_eq!(lines[1]["message"], r#"["a"]"#);
}

#[test]
fn structured_value_inside_another_debug_is_text() {
    let (a, b) = ([1], [2]);
    let details = details_of(|| info!(around = ?Some(json(&a)), both = ?(json(&a), json(&b)), after = json(&b)));
    assert_eq!(details, r#"{"after":[2],"around":"Some([1])","both":"([1], [2])"}"#);
}

struct Bad(fn() -> bool);

impl Serialize for Bad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool((self.0)())
    }
}

#[test]
fn value_that_cannot_be_serialised_is_null_and_harms_neither_its_line_nor_the_next() {
    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        let panics = || -> bool { panic!("in Serialize") };
        info!(a = 1, bad = json(&Bad(panics)), b = 2, "kept");
        info!(keys = json(&BTreeMap::from([((1, 2), 3)])), big = json(&u128::MAX), nan = json(&f64::NAN), "next");
        info!(good = json(&[1]));
    });
    let details: Vec<_> = fixture.lines().iter().map(|line| line["details"].to_string()).collect();
    let expected = [r#"{"a":1,"b":2,"bad":null}"#, r#"{"big":null,"keys":null,"nan":null}"#, r#"{"good":[1]}"#];
    assert_eq!(details, expected);
    assert_eq!(fixture.formats_failed(), 3);
}

#[test]
fn value_that_logs_gives_two_whole_lines() {
    struct Talkative<'a>(&'a Log);

    impl Serialize for Talkative<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.emit(Level::WARN, "from inside", &[("inner", "yes")]);
            serializer.serialize_bool(true)
        }
    }

    let fixture = Fixture::new(Format::Json);
    fixture.run(|| info!(outer = json(&[Talkative(&fixture.log)]), after = json(&["o"]), "outer"));
    let lines = fixture.lines();
    assert_eq!(lines[0]["details"].to_string(), r#"{"inner":"yes"}"#);
    assert_eq!(lines[1]["details"].to_string(), r#"{"after":["o"],"outer":[true]}"#);
}

#[test]
fn value_that_listens_itself_is_answered_apart() {
    let listens = || {
        let (text, heard) = listen(|| format!("{:?}", json(&["inner"])));
        text.is_empty() && matches!(heard, Heard::Value(value) if value == serde_json::json!(["inner"]))
    };
    let (text, heard) = listen(|| format!("{:?}", json(&[Bad(listens)])));
    assert!(text.is_empty() && matches!(heard, Heard::Value(value) if value == serde_json::json!([true])));
    assert_eq!(format!("{:?}", json(&1)), "1");
}

#[test]
fn large_value_is_cut_to_whole_members_and_the_line_says_so() {
    let numbers: Vec<u32> = (0..100_000).collect();
    let details = details_of(|| info!(numbers = json(&numbers), small = 1));
    let details: serde_json::Value = serde_json::from_str(&details).expect("JSON");
    assert_eq!((&details["truncated"], &details["small"]), (&true.into(), &1.into()));
    let shown = details["numbers"].as_array().expect("an array");
    assert!(shown.len() > 500 && shown.iter().zip(0_u64..).all(|(shown, number)| shown.as_u64() == Some(number)));
}

#[test]
fn other_subscribers_see_the_compact_text() {
    struct Shown(String);

    impl tracing::field::Visit for Shown {
        fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn fmt::Debug) {
            self.0 = format!("{value:?}");
        }
    }

    let mut shown = Shown(String::new());
    let span = tracing::subscriber::with_default(tracing_subscriber::registry(), || info_span!("s", a = Empty));
    let field = span.field("a").expect("its field");
    tracing::Value::record(&json(&[1, 2]), &field, &mut shown);
    assert_eq!(shown.0, "[1,2]");
}
