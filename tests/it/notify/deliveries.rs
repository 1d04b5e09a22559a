//! Whole deliveries: their threads, the stand-ins, and what lies between on the network.

use std::time::Duration;

use aistm7_monitoring::alert::Severity;
use aistm7_monitoring::alert::notify::{
    Alert, Change, Delivery, DeliveryBuilder, DeliveryError, Heartbeat, Notice, Notifier, NotifyError, Origin,
    PagerDuty, Receipt, Replicas, Route, SlackBot,
};
use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Meter, Registry, Snapshot};
use aistm7_monitoring::redact::Secret;

use super::{critical, start};
use crate::client::PATIENCE;
use crate::paging::Fault;
use crate::paging::pagerduty::{self, PagerDutyPeer};
use crate::paging::slack::{self, SlackPeer};
use crate::poll::eventually_async;

/// The guide's three destinations, with stand-ins behind them.
pub(super) struct Desk {
    held: ManualClock,
    registry: Registry,
    pub(super) pages: PagerDutyPeer,
    chats: SlackPeer,
    pub(super) delivery: Delivery,
}

impl Desk {
    pub(super) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(set: impl FnOnce(DeliveryBuilder) -> DeliveryBuilder) -> Self {
        let (held, registry) = (ManualClock::new(), Registry::new());
        let (pages, chats) =
            (PagerDutyPeer::start(Some(held.clock())).await, SlackPeer::start(Some(held.clock())).await);
        let key = Secret::new(pagerduty::ROUTING_KEY.to_owned());
        let slack = |channel| {
            let token = Secret::new(slack::TOKEN.to_owned());
            SlackBot::new(token, channel).unwrap().url(&chats.url()).unwrap()
        };
        let builder = Delivery::builder(Replicas::One)
            .destination("pager", PagerDuty::events(key).unwrap().url(&pages.url()).unwrap())
            .destination("incidents", slack("#incidents"))
            .destination("monitoring", slack("#monitoring"))
            .routes(Route::of_the_guide("pager", "incidents", "monitoring"))
            .fallback("pager", "incidents")
            .clock(held.clock());
        let delivery = set(builder).build(&Meter::new(&registry)).unwrap();
        Self { held, registry, pages, chats, delivery }
    }

    /// Lets time pass until everything is told.
    pub(super) async fn settle(&self) {
        eventually_async(PATIENCE, async || match self.delivery.pending() {
            0 => Ok(()),
            pending => {
                self.held.advance(Duration::from_secs(2));
                Err(format!("{pending} pending: {}", self.registry.render()))
            }
        })
        .await;
    }

    fn numbers(&self) -> Snapshot {
        self.registry.snapshot()
    }

    fn attempts(&self, destination: &str, outcome: &str) -> f64 {
        let labels = [("destination", destination), ("outcome", outcome)];
        self.numbers().value("alert_notifications_total", &labels).unwrap()
    }

    fn dropped(&self, destination: &str, reason: &str) -> f64 {
        let labels = [("destination", destination), ("reason", reason)];
        self.numbers().value("alert_notifications_dropped_total", &labels).unwrap()
    }

    /// Channel and text of every message, with its replies.
    pub(super) fn messages(&self) -> Vec<(String, String, Vec<String>)> {
        let workspace = self.chats.workspace();
        let shown = workspace.messages.iter();
        shown.map(|one| (one.channel.clone(), one.text.clone(), one.replies.clone())).collect()
    }
}

fn other(environment: &str, severity: Severity) -> Alert {
    Alert::firing(Origin::new("risk-analysis", environment), "Other", severity, start())
}

#[tokio::test]
async fn alerts_go_where_the_guide_has_them_and_are_resolved_there() {
    let desk = Desk::new().await;
    let page = critical("SyncFailed");
    let states = [page.clone(), other("staging", Severity::Critical), other("prod", Severity::Warning)];
    states.iter().for_each(|alert| desk.delivery.offer(alert.clone()));
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["triggered", "triggered"]);
    let over = start() + Duration::from_secs(60);
    states.into_iter().for_each(|alert| desk.delivery.offer(alert.resolved(over)));
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["resolved", "resolved"]);
    let mut messages: Vec<_> =
        desk.messages().into_iter().map(|(channel, text, replies)| (channel, text, replies.len())).collect();
    messages.sort();
    let row = |channel: &str, text: &str| (channel.to_owned(), text.to_owned(), 1);
    assert_eq!(
        messages,
        [
            row("C0INCIDENTS", "[RESOLVED] critical SyncFailed in prod/risk-analysis: Something is wrong."),
            row("C0MONITORING", "[RESOLVED] critical Other in staging/risk-analysis"),
            row("C0MONITORING", "[RESOLVED] warning Other in prod/risk-analysis"),
        ]
    );
    assert_eq!((desk.pages.account().too_many, desk.chats.workspace().too_many), (0, 0));
    assert_eq!(desk.attempts("pager", "ok"), 4.0);
    desk.numbers().assert_value("alert_notifications_alerts", &[("destination", "pager")], 0.0);
}

