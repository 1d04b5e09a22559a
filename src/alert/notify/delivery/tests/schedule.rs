//! Windows, repeats, silences, rates and order.

use super::super::super::change::Change;
use super::super::maintenance::QuietTime;
use super::super::silence::Silence;
use super::*;
use crate::alert::{HeldBack, MaintenanceInterval};

#[test]
fn what_is_critical_waits_ten_seconds_for_others_and_the_rest_thirty() {
    let mut desk = Desk::new(PER_ALERT);
    let (page, ticket) = (desk.critical("Page"), desk.alert("Ticket", Severity::Warning));
    desk.offer(&page).unwrap();
    desk.offer(&ticket).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(10, "Page", Firing), row(30, "Ticket", Firing)]);
    desk.resolve(&page).unwrap();
    desk.resolve(&ticket).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(70, "Page", Resolved), row(90, "Ticket", Resolved)]);
    assert_eq!((desk.channel.members(), desk.channel.pending()), (0, 0));
}

#[test]
fn alerts_of_a_rule_are_told_together_and_the_rest_of_them_as_they_come() {
    let mut desk = Desk::new(Profile::new(Grouping::PerRule));
    let routes: Vec<_> = (0..3).map(|index| desk.critical("Slow").label("route", &format!("/{index}"))).collect();
    desk.offer(&routes[0]).unwrap();
    desk.pass(5);
    desk.offer(&routes[1]).unwrap();
    desk.pass(20);
    desk.offer(&routes[2]).unwrap();
    desk.resolve(&routes[0]).unwrap();
    desk.pass(20);
    let states: Vec<_> = desk
        .told
        .iter()
        .map(|(at, states)| (*at, states.iter().map(|(_, status)| *status).collect::<Vec<_>>()))
        .collect();
    assert_eq!(states, [(10, vec![Firing, Firing]), (35, vec![Firing, Firing, Resolved])]);
}

#[test]
fn what_is_over_within_the_window_is_never_told_but_counted() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("Blip");
    desk.offer(&alert).unwrap();
    desk.pass(9);
    assert_eq!(desk.resolve(&alert), Err(Lost::Recovered));
    assert_eq!(desk.resolve(&alert), Ok(()), "nobody knows of it");
    desk.pass(3600);
    assert_eq!((desk.told(), desk.channel.members()), (vec![], 0));
}

#[test]
fn what_still_fires_is_repeated_every_four_hours_until_somebody_works_on_it() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("Long");
    desk.offer(&alert).unwrap();
    desk.pass(8 * 3600);
    assert_eq!(desk.told(), [row(10, "Long", Firing), row(14_410, "Long", Firing)]);
    desk.channel.acknowledge(alert.fingerprint(), desk.clock.now());
    // The evaluator goes on saying that it fires.
    desk.offer(&alert).unwrap();
    desk.pass(24 * 3600);
    assert_eq!(desk.told(), [row(28_810, "Long", Acknowledged)]);
    desk.resolve(&alert).unwrap();
    desk.pass(60);
    assert_eq!(desk.told().len(), 1);
}

#[test]
fn same_state_again_is_not_told_and_another_severity_is() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.alert("Memory", Severity::Warning);
    for _ in 0..100 {
        desk.offer(&alert).unwrap();
        desk.pass(15);
    }
    assert_eq!(desk.told().len(), 1);
    let worse = desk.critical("Memory");
    desk.offer(&worse).unwrap();
    desk.pass(60);
    assert_eq!(desk.told(), [row(1_510, "Memory", Firing)]);
}

#[test]
fn silence_holds_back_what_fires_and_not_what_is_over() {
    let mut desk = Desk::new(PER_ALERT);
    let (known, other) = (desk.critical("Known"), desk.critical("Other"));
    desk.offer(&known).unwrap();
    desk.pass(60);
    let silence = Silence::new(desk.clock.wall(), desk.clock.wall() + Duration::from_secs(600));
    desk.silence(silence);
    desk.offer(&other).unwrap();
    desk.resolve(&known).unwrap();
    desk.pass(3600);
    assert_eq!(
        desk.told(),
        [row(10, "Known", Firing), row(70, "Known", Resolved), row(660, "Other", Firing)],
        "told when the silence ends"
    );
}

#[test]
fn silence_that_is_lifted_lets_out_what_it_held_back() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("Held");
    let for_ever = desk.clock.wall() + Duration::from_secs(i64::MAX as u64 / 4);
    let silence = Silence::new(desk.clock.wall(), for_ever);
    desk.silence(silence.clone());
    desk.offer(&alert).unwrap();
    desk.pass(100);
    desk.mutes.silences = desk.mutes.silences.without(&silence);
    desk.channel.reconsider(desk.clock.now());
    desk.pass(100);
    assert_eq!(desk.told(), [row(110, "Held", Firing)]);
}

