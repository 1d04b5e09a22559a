//! Causes, and what they mute.

use super::super::group::Known;
use super::*;
use crate::alert::HeldBack;

const IBKR_DOWN: &str = "DependencyDown critical prod dependency=ibkr";
const SYNC_FAILS: &str = "PortfolioSyncFailing critical prod source=ibkr";

/// An alert by rule, severity, environment and labels.
fn alert(words: &str) -> Alert {
    let words: Vec<_> = words.split(' ').collect();
    let [rule, severity, environment, labels @ ..] = &words[..] else { panic!("{words:?}") };
    let severities = [Severity::Critical, Severity::Warning, Severity::Info];
    let severity = severities.into_iter().find(|one| one.as_str() == *severity).unwrap();
    let alert = Alert::firing(Origin::new("risk", environment), rule, severity, std::time::UNIX_EPOCH);
    let labels = labels.iter().map(|label| label.split_once('=').unwrap());
    labels.fold(alert, |alert, (name, value)| alert.label(name, value))
}

#[test]
fn what_follows_from_a_cause_is_told_when_the_cause_is_over_and_it_still_fires() {
    for (cause, consequence, follows) in [
        (IBKR_DOWN, SYNC_FAILS, true),
        ("DependencyDown critical prod dependency=solana", SYNC_FAILS, false),
        ("DependencyDown critical staging dependency=ibkr", SYNC_FAILS, false),
        (IBKR_DOWN, "RiskCalculationFailures critical prod", false),
        // The same alert in another severity, and that of another dependency.
        ("Late critical prod dependency=a", "Late warning prod dependency=a source=x", true),
        ("Late critical prod dependency=a", "Late warning prod dependency=b", false),
        ("Late critical prod", "Late warning prod source=x", true),
        // Everything but itself.
        ("ServiceAbsent critical prod", "Anything info prod source=x", true),
        ("ServiceAbsent critical prod", "ServiceAbsent critical prod source=x", false),
        // A drill is neither.
        ("DependencyDown critical prod dependency=ibkr drill=true", SYNC_FAILS, false),
        (IBKR_DOWN, "PortfolioSyncFailing critical prod drill=true", false),
    ] {
        let (cause, consequence) = (alert(cause), alert(consequence));
        // In whatever order they come: what follows waits for others too.
        for order in [[&cause, &consequence], [&consequence, &cause]] {
            let mut desk = Desk::new(PER_ALERT);
            let fired = |desk: &mut Desk| {
                desk.pass(600);
                desk.told().into_iter().filter(|(_, _, status)| *status == Firing).count()
            };
            order.into_iter().for_each(|alert| desk.offer(alert).unwrap());
            assert_eq!(fired(&mut desk), if follows { 1 } else { 2 }, "{order:?}");
            let why = desk.mutes.holds(&consequence, desk.clock.now(), desk.clock.wall()).map(|(why, _)| why);
            assert_eq!(why, follows.then(|| HeldBack::Inhibited { by: cause.rule().to_owned() }), "{order:?}");
            desk.resolve(&cause).unwrap();
            assert_eq!(fired(&mut desk), usize::from(follows), "{order:?}");
            desk.resolve(&consequence).unwrap();
            fired(&mut desk);
            assert_eq!(desk.channel.members(), 0);
        }
    }
}

#[test]
fn what_is_over_with_its_cause_is_never_told() {
    let mut desk = Desk::new(PER_ALERT);
    let [cause, consequence] = [IBKR_DOWN, SYNC_FAILS].map(alert);
    [&cause, &consequence].into_iter().for_each(|alert| desk.offer(alert).unwrap());
    desk.pass(3600);
    assert_eq!(desk.resolve(&consequence), Err(Lost::Recovered));
    desk.resolve(&cause).unwrap();
    desk.pass(3600);
    assert_eq!(desk.told(), [row(10, "DependencyDown", Firing), row(3610, "DependencyDown", Resolved)]);
}

#[test]
fn what_was_told_before_its_cause_fired_is_told_to_be_over() {
    let mut desk = Desk::new(PER_ALERT);
    let [cause, consequence] = [IBKR_DOWN, SYNC_FAILS].map(alert);
    desk.offer(&consequence).unwrap();
    desk.pass(20);
    desk.offer(&cause).unwrap();
    desk.pass(20);
    desk.resolve(&consequence).unwrap();
    desk.pass(20);
    let expected = [
        row(10, "PortfolioSyncFailing", Firing),
        row(30, "DependencyDown", Firing),
        row(50, "PortfolioSyncFailing", Resolved),
    ];
    assert_eq!(desk.told(), expected);
}

#[test]
fn cause_of_another_severity_no_longer_mutes_and_nothing_is_left_of_it() {
    let mut desk = Desk::new(PER_ALERT);
    let [cause, consequence, other] =
        ["Late critical prod", "Late warning prod", "Late warning prod region=eu"].map(alert);
    desk.offer(&cause).unwrap();
    desk.offer(&other).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(10, "Late", Firing)]);
    // The same alert as the cause, now a warning.
    assert_eq!(cause.fingerprint(), consequence.fingerprint());
    desk.offer(&consequence).unwrap();
    desk.pass(60);
    assert_eq!(desk.told().len(), 2, "its own change, and what it muted");
}

#[test]
fn cause_from_before_a_restart_mutes_until_somebody_had_to_confirm_it() {
    let [cause, consequence] = [IBKR_DOWN, SYNC_FAILS].map(alert);
    let restarted = || {
        let mut desk = Desk::new(PER_ALERT);
        let now = desk.clock.now();
        desk.channel.restore(Arc::new(cause.clone()), Known::Told(Firing, Severity::Critical), now);
        desk.mutes.causes.restore(&cause, now);
        // What follows is found before its cause is, which must last for longer.
        desk.offer(&consequence).unwrap();
        desk.pass(60);
        assert_eq!(desk.told(), []);
        desk
    };
    let mut confirmed = restarted();
    confirmed.offer(&cause).unwrap();
    confirmed.pass(3600);
    assert_eq!(confirmed.told(), [], "both as before the restart");
    let mut gone = restarted();
    gone.pass(3600);
    assert_eq!(gone.told(), [row(600, "DependencyDown", Resolved), row(600, "PortfolioSyncFailing", Firing)]);
}

#[test]
fn causes_beyond_the_capacity_mute_nothing_and_take_no_memory() {
    let mut desk = Desk::with_capacity(PER_ALERT, 1);
    let first = alert("ServiceAbsent critical dev");
    desk.offer(&first).unwrap();
    let [cause, consequence] = [IBKR_DOWN, SYNC_FAILS].map(alert);
    assert_eq!(desk.mutes.causes.heed(&cause), Bearing::None);
    let now = desk.clock.now();
    assert_eq!(desk.mutes.causes.mute(&consequence, now), None);
    assert_eq!(desk.mutes.causes.heed(&first.resolved(desk.clock.wall())), Bearing::NoLongerMutes);
    desk.mutes.causes.heed(&cause);
    assert!(desk.mutes.causes.mute(&consequence, now).is_some());
}