#[tokio::test]
async fn alerts_arrive_exactly_once_through_every_kind_of_failure() {
    let desk = Desk::with(|builder| builder.send_limit(Duration::from_millis(300))).await;
    let faults =
        [Fault::Break, Fault::TooMany(7), Fault::TakeAndBreak, Fault::Status(500), Fault::Status(503), Fault::Hang];
    desk.pages.plan(faults);
    // One that breaks after it took a message would leave it twice: Slack has no key for it.
    desk.chats.plan([Fault::Break, Fault::TooMany(7), Fault::Status(503), Fault::NotOk("fatal_error"), Fault::Hang]);
    desk.delivery.offer(critical("SyncFailed"));
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["triggered"]);
    assert_eq!(desk.messages().len(), 1);
    desk.pages.plan(faults);
    desk.delivery.offer(critical("SyncFailed").resolved(start()));
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["resolved"]);
    assert_eq!(desk.pages.account().incidents[0].triggers, 2, "once more after the connection broke: no new incident");
    assert_eq!((desk.attempts("pager", "too_often"), desk.attempts("pager", "failed")), (2.0, 10.0));
}

#[tokio::test]
async fn fallback_hears_what_pagerduty_refuses_and_both_hear_its_end() {
    let desk = Desk::new().await;
    desk.pages.plan([Fault::Status(403)]);
    // The fallback has it already, by its route.
    desk.delivery.offer(critical("SyncFailed"));
    desk.settle().await;
    desk.pages.plan([Fault::Status(403)]);
    desk.delivery.offer(other("prod", Severity::Warning));
    desk.settle().await;
    assert_eq!(desk.attempts("pager", "refused"), 2.0);
    assert_eq!(desk.dropped("pager", "given_up"), 2.0);
    let of_incidents =
        |text: &str| desk.messages().iter().filter(|one| one.0 == "C0INCIDENTS" && one.1.contains(text)).count();
    assert_eq!((of_incidents("SyncFailed"), of_incidents("warning Other")), (1, 1));
    desk.delivery.offer(other("prod", Severity::Warning).resolved(start()));
    desk.settle().await;
    assert_eq!(of_incidents("[RESOLVED] warning Other"), 1);
}

#[tokio::test]
async fn changes_acknowledgements_and_unrouted_alerts_are_told_or_counted() {
    let desk = Desk::new().await;
    let alert = critical("SyncFailed");
    desk.delivery.offer(alert.clone());
    desk.settle().await;
    desk.delivery.acknowledge(alert.fingerprint());
    desk.delivery.announce(&Change::new(Origin::new("risk-analysis", "prod"), "Deployed 1.4.2", start()));
    desk.settle().await;
    assert_eq!(desk.pages.statuses(), ["acknowledged"]);
    assert_eq!(desk.pages.account().changes.len(), 1);
    let registry = Registry::new();
    let none = Delivery::builder(Replicas::One)
        .destination("nobody", Nobody)
        .route(Route::to(["nobody"]).rule("Other"))
        .build(&Meter::new(&registry))
        .unwrap();
    none.offer(alert);
    let labels = [("destination", "none"), ("reason", "unrouted")];
    registry.snapshot().assert_value("alert_notifications_dropped_total", &labels, 1.0);
}

struct Nobody;

impl Notifier for Nobody {
    async fn notify(&self, _: &Notice) -> Result<Option<Receipt>, NotifyError> {
        panic!("as the test wants")
    }
}

#[tokio::test]
async fn notifier_that_panics_is_tried_again() {
    let (held, registry) = (ManualClock::new(), Registry::new());
    let delivery = Delivery::builder(Replicas::One)
        .destination("nobody", Nobody)
        .route(Route::to(["nobody"]))
        .clock(held.clock())
        .build(&Meter::new(&registry))
        .unwrap();
    delivery.offer(critical("A"));
    let failed =
        || registry.snapshot().value("alert_notifications_total", &[("destination", "nobody"), ("outcome", "failed")]);
    eventually_async(PATIENCE, async || {
        held.advance(Duration::from_secs(10));
        if failed() >= Some(2.0) { Ok(()) } else { Err(registry.render()) }
    })
    .await;
    assert_eq!(delivery.pending(), 1);
}