#[test]
fn rate_is_held_and_what_is_critical_goes_first() {
    let mut desk = Desk::new(Profile::new(Grouping::PerAlert).rate(2, Duration::from_secs(60)));
    for index in 0..4 {
        let info = desk.alert(&format!("Info{index}"), Severity::Info);
        desk.offer(&info).unwrap();
    }
    desk.pass(31);
    let page = desk.critical("Page");
    desk.offer(&page).unwrap();
    desk.pass(600);
    let told: Vec<_> = desk.told().into_iter().map(|(at, rule, _)| (at, rule.starts_with("Page"))).collect();
    assert_eq!(told, [(30, false), (30, false), (90, true), (90, false), (150, false)]);
}

#[test]
fn who_forgets_is_told_again_and_again_with_everything_in_one() {
    let mut desk = Desk::new(Profile::new(Grouping::Everything).expiring(Duration::from_secs(15)));
    let (one, two) = (desk.critical("One"), desk.alert("Two", Severity::Info));
    desk.offer(&one).unwrap();
    desk.offer(&two).unwrap();
    desk.pass(20);
    desk.resolve(&one).unwrap();
    desk.pass(20);
    desk.resolve(&two).unwrap();
    desk.pass(60);
    let told: Vec<_> = desk.told.iter().map(|(at, states)| (*at, states.len())).collect();
    assert_eq!(told, [(0, 2), (15, 2), (20, 2), (35, 1), (40, 1)]);
    assert_eq!(desk.channel.members(), 0);
}

#[test]
fn nothing_waits_any_more_when_there_is_hurry() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.alert("Slow", Severity::Info);
    desk.offer(&alert).unwrap();
    desk.channel.hurry(desk.clock.now());
    desk.pass(0);
    assert_eq!(desk.told(), [row(0, "Slow", Firing)]);
}

#[test]
fn changes_are_told_once_each_after_what_is_due_and_the_oldest_make_room() {
    let mut desk = Desk::new(PER_ALERT);
    let change = Change::new(Origin::new("risk", "prod"), "deployed", desk.clock.wall());
    desk.answers = vec![Err(NotifyError::unavailable("busy"))];
    let lost = (0..70).filter(|_| desk.channel.announce(change.clone()).is_err()).count();
    assert_eq!((lost, desk.channel.pending()), (6, 64));
    desk.pass(60);
    assert_eq!(desk.channel.pending(), 0);
}

#[test]
fn end_that_another_replica_may_not_see_is_not_told() {
    let expiring = PER_ALERT.expiring(Duration::from_secs(15));
    for (profile, shared_ends, own_ends) in [(expiring, false, true), (expiring.one_per_replica(), true, true)] {
        let mut desk = Desk::new(profile);
        desk.channel = Channel::new(profile, Timing::default(), 1_000, Voices::Several);
        let (shared, own) = (desk.critical("Shared"), desk.critical("Own").label("instance", "a"));
        for alert in [&shared, &own] {
            desk.offer(alert).unwrap();
        }
        desk.pass(20);
        for alert in [&shared, &own] {
            desk.resolve(alert).unwrap();
        }
        desk.pass(60);
        let ends: Vec<_> = desk.told().into_iter().filter(|(_, _, status)| *status == Resolved).collect();
        let is_told = |rule| ends.contains(&row(20, rule, Resolved));
        assert_eq!((is_told("Shared"), is_told("Own")), (shared_ends, own_ends), "{ends:?}");
        assert_eq!((desk.channel.members(), desk.channel.next_look()), (0, None), "nothing is repeated");
    }
}

#[test]
fn maintenance_holds_back_what_is_new_until_it_is_over() {
    let mut desk = Desk::new(PER_ALERT);
    // Half past midnight, UTC.
    desk.held = ManualClock::starting_at(std::time::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + 1_800));
    desk.clock = desk.held.clock();
    desk.began = desk.clock.now();
    let interval = MaintenanceInterval::new("restart", "dependency", "ibkr", "UTC").between("00:00", "01:00");
    desk.mutes = Mutes::new(Causes::new(10, Duration::ZERO), vec![QuietTime::of(&interval).unwrap()]);
    let (ibkr, other) = (desk.critical("Down").label("dependency", "ibkr"), desk.critical("Other"));
    desk.offer(&ibkr).unwrap();
    desk.offer(&other).unwrap();
    desk.pass(1_790);
    assert_eq!(desk.told(), [row(10, "Other", Firing)]);
    let why = desk.mutes.holds(&ibkr, desk.clock.now(), desk.clock.wall()).map(|(why, _)| why);
    assert_eq!(why, Some(HeldBack::Maintenance { interval: "restart".to_owned() }));
    desk.pass(60);
    assert_eq!(desk.told(), [row(1_800, "Down", Firing)]);
}
