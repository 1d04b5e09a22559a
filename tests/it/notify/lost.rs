//! Alerts that nobody is told of are an alert themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use aistm7_monitoring::alert::Alerts;
use aistm7_monitoring::alert::evaluate::{AlertState, Evaluation, Evaluator};
use aistm7_monitoring::alert::notify::{Delivery, Notice, Notifier, NotifyError, Receipt, Replicas, Route};
use aistm7_monitoring::catalog::Catalog;
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Meter, Registry};

use super::{critical, start};
use crate::client::PATIENCE;
use crate::poll::eventually_async;

/// What a destination says.
struct Says(Result<(), &'static str>);

impl Notifier for Says {
    async fn notify(&self, _: &Notice) -> Result<Option<Receipt>, NotifyError> {
        self.0.map(|()| None).map_err(NotifyError::refused)
    }
}

#[tokio::test]
async fn alerts_that_are_lost_for_whatever_reason_fire_and_those_that_were_over_do_not() {
    let (held, registry) = (ManualClock::new(), Registry::new());
    let delivery = Delivery::builder(Replicas::One)
        .destination("full", Says(Ok(())))
        .destination("gone", Says(Err("no such channel")))
        .destination("well", Says(Ok(())))
        .routes(["full", "gone", "well"].map(|name| Route::to([name]).environment("prod").rule(name)))
        .capacity(1)
        .clock(held.clock())
        .build(&Meter::new(&registry))
        .unwrap();
    let rules = Alerts::new().bind(&Catalog::of(&registry)).unwrap();
    let mut evaluator = Evaluator::new(&rules, Evaluation::new().grace(Duration::ZERO), held.clock());
    let mut firing = || {
        held.advance(Duration::from_secs(15));
        evaluator.step(&registry.snapshot());
        let ours = evaluator.alerts().filter(|alert| alert.name() == "AlertsNotDelivered");
        let ours = ours.filter(|alert| alert.state() == AlertState::Firing);
        ours.map(|alert| alert.labels().map(|(_, value)| value.to_owned()).collect::<Vec<_>>().join(" ")).collect()
    };
    let none: BTreeSet<String> = firing();
    assert_eq!(none, BTreeSet::new());

    delivery.offer(critical("well"));
    delivery.offer(critical("well").resolved(start()));
    let counted = |destination, reason| {
        let labels = [("destination", destination), ("reason", reason)];
        registry.snapshot().value("alert_notifications_dropped_total", &labels)
    };
    assert_eq!(counted("well", "recovered"), Some(1.0));
    assert_eq!(firing(), BTreeSet::new(), "nobody misses it");

    delivery.offer_all(["a", "b"].map(|book| critical("full").label("book", book)));
    delivery.offer(critical("Unheard"));
    delivery.offer(critical("gone"));
    delivery.flush(PATIENCE).await;
    let given_up = async || if counted("gone", "given_up") == Some(1.0) { Ok(()) } else { Err("it was taken") };
    eventually_async(PATIENCE, given_up).await;
    assert_eq!(firing(), ["full full", "gone given_up", "none unrouted"].map(str::to_owned).into());
}
