//! Who hears of changes.

use std::time::Duration;

use super::{Bench, counted, down, once_each};
use crate::health::{CheckReport, Registered, Status};

#[test]
fn transitions_reach_metrics_and_subscribers_but_not_those_out_of_unknown() {
    let (check, _) = counted(|run| if run == 1 { Err(down()) } else { Ok(CheckReport::healthy()) });
    let options = once_each().interval(Duration::from_secs(30)).dependency("ledger");
    let bench = Bench::new(vec![Registered::with("ledger-db", check, options)]);
    let mut transitions = bench.health.subscribe();
    bench.until_status("ledger-db", Status::Healthy, None);
    bench.advance(Duration::from_secs(30));
    bench.until_status("ledger-db", Status::Unhealthy, Some("down"));
    bench.advance(Duration::from_secs(30));
    bench.until_status("ledger-db", Status::Healthy, None);

    let first = bench.runtime.block_on(transitions.next()).unwrap();
    assert_eq!((first.from, first.to, first.reason), (Status::Healthy, Status::Unhealthy, Some("down")));
    assert_eq!(first.bad_for, Duration::ZERO);
    let second = bench.runtime.block_on(transitions.next()).unwrap();
    assert_eq!((second.to, second.lasted, &*second.dependency), (Status::Healthy, Duration::from_secs(30), "ledger"));
    assert_eq!(second.bad_for, Duration::from_secs(30));

    let status = |status| {
        let labels = [("check", "ledger-db"), ("dependency", "ledger"), ("status", status)];
        bench.value("health_check_status", &labels).unwrap()
    };
    assert_eq!(["healthy", "degraded", "unhealthy", "unknown"].map(status), [1.0, 0.0, 0.0, 0.0]);
    let to = |to| bench.value("health_check_transitions_total", &[("check", "ledger-db"), ("to", to)]);
    assert_eq!(["healthy", "degraded", "unhealthy"].map(to), [Some(1.0), Some(0.0), Some(1.0)]);
    let info = [("check", "ledger-db"), ("dependency", "ledger"), ("severity", "warning")];
    assert_eq!(bench.value("health_check_info", &info), Some(1.0));
    let last = bench.value("health_check_last_success_timestamp_seconds", &[("check", "ledger-db")]);
    assert_eq!(last, Some(bench.held.clock().unix_seconds()));
}

#[test]
fn history_keeps_the_latest_changes() {
    let (check, _) = counted(|run| if run % 2 == 1 { Err(down()) } else { Ok(CheckReport::healthy()) });
    let interval = Duration::from_secs(10);
    let options = once_each().interval(interval);
    let bench = Bench::new(vec![Registered::with("flaps", check, options)]);
    bench.until_status("flaps", Status::Healthy, None);
    assert!(bench.health.history().is_empty());
    for change in 1..=70 {
        bench.advance(interval);
        let status = if change % 2 == 1 { Status::Unhealthy } else { Status::Healthy };
        bench.until("it changed", |report| report.check("flaps").is_some_and(|check| check.status == status));
    }
    let history = bench.health.history();
    assert_eq!(history.len(), 64);
    assert_eq!(history.last().map(|last| (last.to, last.lasted)), Some((Status::Healthy, interval)));
    let details: serde_json::Value = serde_json::from_str(&bench.health.details().body).unwrap();
    assert_eq!(details["history"].as_array().map(Vec::len), Some(64));
    assert_eq!(details["history"][63]["to"], "healthy");
    assert_eq!(details["history"][63]["lasted_seconds"], 10.0);
}
