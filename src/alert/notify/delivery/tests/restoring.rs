//! What a process finds that starts again.

use super::super::group::Known;
use super::*;

fn restored(known: Known) -> (Desk, Alert) {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("A");
    desk.channel.restore(Arc::new(alert.clone()), known, desk.clock.now());
    (desk, alert)
}

const TOLD: Known = Known::Told(Firing, Severity::Critical);

#[test]
fn what_still_fires_is_not_told_again() {
    let (mut desk, alert) = restored(TOLD);
    desk.offer(&alert).unwrap();
    desk.pass(3600);
    assert_eq!(desk.told(), []);
    desk.pass(3 * 3600);
    assert_eq!(desk.told(), [row(14_400, "A", Firing)], "but repeated");
    desk.resolve(&alert).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(14_410, "A", Resolved)]);
}

#[test]
fn what_nobody_says_still_fires_is_over_after_ten_minutes() {
    for known in [TOLD, Known::Perhaps(None)] {
        let (mut desk, _) = restored(known);
        desk.pass(3600);
        assert_eq!(desk.told(), [row(600, "A", Resolved)]);
        assert_eq!(desk.channel.members(), 0);
    }
}

#[test]
fn what_is_over_meanwhile_is_told_at_once() {
    let (mut desk, alert) = restored(TOLD);
    desk.resolve(&alert).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(10, "A", Resolved)]);
}

#[test]
fn what_may_not_have_arrived_is_told_again() {
    let (mut desk, alert) = restored(Known::Perhaps(None));
    desk.offer(&alert).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(10, "A", Firing)]);
}

#[test]
fn end_that_was_being_told_is_told_at_once() {
    let mut desk = Desk::new(PER_ALERT);
    let over = desk.critical("A").resolved(desk.clock.wall());
    desk.channel.restore(Arc::new(over), Known::Perhaps(None), desk.clock.now());
    desk.pass(60);
    assert_eq!(desk.told(), [row(0, "A", Resolved)]);
    assert_eq!(desk.channel.members(), 0);
}

#[test]
fn message_is_gone_on_with_after_a_restart() {
    let mut desk = Desk::new(Profile::new(Grouping::PerRule));
    let alert = desk.critical("A");
    desk.channel.restore(Arc::new(alert.clone()), TOLD, desk.clock.now());
    let receipt = Receipt::new("C1 1.5").unwrap();
    desk.channel.restore_receipt(alert.rule_fingerprint(), receipt.clone());
    desk.resolve(&alert).unwrap();
    desk.held.advance(Duration::from_secs(20));
    let Step::Tell(telling) = desk.channel.next(desk.clock.now(), desk.clock.wall(), &desk.mutes) else {
        panic!("its end is due")
    };
    assert_eq!(telling.notice.receipt(), Some(&receipt));
}
