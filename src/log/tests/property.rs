//! Any event under any spans gives exactly one line that keeps every promise (checked by `super::checked`).

use proptest::collection::vec;
use proptest::prelude::*;
use tracing::field::Empty;
use tracing::{Level, Span, debug_span, error, info, info_span, span, warn};

use super::{Fixture, any_text};
use crate::log::Format;

/// One value of each kind that a callsite can record.
#[derive(Clone, Debug)]
struct Values {
    text: String,
    long: String,
    float: f64,
    int: i64,
    big: i128,
    unsigned: u128,
    yes: bool,
}

fn values() -> impl Strategy<Value = Values> {
    let long =
        (any_text(), 0_usize..3_000).prop_map(|(text, times)| text.repeat(times % (6_000 / text.len().max(1) + 1)));
    (any_text(), long, proptest::num::f64::ANY, any::<i64>(), any::<i128>(), any::<u128>(), any::<bool>())
        .prop_map(|(text, long, float, int, big, unsigned, yes)| Values { text, long, float, int, big, unsigned, yes })
}

fn make_span(kind: u8, values: &Values) -> Span {
    let Values { text, long, float, int, big, unsigned, yes } = values;
    match kind % 4 {
        0 => info_span!("a", x = float, xText = text, message = text, later = Empty, yes),
        1 => debug_span!("b", text, long, x = int, truncated = text, "quoted\n\"key\"" = long),
        2 => span!(Level::ERROR, "c", x = %text, xChain = int, big, unsigned, traceId = text, later = Empty),
        _ => info_span!("d", password = text, details = ?long, level = float, timestamp = float),
    }
}

fn make_event(kind: u8, values: &Values) {
    let Values { text, long, float, int, big, unsigned, yes } = values;
    let failure = std::io::Error::other(text.clone());
    match kind % 5 {
        0 => info!(x = float, xText = text, x = int, big, unsigned, yes, "{text} {long}"),
        1 => error!(x = &failure as &(dyn std::error::Error + 'static), xChain = text, text, long, message = long),
        2 => warn!(truncated = yes, a = %long, b = ?long, c = long, d = %long, e = long, f = text, "{text}"),
        3 => info!(float, floatText = float, floatTextText = float, later = text, x = unsigned),
        _ => info!("quoted\n\"key\"" = float, "quoted\n\"key\"Text" = text, message = float),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_event_under_any_spans_is_one_good_line(
        spans in vec((any::<u8>(), values(), any::<bool>()), 0..4),
        event in (any::<u8>(), values()),
    ) {
        let fixture = Fixture::new(Format::Json);
        fixture.run(|| {
            let entered: Vec<_> = spans
                .iter()
                .map(|(kind, values, records)| {
                    let span = make_span(*kind, values);
                    if *records {
                        span.record("later", values.float);
                        span.record("later", values.text.as_str());
                        span.record("x", values.float);
                    }
                    span.entered()
                })
                .collect();
            make_event(event.0, &event.1);
            // Spans are left in the order opposite to that of entering them.
            entered.into_iter().rev().for_each(drop);
        });
        let lines = fixture.lines();
        prop_assert_eq!(lines.len(), 1);
    }

    #[test]
    fn any_names_and_texts_of_our_own_are_one_good_line(
        message in any_text(),
        pairs in vec((any_text(), any_text()), 0..12),
        repeats in 1_usize..600,
    ) {
        let fixture = Fixture::new(Format::Json);
        let long: Vec<_> = pairs.iter().map(|(name, value)| (name.clone(), value.repeat(repeats))).collect();
        let details: Vec<_> = long.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fixture.log.emit(Level::INFO, &message, &details);
        let lines = fixture.lines();
        prop_assert_eq!(lines.len(), 1);
        let whole = lines[0]["details"].get("truncated").is_none();
        if whole {
            for (name, value) in &details {
                let last = details.iter().rfind(|(other, _)| other == name).map(|(_, value)| *value);
                if last == Some(value) && !crate::redact::is_sensitive_name(name) {
                    prop_assert_eq!(lines[0]["details"][name].as_str(), Some(*value));
                }
            }
        }
    }
}
