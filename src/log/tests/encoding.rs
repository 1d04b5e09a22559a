//! Fields as the line shows them: the rows of the comparison in the notes that are about one event.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::field::Empty;
use tracing::{Level, error, info, info_span};

use super::{Fixture, details_of, lines_of};
use crate::log::{Caps, Format, Log, LogOptions};

#[test]
fn guides_line_comes_out_to_the_byte() {
    let fixture = Fixture::new(Format::Json);
    let trace = crate::trace::TraceContext::new_root();
    let _entered = trace.enter();
    fixture.run(|| error!(portfolio = "user123", error = "InsufficientHistoricalData", "Failed to calculate VaR"));
    fixture.lines();
    assert_eq!(
        fixture.memory.text(),
        format!(
            "{{\"timestamp\":\"2025-01-22T10:30:00.000Z\",\"level\":\"ERROR\",\"service\":\"risk-analysis\",\
             \"traceId\":\"{}\",\"message\":\"Failed to calculate VaR\",\"details\":{{\"portfolio\":\"user123\",\
             \"error\":\"InsufficientHistoricalData\"}}}}\n",
            trace.trace_id()
        )
    );
}

#[test]
fn values_keep_their_type() {
    let details = details_of(|| {
        info!(
            whole = 1.0,
            small = 1e-9_f32,
            int = -7,
            unsigned = u64::MAX,
            big = u128::MAX,
            exact = 5_i128,
            yes = true,
            text = "t",
            shown = %"d",
            debugged = ?Some(1),
            none = None::<u64>,
            some = Some(2_u64),
            empty = Empty,
            bytes = &[0xff_u8, 0xfe, 0][..],
            json = %serde_json::json!({"a": "b"}),
            r#type = "raw",
            "quoted \"name\"" = 1,
            dotted.name = 2,
        );
    });
    let details: serde_json::Value = serde_json::from_str(&details).expect("JSON");
    for (key, expected) in [
        ("whole", "1.0"),
        ("int", "-7"),
        ("unsigned", "18446744073709551615"),
        ("big", "\"340282366920938463463374607431768211455\""),
        ("exact", "\"5\""),
        ("yes", "true"),
        ("text", "\"t\""),
        ("shown", "\"d\""),
        ("debugged", "\"Some(1)\""),
        ("some", "2"),
        ("bytes", "\"[ff fe 00]\""),
        ("json", r#""{\"a\":\"b\"}""#),
        ("type", "\"raw\""),
        ("quoted \"name\"", "1"),
        ("dotted.name", "2"),
    ] {
        assert_eq!(details[key].to_string(), expected, "{key}");
    }
    assert!(details["small"].is_f64());
    assert_eq!(details.get("none"), None);
    assert_eq!(details.get("empty"), None);
}

#[test]
fn key_has_one_type_whatever_the_value() {
    use crate::log::json;

    let lines = lines_of(|| {
        for (float, signed, unsigned) in
            [(0.0, 0, 0), (-0.5, -1, 1), (f64::NAN, i128::MIN, u128::MAX), (1e300, 1 << 53, 1)]
        {
            let unserialisable = std::collections::BTreeMap::from([((1, 2), 3)]);
            let (map, list) = (std::collections::BTreeMap::from([("a", signed.to_string())]), [unsigned.to_string()]);
            info!(float, signed, unsigned, shown = %float, map = json(&map), list = json(&list));
            info!(map = json(&unserialisable), float = 1e17, "{}", "x".repeat(5_000));
        }
    });
    assert_eq!(lines.len(), 8);
    for details in lines.iter().map(|line| line["details"].as_object().expect("an object")) {
        for (key, value) in details {
            let fits = match key.as_str() {
                "float" => value.is_null() || value.is_f64(),
                "signed" | "unsigned" | "shown" | "floatText" => value.is_string(),
                "map" => value.is_null() || value.is_object(),
                "list" => value.is_array(),
                "truncated" => *value == true,
                other => panic!("{other} was not logged"),
            };
            assert!(fits, "{key}: {value}");
        }
    }
}

#[test]
fn floats_that_are_no_numbers_are_null_with_a_word_beside() {
    let details = details_of(|| info!(a = f64::NAN, b = f64::INFINITY, c = f64::NEG_INFINITY, cText = "mine"));
    assert_eq!(details, r#"{"a":null,"aText":"NaN","b":null,"bText":"Infinity","c":null,"cText":"mine"}"#);
}

#[test]
fn repeated_and_reserved_names_are_never_repeated_keys() {
    assert_eq!(details_of(|| info!(a = 1, a = 2)), r#"{"a":2}"#);
    let details = details_of(|| {
        info!(level = 1, timestamp = 2, service = 3, traceId = 4, details = 5, target = 6, name = 7, "m");
    });
    assert_eq!(details, r#"{"details":5,"level":1,"name":7,"service":3,"target":6,"timestamp":2,"traceId":4}"#);
}

#[test]
fn message_is_a_string_whatever_was_given() {
    for (line, expected) in lines_of(|| {
        info!("plain {}", 1);
        info!(message = "named");
        info!(message = "first", "second");
        info!(message = 5);
        info!(message = f64::NAN);
        info!(message = ?Some("debugged"));
        info!(a = 1);
    })
    .iter()
    .zip(["plain 1", "named", "first", "5", "NaN", "Some(\"debugged\")", ""])
    {
        assert_eq!(line["message"], expected);
    }
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as &dyn Error)
    }
}

#[test]
fn errors_tell_their_causes() {
    let failure = Failure("top", Some(Box::new(Failure("middle", Some(Box::new(Failure("root", None)))))));
    let details = details_of(|| info!(error = &failure as &dyn Error));
    assert_eq!(details, r#"{"error":"top","errorChain":["middle","root"]}"#);
    let details = details_of(|| info!(error = &Failure("alone", None) as &dyn Error));
    assert_eq!(details, r#"{"error":"alone"}"#);
}

struct Bad(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        (self.0)(f)
    }
}

#[test]
fn failing_display_harms_neither_its_line_nor_the_next() {
    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        info!(before = 1, bad = %Bad(|_| Err(fmt::Error)), after = 2, "kept");
        info!(bad = %Bad(|_| panic!("in Display")), "kept");
        info!("next {}", 1);
        info!("message {}", Bad(|_| panic!("in Display")));
        let _span = info_span!("span", bad = %Bad(|_| Err(fmt::Error))).entered();
        info!("inside");
    });
    let lines = fixture.lines();
    assert_eq!(lines[0]["details"].to_string(), r#"{"after":2,"bad":"!(format error)","before":1}"#);
    assert_eq!((&lines[1]["message"], &lines[1]["details"]["bad"]), (&"kept".into(), &"!(format error)".into()));
    assert_eq!(lines[2].get("details").map(ToString::to_string), Some("{}".to_owned()));
    assert_eq!(lines[3]["message"], "!(format error)");
    assert_eq!(lines[4]["details"]["bad"], "!(format error)");
    assert_eq!(fixture.formats_failed(), 4);
}

#[test]
fn event_that_unwinds_elsewhere_leaves_no_bytes_behind() {
    let lines = lines_of(|| {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            info!(a = 1, "value is {}", panicking_argument());
        }));
        assert!(unwound.is_err());
        info!("next");
    });
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["message"], "next");
}

