//! Alerts that are made up, through the stand-ins.

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::Alerts;
use aistm7_monitoring::alert::evaluate::Evaluation;
use aistm7_monitoring::alert::notify::{Delivery, DrillError, Origin, Replicas, Route, Webhook};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::redact::Secret;

use super::deliveries::Desk;

#[tokio::test]
async fn drill_goes_the_way_of_its_rule_says_what_it_is_and_ends() {
    let desk = Desk::new().await;
    let monitoring = Monitoring::builder("orders").environment("prod").build().unwrap();
    let evaluation = Evaluation::new().deliver_to(&desk.delivery);
    let _evaluating = monitoring.evaluate(&Alerts::new(), evaluation).unwrap();
    let drill = monitoring.drill("ApiErrorRateHigh").unwrap();
    // What is real and follows from what is drilled is told beside it.
    let elevated = monitoring.drill("ApiErrorRateElevated").unwrap();
    assert_eq!(desk.delivery.held_back(elevated.alert()), None);
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["triggered", "triggered"]);
    let shown = desk.messages();
    for (channel, text, _) in &shown {
        assert!(text.contains(": Drill: "), "{channel}: {text}");
    }
    let mut channels: Vec<_> = shown.iter().map(|(channel, ..)| channel.as_str()).collect();
    channels.sort_unstable();
    assert_eq!(channels, ["C0INCIDENTS", "C0MONITORING"]);
    drill.resolve();
    drop(elevated);
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["resolved", "resolved"]);
}

#[tokio::test]
async fn drill_of_what_is_not_there_says_what_is() {
    let monitoring = Monitoring::builder("orders").environment("prod").build().unwrap();
    assert_eq!(monitoring.drill("CpuHigh").unwrap_err(), DrillError::NotEvaluated);
    let _evaluating = monitoring.evaluate(&Alerts::new(), Evaluation::new()).unwrap();
    assert_eq!(monitoring.drill("CpuHigh").unwrap_err(), DrillError::NoDelivery);

    let desk = Desk::new().await;
    let monitoring = Monitoring::builder("orders").environment("prod").build().unwrap();
    let evaluation = Evaluation::new().deliver_to(&desk.delivery);
    let _evaluating = monitoring.evaluate(&Alerts::new(), evaluation).unwrap();
    let unknown = monitoring.drill("ApiLatncyHigh").unwrap_err();
    let said = unknown.to_string();
    assert!(said.contains("\"ApiLatncyHigh\"") && said.contains("ApiLatencyHigh,"), "{said}");
    assert!(matches!(monitoring.drill("ServiceAbsent"), Err(DrillError::Refused(_))));
    assert_eq!(desk.delivery.pending(), 0);

    // Somewhere else than where the rule's alerts go.
    let elsewhere = Delivery::builder(Replicas::One)
        .destination("hook", Webhook::new(Secret::new("http://127.0.0.1:9".to_owned())).unwrap())
        .route(Route::to(["hook"]).rule("Other"))
        .build(&Meter::new(&Registry::new()))
        .unwrap();
    let rules = Alerts::new().bind(&monitoring.catalog()).unwrap();
    let unrouted = elsewhere.drill(&rules, "Watchdog", Origin::new("orders", "prod")).unwrap_err();
    assert_eq!(unrouted, DrillError::Unrouted { rule: "Watchdog".to_owned() });
}
