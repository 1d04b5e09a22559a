//! Several nodes that the service can use, and references.

use std::time::Duration;

use super::node::Node;
use super::reason;
use crate::clock::ManualClock;
use crate::health::checks::peer::{Peer, nobody};
use crate::health::{Datum, HealthCheck, SolanaCheck};

/// A check whose nodes and references are asked every 15 s, and what they do meanwhile.
struct Watch {
    check: SolanaCheck,
    held: ManualClock,
}

impl Watch {
    fn new(mut check: SolanaCheck) -> Self {
        let held = ManualClock::new();
        check.use_clock(&held.clock());
        Self { check, held }
    }

    /// Runs as often as there are verdicts; in between the nodes advance by so many slots.
    async fn expect(&self, verdicts: &[&str], advancing: &[(&Node, u64)]) {
        for (run, expected) in verdicts.iter().enumerate() {
            assert_eq!(reason(&self.check.check().await), *expected, "run {run} of {verdicts:?}");
            self.held.advance(Duration::from_secs(15));
            for (node, slots) in advancing {
                node.advance(*slots);
            }
        }
    }
}

#[tokio::test]
async fn lag_behind_a_reference_is_judged_in_seconds() {
    let (node, reference) = (Node::start(), Node::start());
    let watch = Watch::new(SolanaCheck::new(&node.url()).unwrap().reference(&reference.url()).unwrap());
    // 400 ms a slot until something else is measured.
    for (ahead, expected) in [
        (0, "healthy"),
        (50, "healthy"),
        (51, "degraded:lags_reference"),
        (150, "degraded:lags_reference"),
        (151, "lags_reference"),
        (u64::MAX - 2000, "lags_reference"),
    ] {
        reference.set(|state| state.slot = 1000 + ahead);
        assert_eq!(reason(&watch.check.check().await), expected, "{ahead}");
        node.set(|state| state.slot = 1000);
    }
    assert_eq!(reference.methods(), ["getSlot"], "a reference is asked for nothing else");
    // Being ahead is no lag.
    reference.set(|state| state.slot = 7);
    assert_eq!(reason(&watch.check.check().await), "healthy");
}

#[tokio::test]
async fn slots_are_as_long_as_the_reference_shows() {
    let (node, reference) = (Node::start(), Node::start());
    let watch = Watch::new(SolanaCheck::new(&node.url()).unwrap().reference(&reference.url()).unwrap());
    // 75 slots in 15 s are 200 ms each, measured after two minutes.
    watch.expect(&["healthy"; 9], &[(&node, 75), (&reference, 75)]).await;
    reference.advance(100);
    watch.expect(&["healthy"], &[]).await;
    node.advance(1);
    reference.advance(2);
    watch.expect(&["degraded:lags_reference"], &[]).await;
}

#[tokio::test]
async fn node_that_stands_still_is_told_from_a_cluster_that_does() {
    let (node, one, other) = (Node::start(), Node::start(), Node::start());
    let check = SolanaCheck::new(&node.url()).unwrap();
    let watch = Watch::new(check.reference(&one.url()).unwrap().reference(&other.url()).unwrap());
    watch.expect(&["healthy", "healthy", "healthy", "slot_stalled"], &[(&other, 1)]).await;
    watch.expect(&["slot_stalled", "slot_stalled", "slot_stalled", "cluster_halted"], &[]).await;
    node.advance(1);
    one.advance(1);
    watch.expect(&["healthy", "healthy", "healthy", "slot_stalled"], &[(&one, 1)]).await;
}

#[tokio::test]
async fn references_that_fail_are_nobodys_failure_and_no_proof_of_a_halt() {
    let node = Node::start();
    let limited = Peer::http("429 Too Many Requests", "Retry-After: 60\r\n", "");
    let hanging = Peer::silent();
    let check = SolanaCheck::new(&node.url()).unwrap().answer_within(Duration::from_millis(200));
    let check = check.reference(&limited.url("http", "/")).unwrap().reference(&nobody()).unwrap();
    let watch = Watch::new(check.reference(&hanging.url("http", "/")).unwrap());
    let report = watch.check.check().await.unwrap();
    assert_eq!(report.data(), [("slot", Datum::Integer(1000)), ("references_answering", Datum::Integer(0))]);
    watch.expect(&["healthy", "healthy", "slot_stalled"], &[]).await;
    assert_eq!(limited.requests().len(), 1, "the wait that a reference asks for is kept");
}

#[tokio::test]
async fn one_of_several_degrades_and_all_of_them_fail() {
    let (good, bad) = (Node::start(), Node::start());
    let watch = Watch::new(SolanaCheck::new(&bad.url()).unwrap().fallback(&good.url()).unwrap());
    let stands_still = &["healthy", "healthy", "degraded:lags_reference", "degraded:some_rpcs_bad"];
    watch.expect(stands_still, &[(&good, 37)]).await;
    let report = watch.check.check().await.unwrap();
    assert_eq!(report.message(), "RPC addresses that do not work: 1 of 2");
    assert!(
        report.data().contains(&("rpcs", Datum::from("127.0.0.1: slot_stalled, 127.0.0.1: healthy"))),
        "{report:?}"
    );
    // Both: nobody else is left to compare with, so it is the cluster.
    watch.expect(&["degraded:some_rpcs_bad"; 2], &[]).await;
    watch.expect(&["cluster_halted"], &[]).await;
}

#[tokio::test]
async fn addresses_that_cannot_be_reached_are_bad_after_as_many_runs_as_a_check() {
    let good = Node::start();
    let watch = Watch::new(SolanaCheck::new(&nobody()).unwrap().fallback(&good.url()).unwrap());
    watch.expect(&["healthy", "healthy", "degraded:some_rpcs_bad"], &[(&good, 37)]).await;
    let watch = Watch::new(SolanaCheck::new(&nobody()).unwrap().fallback(&nobody()).unwrap());
    let failure = watch.check.check().await.unwrap_err();
    assert_eq!(failure.reason(), "unreachable");
    assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
}

#[test]
fn trust_is_that_of_the_address_named_last() {
    let check = || SolanaCheck::new("https://rpc.example.com/secret").unwrap();
    let loopback = check().fallback("https://localhost/secret").unwrap();
    assert!(loopback.any_certificate_on_loopback().is_ok());
    let refused = check().reference("https://rpc.example.org/?key=secret").unwrap().any_certificate_on_loopback();
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("rpc.example.org"), "{refused}");
    for text in [format!("{:?}", check()), format!("{refused} {refused:?}")] {
        assert!(!text.contains("secret"), "{text}");
    }
}