fn panicking_argument() -> u32 {
    panic!("before the event exists")
}

#[test]
fn display_that_logs_gives_two_whole_lines() {
    struct Talkative<'a>(&'a Log);

    impl fmt::Display for Talkative<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("half")?;
            self.0.emit(Level::WARN, "from inside", &[("inner", "yes")]);
            f.write_str(" done")
        }
    }

    let fixture = Fixture::new(Format::Json);
    fixture.run(|| info!(first = 1, value = %Talkative(&fixture.log), "outer"));
    let lines = fixture.lines();
    assert_eq!(lines[0]["message"], "from inside");
    assert_eq!(lines[1]["details"].to_string(), r#"{"first":1,"value":"half done"}"#);
}

#[test]
fn secrets_are_redacted_by_name_in_events_spans_and_records() {
    let text = {
        let fixture = Fixture::new(Format::Json);
        fixture.run(|| {
            let span = info_span!("login", password = "hunter2", api_key = Empty, user = "u1").entered();
            span.record("api_key", "hunter2");
            info!(authorization = %"hunter2", session_id = 12_345, refreshToken = ?"hunter2", "in");
        });
        fixture.log.emit(Level::INFO, "own", &[("db_password", "hunter2")]);
        fixture.lines();
        fixture.memory.text()
    };
    assert!(!text.contains("hunter2") && !text.contains("12345"), "{text}");
    assert_eq!(text.matches("[redacted]").count(), 6);
    assert!(text.contains("\"user\":\"u1\""));
}

