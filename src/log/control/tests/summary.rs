//! The last day in one answer.

use std::time::Duration;

use serde_json::json;
use tracing::{Level, debug, error, info, warn};

use super::meet_bystanders;
use crate::clock::ManualClock;
use crate::log::tests::Fixture;
use crate::log::{Redaction, Repeats, Site, Summary};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn held() -> (Fixture, ManualClock) {
    meet_bystanders();
    let clock = ManualClock::new();
    (Fixture::with(|options| options.clock(clock.clock())), clock)
}

fn reasons(site: &Site) -> Vec<(&str, u64)> {
    site.reasons.iter().map(|reason| (&*reason.reason, reason.lines)).collect()
}

fn lines(summary: &Summary) -> [u64; 5] {
    [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].map(|level| summary.lines(level))
}

#[test]
fn summary_is_found_where_a_log_has_its_layer_and_nowhere_else() {
    let (fixture, _clock) = held();
    let found = fixture.run(|| {
        error!("bad");
        crate::log::summary()
    });
    assert_eq!(found, Some(fixture.log.summary()));
    assert_eq!(found.map(|summary| summary.sites.len()), Some(1));
    assert_eq!(tracing::subscriber::with_default(tracing_subscriber::registry(), crate::log::summary), None);
}

#[test]
fn errors_are_counted_by_level_callsite_and_reason() {
    let (fixture, _clock) = held();
    fixture.run(|| {
        let _span = tracing::info_span!("request", reason = "of the span").entered();
        let failed = |error: &str| error!(target: "risk::var", portfolio = "user123", error, "Failed to calculate VaR");
        ["InsufficientHistoricalData", "Timeout", "InsufficientHistoricalData"].into_iter().for_each(failed);
        warn!(reason = "stale", error = "not this", "Old price");
        error!(code = 503, error = 503, "Upstream");
        info!("ordinary");
        debug!("fine");
    });
    fixture.log.emit(Level::WARN, "Monitoring had a problem", &[("problem", "push_failed")]);
    let summary = fixture.log.summary();
    assert_eq!(lines(&summary), [4, 2, 1, 1, 0]);
    let [var, upstream, own, price] = &summary.sites[..] else { panic!("{:?}", summary.sites) };
    assert_eq!(
        (var.level, &*var.target, &*var.message, var.lines),
        (Level::ERROR, "risk::var", "Failed to calculate VaR", 3)
    );
    assert_eq!(reasons(var), [("InsufficientHistoricalData", 2), ("Timeout", 1)]);
    assert!(var.callsite.as_deref().is_some_and(|at| at.contains("control/tests/summary.rs:")), "{var:?}");
    assert_eq!((&*upstream.message, reasons(upstream)), ("Upstream", vec![("503", 1)]));
    assert_eq!((own.level, &own.callsite, reasons(own)), (Level::WARN, &None, vec![("push_failed", 1)]));
    assert_eq!((&*price.message, reasons(price)), ("Old price", vec![("stale", 1)]));
    assert_eq!(summary.other_sites, 0);
}

#[test]
fn what_is_older_than_a_day_is_gone_hour_by_hour() {
    let (fixture, clock) = held();
    let fail = || {
        error!(error = "e", "hourly");
        info!("hourly");
    };
    fixture.run(|| {
        for _ in 0..30 {
            fail();
            clock.advance(HOUR);
        }
    });
    // The present hour has no line yet, the 23 before it have one each.
    let summary = fixture.log.summary();
    assert_eq!(lines(&summary), [23, 0, 23, 0, 0]);
    assert_eq!((summary.sites[0].lines, reasons(&summary.sites[0])), (23, vec![("e", 23)]));
    assert_eq!(summary.until.duration_since(summary.since).expect("later"), 23 * HOUR + HOUR / 2);
    clock.advance(22 * HOUR);
    assert_eq!(lines(&fixture.log.summary()), [1, 0, 1, 0, 0]);
    clock.advance(HOUR);
    let summary = fixture.log.summary();
    assert_eq!((lines(&summary), summary.sites.len()), ([0; 5], 0));
    fixture.run(fail);
    assert_eq!(lines(&fixture.log.summary()), [1, 0, 1, 0, 0]);
}