#[tokio::test]
async fn flush_tells_at_once_and_says_what_is_left() {
    let desk = Desk::new().await;
    desk.delivery.offer(critical("SyncFailed"));
    assert_eq!(desk.delivery.flush(PATIENCE).await, 0);
    assert_eq!(desk.pages.statuses(), ["triggered"]);
    desk.pages.plan([Fault::Hang]);
    desk.delivery.offer(critical("SyncFailed").resolved(start()));
    assert_ne!(desk.delivery.flush(Duration::from_millis(50)).await, 0);
}

/// Of a storm.
const ALERTS: usize = 10_000;

fn change_all(desk: &Desk, change: fn(Alert) -> Alert) {
    let of_route = |index: usize| other("prod", Severity::Info).label("route", &format!("/{index}"));
    (0..ALERTS).for_each(|index| desk.delivery.offer(change(of_route(index))));
}

/// All alerts begin: the one message that tells it.
async fn message_of_all(desk: &Desk) -> String {
    change_all(desk, |alert| alert);
    desk.settle().await;
    let messages = desk.messages();
    assert_eq!(desk.chats.workspace().refused, [] as [&str; 0]);
    let [(_, text, _)] = &messages[..] else { panic!("{messages:?}") };
    text.clone()
}

#[tokio::test]
async fn storm_of_ten_thousand_alerts_is_told_in_few_messages_and_nothing_is_lost_uncounted() {
    let desk = Desk::with(|builder| builder.capacity(4_096)).await;
    for _ in 0..2 {
        change_all(&desk, |alert| alert);
        change_all(&desk, |alert| alert.resolved(start()));
    }
    // The last word of every alert is that it is over.
    desk.settle().await;
    let kept = (4_096 - 4_096 / 4) as f64;
    let lost = ALERTS as f64 - kept;
    let (full, recovered) = (desk.dropped("monitoring", "full"), desk.dropped("monitoring", "recovered"));
    assert_eq!((full, recovered), (2.0 * lost, 2.0 * kept), "each firing is kept or counted");
    let told = message_of_all(&desk).await;
    assert!(told.starts_with("[FIRING:3072] info Other in prod/risk-analysis"), "{told}");
    assert_eq!(desk.dropped("monitoring", "full"), 3.0 * lost);
}

#[tokio::test]
async fn storm_of_ten_thousand_alerts_has_room_by_default_and_all_are_told() {
    let desk = Desk::new().await;
    let told = message_of_all(&desk).await;
    assert!(told.starts_with("[FIRING:10000] info Other in prod/risk-analysis"), "{told}");
    assert_eq!(desk.dropped("monitoring", "full"), 0.0);
}

#[test]
fn setups_that_cannot_work_are_refused_by_name() {
    let build = |builder: DeliveryBuilder| builder.build(&Meter::new(&Registry::new())).unwrap_err();
    let one = || Delivery::builder(Replicas::One).destination("a", Nobody).route(Route::to(["a"]));
    let several = Delivery::builder(Replicas::Several).destination("a", Nobody).route(Route::to(["a"]));
    assert!(matches!(build(several), DeliveryError::NeedsOneReplica { destination } if destination == "a"));
    assert!(matches!(build(Delivery::builder(Replicas::One)), DeliveryError::NoRoute));
    assert!(
        matches!(build(one().route(Route::to(["b"]))), DeliveryError::UnknownDestination { name, .. } if name == "b")
    );
    assert!(matches!(build(one().fallback("a", "b")), DeliveryError::UnknownDestination { name, .. } if name == "b"));
    assert!(matches!(build(one().destination("a", Nobody)), DeliveryError::Invalid(_)));
    assert!(matches!(build(one().destination("A b", Nobody)), DeliveryError::Invalid(_)));
    assert!(matches!(build(one().capacity(0)), DeliveryError::Invalid(_)));
    let never = Heartbeat::new(Secret::new("http://127.0.0.1/".to_owned())).unwrap().every(Duration::MAX);
    assert!(matches!(build(one().destination("b", never)), DeliveryError::Invalid(_)));
    assert!(matches!(build(one().repeat_every(Duration::ZERO)), DeliveryError::Invalid(_)));
    assert!(matches!(build(one().spool("/nowhere/at/all")), DeliveryError::Spool { .. }));
}
