//! Destinations that fail, refuse and come back.

use super::super::timing::GIVE_UP_AFTER;
use super::*;

fn unavailable() -> Result<Option<Receipt>, NotifyError> {
    Err(NotifyError::unavailable("as the test wants"))
}

fn too_often(seconds: u64) -> Result<Option<Receipt>, NotifyError> {
    Err(NotifyError::TooOften { again_after: Some(Duration::from_secs(seconds)) })
}

#[test]
fn retry_after_holds_for_everything_that_the_destination_is_to_be_told() {
    let mut desk = Desk::new(PER_ALERT);
    let (one, two) = (desk.critical("One"), desk.critical("Two"));
    desk.offer(&one).unwrap();
    desk.offer(&two).unwrap();
    desk.answers = vec![too_often(45)];
    desk.pass(120);
    let times: Vec<_> = desk.told().into_iter().map(|(at, ..)| at).collect();
    assert_eq!(times, [10, 55, 55]);
}

#[test]
fn who_asks_to_be_left_alone_for_ever_is_asked_again_in_an_hour() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("A");
    desk.offer(&alert).unwrap();
    desk.answers = vec![too_often(u64::MAX)];
    desk.pass(2 * 3600);
    assert_eq!(desk.told(), [row(10, "A", Firing), row(3610, "A", Firing)]);
}

#[test]
fn pauses_grow_and_the_newest_state_is_what_is_told_in_the_end() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("Flapping");
    desk.answers = (0..6).map(|_| unavailable()).collect();
    for _ in 0..10 {
        desk.offer(&alert).unwrap();
        desk.pass(1);
        desk.resolve(&alert).ok();
    }
    desk.offer(&alert).unwrap();
    desk.pass(11);
    desk.resolve(&alert).unwrap();
    desk.pass(300);
    let told = desk.told();
    assert_eq!(told.len(), 7, "{told:?}");
    assert_eq!((told[0].2, told[6].2), (Firing, Resolved));
    assert!(told[6].0 - told[0].0 >= 31, "half of 63 s at the least: {told:?}");
    assert_eq!(desk.channel.members(), 0);
}

#[test]
fn what_one_alert_is_refused_for_does_not_keep_others_back() {
    let mut desk = Desk::new(PER_ALERT);
    let (bad, good) = (desk.critical("Bad"), desk.critical("Good"));
    desk.offer(&bad).unwrap();
    desk.pass(1);
    desk.offer(&good).unwrap();
    desk.answers = vec![Err(NotifyError::refused("as the test wants"))];
    desk.pass(600);
    assert_eq!(desk.told(), [row(10, "Bad", Firing), row(11, "Good", Firing)]);
    assert_eq!((desk.effects.given_up, desk.effects.passed_on.len()), (1, 1));
    // It is tried again when it would be repeated, and its end is told.
    desk.pass(4 * 3600);
    desk.resolve(&bad).unwrap();
    desk.pass(60);
    let told: Vec<_> = desk.told().into_iter().map(|(_, rule, status)| (rule, status)).collect();
    assert_eq!(told.last(), Some(&("Bad".to_owned(), Resolved)));
    assert_eq!(told.iter().filter(|(rule, _)| rule == "Bad").count(), 2);
}

#[test]
fn alert_that_breaks_its_calls_lets_others_through() {
    let mut desk = Desk::new(PER_ALERT);
    let (bad, good) = (desk.critical("Bad"), desk.critical("Good"));
    desk.offer(&bad).unwrap();
    desk.offer(&good).unwrap();
    desk.answers = vec![unavailable()];
    desk.pass(13);
    let first = desk.told().remove(0);
    assert_eq!(first.0, 10);
    assert_eq!(desk.channel.pending(), 0, "both were told within three seconds");
}

#[test]
fn fallback_is_told_once_after_a_minute_of_trouble_and_of_what_is_new_too() {
    let mut desk = Desk::new(PER_ALERT);
    let alerts: Vec<_> = (0..3).map(|index| desk.critical(&format!("A{index}"))).collect();
    desk.offer(&alerts[0]).unwrap();
    desk.offer(&alerts[1]).unwrap();
    desk.answers = (0..1000).map(|_| unavailable()).collect();
    desk.pass(60);
    assert_eq!(desk.effects.passed_on.len(), 0, "not for 50 seconds of trouble");
    desk.pass(100);
    assert_eq!(desk.effects.passed_on.len(), 2);
    desk.offer(&alerts[2]).unwrap();
    desk.pass(200);
    let rules: Vec<_> = desk.effects.passed_on.iter().map(|alert| alert.rule().to_owned()).collect();
    assert_eq!(rules.len(), 3, "{rules:?}");
    assert!(rules.contains(&"A2".to_owned()));
    desk.answers.clear();
    desk.pass(100);
    assert_eq!((desk.channel.pending(), desk.effects.given_up), (0, 0));
}

#[test]
fn what_cannot_be_told_for_a_day_is_given_up_and_counted() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("A");
    desk.offer(&alert).unwrap();
    desk.answers = (0..10_000).map(|_| unavailable()).collect();
    desk.pass(60);
    desk.resolve(&alert).unwrap();
    desk.pass(GIVE_UP_AFTER.as_secs() + 200);
    assert_eq!((desk.effects.given_up, desk.channel.members(), desk.channel.pending()), (1, 0, 0));
}

#[test]
fn end_of_an_alert_that_may_have_arrived_is_told() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("A");
    desk.offer(&alert).unwrap();
    desk.answers = vec![too_often(60)];
    desk.pass(20);
    desk.resolve(&alert).unwrap();
    desk.pass(100);
    assert_eq!(desk.told(), [row(10, "A", Firing), row(70, "A", Resolved)]);
}

#[test]
fn alert_that_fires_again_while_its_end_is_told_is_told_again() {
    let mut desk = Desk::new(PER_ALERT);
    let alert = desk.critical("A");
    desk.offer(&alert).unwrap();
    desk.pass(20);
    desk.resolve(&alert).unwrap();
    desk.held.advance(Duration::from_secs(20));
    let Step::Tell(telling) = desk.channel.next(desk.clock.now(), desk.clock.wall(), &desk.mutes) else {
        panic!("its end is due")
    };
    desk.note(&telling.notice);
    desk.offer(&alert).unwrap();
    desk.answer();
    desk.pass(60);
    let told: Vec<_> = desk.told().into_iter().map(|(_, _, status)| status).collect();
    assert_eq!(told, [Firing, Resolved, Firing]);
}