#[test]
fn callsites_and_reasons_are_bounded_and_the_rest_is_counted_together() {
    let (fixture, clock) = held();
    let storm = |lines: std::ops::Range<u32>| {
        for line in lines {
            let mut record = log::Record::builder();
            record.level(log::Level::Error).target("made::up").file(Some("any.rs")).line(Some(line));
            tracing_log::format_trace(&record.args(format_args!("m")).build()).expect("it never fails");
        }
    };
    fixture.run(|| {
        for number in 0..40 {
            error!(reason = format!("reason {number}"), "varied");
        }
        storm(0..300);
    });
    let summary = fixture.log.summary();
    assert_eq!((summary.sites.len(), summary.other_sites), (256, 300 - 255));
    assert_eq!(
        summary.sites.iter().map(|site| site.lines).sum::<u64>() + summary.other_sites,
        summary.lines(Level::ERROR)
    );
    let varied = &summary.sites[0];
    assert_eq!((varied.lines, varied.reasons.len(), varied.other_reasons), (40, 16, 24));
    // A day later there is room again.
    clock.advance(24 * HOUR);
    fixture.run(|| {
        info!("the hour turns");
        storm(1_000..1_010);
    });
    let summary = fixture.log.summary();
    assert_eq!((summary.sites.len(), summary.other_sites), (10, 0));
}

#[test]
fn nothing_is_shown_that_a_line_would_not_show() {
    meet_bystanders();
    let fixture = Fixture::with(|options| options.redaction(Redaction::new().hide("reason").scrub_values()));
    fixture.run(|| {
        error!(reason = "hunter2", "login with Bearer hunter2");
        let long = format!("{}\u{1b}[2J", "é".repeat(2_000));
        error!(error = %long, "{long}");
    });
    let summary = fixture.log.summary();
    let shown = serde_json::to_string(&summary).expect("a summary is JSON");
    assert!(!shown.contains("hunter2") && shown.contains("[redacted]"), "{shown}");
    let long = summary.sites.iter().find(|site| site.message.starts_with('é')).expect("the second");
    assert_eq!((long.message.len(), long.reasons[0].reason.len()), (200, 62));
}

#[test]
fn held_back_lines_are_counted_beside_those_made() {
    meet_bystanders();
    let repeats = Repeats::per_callsite(2, HOUR).errors_too();
    let fixture = Fixture::with(|options| options.repeats(repeats));
    fixture.run(|| (0..5).for_each(|_| error!(target: "orders", "repeated")));
    let summary = fixture.log.summary();
    assert_eq!((summary.lines(Level::ERROR), summary.sites[0].lines, summary.sites[0].suppressed), (2, 2, 3));
}

#[test]
fn json_of_a_summary_is_exactly_this() {
    let (fixture, clock) = held();
    clock.advance(HOUR / 4);
    fixture.log.emit(Level::ERROR, "panicked", &[("panic", "no \"price\"")]);
    assert_eq!(
        serde_json::to_value(fixture.log.summary()).expect("JSON"),
        json!({
            "since": "2025-01-22T10:30:00.000Z",
            "until": "2025-01-22T10:45:00.000Z",
            "lines": {"error": 1, "warn": 0, "info": 0, "debug": 0, "trace": 0},
            "sites": [{
                "level": "ERROR",
                "target": "aistm7_monitoring",
                "callsite": null,
                "message": "panicked",
                "lines": 1,
                "suppressed": 0,
                "reasons": [{"reason": "no \"price\"", "lines": 1}],
                "other_reasons": 0,
            }],
            "other_sites": 0,
        })
    );
}