#[test]
fn long_strings_are_cut_and_the_line_says_so() {
    let fixture = Fixture::new(Format::Json);
    let long = "é".repeat(1_000_000);
    fixture.run(|| {
        info!(long, short = 1, "kept");
        info!(message = long.as_str(), short = 1, truncated = "mine");
        info!(long = %long, truncated = "mine");
        info!(truncated = "mine");
    });
    let lines = fixture.lines();
    assert_eq!(lines[0]["details"]["long"].as_str().map(str::len), Some(4096));
    assert_eq!((&lines[0]["message"], &lines[0]["details"]["short"]), (&"kept".into(), &1.into()));
    assert_eq!(lines[1]["message"].as_str().map(str::len), Some(4096));
    for line in &lines[..3] {
        assert_eq!(line["details"]["truncated"], true);
    }
    // A service's own field never has the key of the mark, whose type it might not have.
    for line in &lines[1..] {
        assert_eq!(line["details"]["truncated_"], "mine");
    }
    assert_eq!(lines[3]["details"].get("truncated"), None);
    fixture.registry.snapshot().assert_value("log_lines_truncated_total", &[], 3);
}

#[test]
fn line_drops_the_fields_that_no_longer_fit_and_keeps_those_that_do() {
    let text = "\u{1}".repeat(2_000);
    let details = details_of(|| {
        let _outer = info_span!("outer", small_outer = 2).entered();
        info!(a = %text, b = %text, c = %text, d = %text, small = 1, "kept");
    });
    let details: serde_json::Value = serde_json::from_str(&details).expect("JSON");
    let keys: Vec<_> = details.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["a", "b", "c", "small", "small_outer", "truncated"]);
}

#[test]
fn settings_that_break_a_rule_are_named() {
    let registry = crate::metrics::Registry::new();
    let meter = crate::metrics::Meter::new(&registry);
    let refused = |options| Log::start(options, &meter).expect_err("a refused setting").to_string();
    assert!(refused(LogOptions::new("Risk Analysis")).starts_with("service name \"Risk Analysis\" is invalid"));
    assert!(refused(LogOptions::new("a").budget_bytes(1)).contains("at least 65536"));
    let capped = |line, string| LogOptions::new("a").caps(Caps::new().line_bytes(line).string_bytes(string));
    assert!(refused(capped(Caps::MAX_LINE_BYTES + 1, 64)).contains("2048 to 1000000"));
    assert!(refused(capped(Caps::MIN_LINE_BYTES - 1, 64)).contains("2048 to 1000000"));
    assert!(refused(capped(3_000, 1_001)).contains("64 to a third of the line cap"));
    assert!(refused(capped(3_000, 63)).contains("64 to a third of the line cap"));
    assert!(refused(capped(20_000, 64).budget_bytes(79_999)).contains("four times the line cap"));
}
