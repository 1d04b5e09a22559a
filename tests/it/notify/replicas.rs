//! Whom replicas may tell of what each of them evaluates.

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::evaluate::{EvaluateError, Evaluation, Refusal};
use aistm7_monitoring::alert::notify::{
    Alertmanager, Delivery, DeliveryBuilder, DeliveryError, Heartbeat, PagerDuty, Replicas, Route, SlackWebhook,
};
use aistm7_monitoring::alert::{Across, Alerts, Pack, Quantity, Rule, Value, metric};
use aistm7_monitoring::redact::Secret;
use aistm7_monitoring::store::lease::{Bid, Lease, LeaseError};

use crate::service::{Lines, builder};

/// A service that is declared to have so many replicas.
fn service(replicas: u32) -> Monitoring {
    builder(&Lines::default()).replicas(replicas).build().unwrap()
}

fn lease() -> Replicas {
    let never_held = |_: Bid| std::future::ready(Err(LeaseError::store("it is down")));
    Replicas::Leased(Lease::new(never_held).namespace("under-test"))
}

/// Destinations of these names; nobody is told, since no route goes to them.
fn delivery(monitoring: &Monitoring, replicas: Replicas, told: &[&str]) -> Result<Delivery, DeliveryError> {
    let nowhere = || Secret::new("http://127.0.0.1:1/".to_owned());
    let add = |builder: DeliveryBuilder, name: &&str| match *name {
        "pagerduty" => builder.destination(*name, PagerDuty::events(Secret::new("0".repeat(32))).unwrap()),
        "slack" => builder.destination(*name, SlackWebhook::new(nowhere()).unwrap()),
        "alertmanager" => builder.destination(*name, Alertmanager::new("http://127.0.0.1:1").unwrap()),
        "heartbeat" => builder.destination(*name, Heartbeat::new(nowhere()).unwrap()),
        other => panic!("{other} is no destination"),
    };
    let builder = told.iter().fold(Delivery::builder(replicas), add);
    builder.route(Route::to([] as [&str; 0])).build(&monitoring.meter())
}

const ABOUT_ALL: &str = "TooFew";

/// With a rule that several replicas cannot evaluate.
fn rules() -> Alerts {
    let too_few = Value::latest(metric("service_info"), Across::Sum).below(Quantity::count(1.0));
    let rule = Rule::new(ABOUT_ALL, Pack::Service, too_few).summary("Too few.").description("There are {value}.");
    Alerts::new().rule(rule.runbook_url("https://runbooks.example.com/too-few"))
}

#[tokio::test]
async fn of_several_replicas_none_tells_people_as_if_it_were_alone() {
    for (told, named) in [
        (&["pagerduty"][..], "pagerduty"),
        (&["slack"], "slack"),
        (&["heartbeat", "alertmanager", "pagerduty"], "pagerduty"),
        // Its alerts would be over with the first replica that says so.
        (&["alertmanager", "heartbeat"], "alertmanager"),
    ] {
        let monitoring = service(3);
        let alone = delivery(&monitoring, Replicas::One, told).unwrap();
        let error = monitoring.evaluate(&rules(), Evaluation::new().deliver_to(&alone)).unwrap_err();
        let is_named = |destination: &str| destination == named;
        assert!(
            matches!(&error, EvaluateError::NeedsOneReplica { destination, replicas: 3 } if is_named(destination)),
            "{told:?}: {error:?}"
        );
        let text = error.to_string();
        for part in [named, "3 replicas", "Alertmanager (Replicas::Several)", "lease (Replicas::Leased)", "one replica"]
        {
            assert!(text.contains(part), "{part} is not in: {text}");
        }
        monitoring.evaluate(&rules(), Evaluation::new()).expect("nothing was begun");
    }
    // Where the delivery knows of them, it is the one that refuses.
    let refused = delivery(&service(3), Replicas::Several, &["pagerduty"]).unwrap_err();
    assert!(
        matches!(&refused, DeliveryError::NeedsOneReplica { destination } if destination == "pagerduty"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn replicas_are_as_many_as_the_service_the_evaluation_or_the_delivery_says() {
    for (declared, evaluated, told_by, told, expected) in [
        (1, 1, Replicas::One, "pagerduty", Ok(1)),
        (1, 1, Replicas::Several, "alertmanager", Ok(2)),
        (1, 1, lease(), "pagerduty", Ok(2)),
        (3, 1, Replicas::Several, "alertmanager", Ok(3)),
        (3, 1, lease(), "pagerduty", Ok(3)),
        (3, 5, Replicas::Several, "heartbeat", Ok(5)),
        (1, 3, Replicas::One, "pagerduty", Err(3)),
        (2, 1, Replicas::One, "pagerduty", Err(2)),
        (2, 4, Replicas::One, "pagerduty", Err(4)),
    ] {
        let case = format!("{declared}, {evaluated}, {told_by:?}, {told}");
        let monitoring = service(declared);
        let delivery = delivery(&monitoring, told_by, &[told]).unwrap();
        let evaluation = Evaluation::new().replicas(evaluated).deliver_to(&delivery);
        let found = match monitoring.evaluate(&rules(), evaluation) {
            Ok(evaluating) => {
                let report = evaluating.report();
                let refused = report.refused.iter().find(|refused| refused.rule == ABOUT_ALL);
                Ok(match refused.map(|refused| &refused.reason) {
                    None => 1,
                    Some(Refusal::SeveralReplicas { replicas }) => *replicas,
                    Some(other) => panic!("{case}: {other}"),
                })
            }
            Err(EvaluateError::NeedsOneReplica { replicas, .. }) => Err(replicas),
            Err(other) => panic!("{case}: {other}"),
        };
        assert_eq!(found, expected, "{case}");
    }
}
