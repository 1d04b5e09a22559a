//! Records of the `log` crate: what their key-values become.

use std::collections::BTreeMap;
use std::fmt;

use log::kv::{self, Key, Source, Value, VisitSource};
use log::{Level, Log as _, Record};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Fixture, lines_of};
use crate::log::bridge::Bridge;
use crate::log::{Caps, Format, Redaction};

const NO_PAIRS: [(&str, i32); 0] = [];

fn log(pairs: &dyn Source) {
    let mut record = Record::builder();
    record.level(Level::Warn).target("driver").key_values(pairs);
    Bridge::new().log(&record.args(format_args!("of log")).build());
}

fn details(pairs: &dyn Source) -> String {
    let lines = lines_of(|| log(pairs));
    assert_eq!((lines.len(), &lines[0]["message"]), (1, &"of log".into()));
    lines[0]["details"].to_string()
}

#[test]
fn values_keep_their_type() {
    let pairs = [
        ("text", Value::from("a \"quote\"")),
        ("negative", Value::from(-3)),
        ("large", Value::from(u64::MAX)),
        ("larger", Value::from(u128::MAX)),
        ("float", Value::from(2.0)),
        ("nan", Value::from(f64::NAN)),
        ("yes", Value::from(true)),
        ("letter", Value::from('x')),
        ("debug", Value::from_debug(&[1, 2])),
        ("shown", Value::from_display(&"as text")),
        ("none", Value::null()),
    ];
    let expected = serde_json::json!({
        "text": "a \"quote\"", "negative": -3, "large": u64::MAX, "larger": u128::MAX.to_string(), "float": 2.0,
        "nan": null, "nanText": "NaN", "yes": true, "letter": "x", "debug": "[1, 2]", "shown": "as text",
    });
    assert_eq!(details(&pairs), expected.to_string());
    assert_eq!(details(&NO_PAIRS), "{}");
}

#[test]
fn keys_are_unique_and_hidden_and_cut_as_those_of_events() {
    let fixture = Fixture::with(|options| {
        options.redaction(Redaction::new().hide("iban").scrub_values()).caps(Caps::new().string_bytes(64))
    });
    let long = "x".repeat(5_000);
    let pairs = [
        ("a", "once"),
        ("a", "twice"),
        ("truncated", "mine"),
        ("message", "not the line's"),
        ("api_key", "hunter2"),
        ("IBAN", "hunter2"),
        ("url", "https://app:hunter2@db"),
        ("long", &long),
        ("\u{202e}\n", "acts"),
        ("", "empty"),
    ];
    fixture.run(|| {
        let _span = tracing::info_span!("around", a = "of the span", b = 2).entered();
        log(&pairs);
    });
    // `lines` judges that each key is there once and no character acts.
    let lines = fixture.lines();
    let details = &lines[0]["details"];
    assert_eq!((&details["a"], &details["b"], &details["truncated_"]), (&"twice".into(), &2.into(), &"mine".into()));
    assert_eq!((&lines[0]["message"], &details["message"]), (&"of log".into(), &"not the line's".into()));
    assert_eq!((&details["truncated"], &details[""]), (&true.into(), &"empty".into()));
    assert!(!fixture.memory.text().contains("hunter2"), "{details}");
}

struct Failing;

impl fmt::Display for Failing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

struct Panicking;

impl fmt::Display for Panicking {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("as the test wants")
    }
}

/// Gives one pair and then breaks off.
struct Broken(fn() -> Result<(), kv::Error>);

impl Source for Broken {
    fn visit<'kvs>(&'kvs self, visitor: &mut dyn VisitSource<'kvs>) -> Result<(), kv::Error> {
        visitor.visit_pair(Key::from("before"), Value::from(1))?;
        (self.0)()
    }
}

#[test]
fn what_fails_harms_neither_its_line_nor_the_next() {
    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        log(&[("fails", Value::from_display(&Failing)), ("ok", Value::from(1))]);
        log(&[("panics", Value::from_display(&Panicking)), ("ok", Value::from(2))]);
        log(&Broken(|| Err(kv::Error::msg("as the test wants"))));
        log(&Broken(|| panic!("as the test wants")));
        log(&NO_PAIRS);
    });
    let found: Vec<_> = fixture.lines().iter().map(|line| line["details"].to_string()).collect();
    let expected = [
        r#"{"fails":"!(format error)","ok":1}"#,
        r#"{"ok":2,"panics":"!(format error)"}"#,
        r#"{"before":1}"#,
        r#"{"before":1}"#,
        "{}",
    ];
    assert_eq!(found, expected);
    assert_eq!(fixture.formats_failed(), 2);
}

#[test]
fn pairs_are_their_own_records_whoever_logs_meanwhile() {
    struct Talkative;

    impl fmt::Display for Talkative {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            log(&[("inner", 1)]);
            info!("of tracing");
            f.write_str("said")
        }
    }

    let (first, second) = (Fixture::new(Format::Json), Fixture::new(Format::Json));
    let subscriber = tracing_subscriber::registry().with(first.log.layer()).with(second.log.layer());
    tracing::subscriber::with_default(subscriber, || {
        let mut record = Record::builder();
        record.level(Level::Info).key_values(&[("outer", 2)]);
        Bridge::new().log(&record.args(format_args!("{Talkative}")).build());
        log(&[("outer", Value::from_display(&Talkative))]);
        // As `tracing-log` hands it over, without a record of ours around it.
        tracing_log::format_trace(&Record::builder().args(format_args!("foreign")).build()).expect("it never fails");
    });
    for fixture in [first, second] {
        for line in fixture.lines() {
            let details = line["details"].to_string();
            let expected = match line["message"].as_str() {
                Some("said") => r#"{"outer":2}"#,
                Some("of log") if details.contains("outer") => r#"{"outer":"said"}"#,
                Some("of log") => r#"{"inner":1}"#,
                _ => "{}",
            };
            assert_eq!(details, expected, "{line}");
        }
    }
}

#[test]
fn number_and_length_of_pairs_are_bounded() {
    let many: BTreeMap<String, u32> = (0..10_000).map(|number| (format!("k{number:05}"), number)).collect();
    let fixture =
        Fixture::with(|options| options.caps(Caps::new().line_bytes(Caps::MAX_LINE_BYTES)).budget_bytes(8 << 20));
    fixture.run(|| {
        log(&many);
        log(&[("huge", "x".repeat(3_000_000).as_str())]);
    });
    let lines = fixture.lines();
    let details = lines[0]["details"].as_object().expect("an object");
    assert_eq!((details.len(), &details["log.pairs_left_out"]), (257, &(10_000 - 256).into()));
    assert_eq!(lines[1]["details"]["truncated"], true);
}
