//! Lines and strings of other lengths than the default.

use proptest::prelude::*;
use tracing::{Level, info, info_span};

use super::{Fixture, any_text};
use crate::log::{Caps, LogOptions, json};

fn capped(line: usize, string: usize) -> Fixture {
    let caps = Caps::new().line_bytes(line).string_bytes(string);
    Fixture::with(|options| options.caps(caps).budget_bytes(LogOptions::MIN_BUDGET_BYTES.max(4 * line)))
}

#[test]
fn longest_line_holds_what_the_default_would_cut() {
    let fixture = capped(Caps::MAX_LINE_BYTES, Caps::MAX_LINE_BYTES / 3);
    let long = "x".repeat(300_000);
    fixture.run(|| {
        info!(a = long, b = %long, c = json(&[&long]), "kept");
        info!(a = long, b = %long, c = long, d = long, e = 1, "kept");
    });
    let lines = fixture.lines();
    for key in ["a", "b"] {
        assert_eq!(lines[0]["details"][key], long.as_str());
    }
    assert_eq!(lines[0]["details"]["c"][0], long.as_str());
    let keys: Vec<_> = lines[1]["details"].as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["a", "b", "c", "e", "truncated"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_caps_hold_for_every_line_and_string(
        line in Caps::MIN_LINE_BYTES..40_000,
        share in 0.0..1.0,
        text in any_text(),
        repeats in 1_usize..4_000,
    ) {
        let most = line / 3 - Caps::MIN_STRING_BYTES;
        let string = Caps::MIN_STRING_BYTES + (most as f64 * share) as usize;
        let fixture = capped(line, string);
        let text = text.repeat(repeats % (60_000 / text.len().max(1) + 1));
        let list = [&text, &text];
        fixture.run(|| {
            let _span = info_span!("s", a = text, b = ?text, c = json(&list)).entered();
            info!(message = text, d = %text, e = json(&list), x = f64::NAN, big = u128::MAX);
        });
        fixture.log.emit(Level::INFO, &text, &[("a", &text), ("b", &text)]);
        let lines = fixture.lines();
        prop_assert_eq!(lines.len(), 2);
        for line in &lines {
            for value in line["details"].as_object().expect("an object").values().chain([&line["message"]]) {
                // Read back, a string is never longer than its JSON.
                prop_assert!(value.as_str().map_or(0, str::len) <= string);
            }
        }
        // An escape takes six bytes at most.
        if text.len() <= string / 6 {
            prop_assert_eq!(lines[0]["message"].as_str(), Some(text.as_str()));
        }
    }
}
