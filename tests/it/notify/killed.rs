//! `kill -9` between a trigger and its end.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use aistm7_monitoring::alert::Severity;
use aistm7_monitoring::alert::notify::{Alert, Delivery, PagerDuty, Replicas, Route};
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::redact::Secret;

use super::critical;
use crate::child;
use crate::client::PATIENCE;
use crate::paging::Fault;
use crate::paging::pagerduty::{self, PagerDutyPeer};
use crate::poll::eventually_async;

/// For the child: where PagerDuty is, and the spool.
const PEER: &str = "AISTM7_TEST_PEER";
const SPOOL: &str = "AISTM7_TEST_SPOOL";

/// Real time, and as little of it as makes an order.
const WINDOW: Duration = Duration::from_millis(20);

fn delivery(peer: SocketAddr, spool: &Path) -> Delivery {
    let key = Secret::new(pagerduty::ROUTING_KEY.to_owned());
    let pager = PagerDuty::events(key).unwrap().url(&format!("http://{peer}")).unwrap();
    Delivery::builder(Replicas::One)
        .destination("pager", pager)
        .route(Route::to(["pager"]))
        .windows(WINDOW, WINDOW)
        .confirm_within(Duration::from_millis(500))
        .spool(spool)
        .build(&Meter::new(&Registry::new()))
        .unwrap()
}

/// Fires one alert and stays until it is killed.
#[test]
fn child_fires_and_stays() {
    if !child::is_child() {
        return;
    }
    let variable = |name| std::env::var(name).unwrap();
    let delivery = delivery(variable(PEER).parse().unwrap(), Path::new(&variable(SPOOL)));
    delivery.offer(critical("SyncFailed"));
    loop {
        std::thread::park();
    }
}

/// Runs the child until the peer has a request more, and kills it.
async fn fire_and_be_killed(peer: &PagerDutyPeer, spool: &Path) {
    let before = peer.account().requests;
    let mut command = child::command("notify::killed::child_fires_and_stays");
    command.env(PEER, peer.address.to_string()).env(SPOOL, spool).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    eventually_async(PATIENCE, async || if peer.account().requests > before { Ok(()) } else { Err("no request") })
        .await;
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn process_that_is_killed_resolves_its_one_incident_when_it_is_back() {
    // Killed as soon as PagerDuty is asked: it may know before the process does, or never hear.
    for (fault, expected) in
        [(None, &["resolved"][..]), (Some(Fault::TakeAndBreak), &["resolved"]), (Some(Fault::Hang), &[])]
    {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path().join("alerts");
        let peer = PagerDutyPeer::start(None).await;
        peer.plan(fault);
        fire_and_be_killed(&peer, &spool).await;
        // Back, and nothing is wrong any more: nobody offers the alert.
        let back = delivery(peer.address, &spool);
        eventually_async(PATIENCE, async || {
            let resolved = peer.account().events.iter().filter(|event| event["event_action"] == "resolve").count();
            if resolved == 1 && back.pending() == 0 { Ok(()) } else { Err(format!("{:?}", peer.account().events)) }
        })
        .await;
        assert_eq!(peer.statuses(), expected, "{fault:?}");
        drop(back);
    }
}

#[tokio::test]
async fn process_that_is_killed_again_and_again_goes_on_with_its_one_incident() {
    let directory = tempfile::tempdir().unwrap();
    let spool = directory.path().join("alerts");
    let peer = PagerDutyPeer::start(None).await;
    fire_and_be_killed(&peer, &spool).await;
    {
        let back = delivery(peer.address, &spool);
        // The same as a warning follows from it, whoever has not yet said again that it fires.
        let origin = critical("SyncFailed").origin().clone();
        let warning = Alert::firing(origin, "SyncFailed", Severity::Warning, super::start()).label("book", "b");
        assert!(back.held_back(&warning).is_some());
        // It still fires, so whatever was known is known or told again.
        back.offer(critical("SyncFailed"));
        assert_eq!(back.flush(PATIENCE).await, 0);
    }
    assert_eq!(peer.statuses(), ["triggered"]);
    // The thread that holds the spool ends behind the back of who dropped it.
    let again = eventually_async(PATIENCE, async || {
        std::panic::catch_unwind(|| delivery(peer.address, &spool)).map_err(|_| "the spool is still held")
    })
    .await;
    again.offer(critical("SyncFailed").resolved(super::start()));
    assert_eq!(again.flush(PATIENCE).await, 0);
    assert_eq!(peer.statuses(), ["resolved"]);
}
