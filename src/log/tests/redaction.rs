//! Secrets by names of a service's own, by the shape of their values, and by their type.

use std::error::Error;

use tracing::field::Empty;
use tracing::{Level, error, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

use super::Fixture;
use crate::log::{Caps, Format, Redaction, json};
use crate::redact::Secret;

const SECRET: &str = "hunter2";

fn redacting(redaction: Redaction) -> Fixture {
    Fixture::with(|options| options.redaction(redaction))
}

#[test]
fn names_and_patterns_of_a_service_hold_for_events_spans_own_lines_and_structured_values() {
    let fixture = redacting(Redaction::new().hide("iban").hide("*_phrase").show("token"));
    fixture.run(|| {
        let _span = info_span!("s", IBAN = SECRET, token = "SOL").entered();
        let inner = serde_json::json!({"iban": SECRET, "token": "SOL"});
        info!(seed_phrase = ?SECRET, access_token = SECRET, inner = json(&inner));
    });
    fixture.log.emit(Level::INFO, "own", &[("iban", SECRET), ("token", "SOL")]);
    let lines = fixture.lines();
    let text = fixture.memory.text();
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(text.matches("[redacted]").count(), 5);
    for shown in [&lines[0]["details"], &lines[0]["details"]["inner"], &lines[1]["details"]] {
        assert_eq!(shown["token"], "SOL");
    }
}

#[test]
fn logs_side_by_side_hide_by_rules_of_their_own() {
    let (hiding, showing) = (redacting(Redaction::new().hide("iban")), Fixture::new(Format::Json));
    let subscriber = tracing_subscriber::registry().with(hiding.log.layer()).with(showing.log.layer());
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("s", iban = "DE1", late = Empty).entered();
        span.record("late", 1);
        info!("m");
    });
    let of = |fixture: &Fixture| fixture.lines()[0]["details"].to_string();
    assert_eq!(of(&hiding), r#"{"iban":"[redacted]","late":1}"#);
    assert_eq!(of(&showing), r#"{"iban":"DE1","late":1}"#);
}

/// Writes a secret in two parts.
struct InParts(&'static str, &'static str);

impl std::fmt::Display for InParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)?;
        f.write_str(self.1)
    }
}

#[test]
fn values_of_known_shapes_are_scrubbed_wherever_they_stand_if_the_option_is_on() {
    let work = || {
        let url = "redis://:hunter2@cache:6379/0";
        let failure = std::io::Error::other(std::io::Error::other(format!("no route to {url}")));
        let pem = "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----";
        let _span = info_span!("s", url, pem).entered();
        error!(
            header = "Bearer hunter2",
            shown = %InParts("Bear", "er hunter2"),
            debugged = ?("Basic hunter2=", 1),
            failure = &failure as &dyn Error,
            nested = json(&[[url]]),
            plain = "basic words",
            "asked {url}"
        );
    };
    let fixture = redacting(Redaction::new().scrub_values());
    fixture.run(work);
    fixture.log.emit(Level::INFO, "Bearer hunter2", &[("url", "x://a:hunter2@b")]);
    let lines = fixture.lines();
    let text = fixture.memory.text();
    assert!(!text.contains(SECRET), "{text}");
    let details = &lines[0]["details"];
    assert_eq!(lines[0]["message"], "asked redis://[redacted]@cache:6379/0");
    for (key, expected) in [
        ("header", "Bearer [redacted]"),
        ("shown", "Bearer [redacted]"),
        ("debugged", "(\"Basic [redacted]\", 1)"),
        ("pem", "[redacted]"),
        ("plain", "basic words"),
    ] {
        assert_eq!(details[key], expected);
    }
    let off = Fixture::new(Format::Json);
    off.run(work);
    off.lines();
    assert!(off.memory.text().matches(SECRET).count() >= 8);
}

#[test]
fn secret_that_a_cap_cuts_is_scrubbed_too() {
    let caps = Caps::new().string_bytes(64);
    let fixture = Fixture::with(|options| options.caps(caps).redaction(Redaction::new().scrub_values()));
    let before = "x".repeat(50);
    let long = format!("{before} a://user:{}@host", "hunter2".repeat(100));
    fixture.run(|| info!(long, shown = %long, "{long}"));
    let lines = fixture.lines();
    for shown in [&lines[0]["message"], &lines[0]["details"]["long"], &lines[0]["details"]["shown"]] {
        let shown = shown.as_str().expect("a string");
        assert!(shown.starts_with(&before) && !shown.contains("hunt") && shown.len() <= 64, "{shown}");
    }
    assert_eq!(lines[0]["details"]["truncated"], true);
}

#[test]
fn secret_by_type_is_hidden_however_it_is_logged() {
    #[derive(Debug, serde::Serialize)]
    struct Login {
        user: &'static str,
        code: Secret<&'static str>,
    }

    let fixture = Fixture::new(Format::Json);
    fixture.run(|| {
        let login = Login { user: "u1", code: Secret::new(SECRET) };
        let _span = info_span!("s", spanned = %login.code).entered();
        info!(debugged = ?login.code, whole = ?login, structured = json(&login), "with {}", login.code);
        assert_eq!((login.user, *login.code.expose()), ("u1", SECRET));
    });
    fixture.lines();
    let text = fixture.memory.text();
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(text.matches("[redacted]").count(), 5);
}
