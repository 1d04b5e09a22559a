//! However often alerts change and whatever the destination does: bounded, and the newest state in the end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Fires(usize),
    Ends(usize),
    Passes(u64),
    Fails(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (0_usize..8).prop_map(Event::Fires),
        4 => (0_usize..8).prop_map(Event::Ends),
        2 => (0_u64..40).prop_map(Event::Passes),
        1 => (1_usize..5).prop_map(Event::Fails),
    ];
    proptest::collection::vec(event, 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn destination_knows_the_newest_state_of_each_alert_in_the_end(
        events in events(),
        grouping in prop_oneof![Just(Grouping::PerAlert), Just(Grouping::PerRule), Just(Grouping::Everything)],
    ) {
        const CAPACITY: usize = 6;
        let mut desk = Desk::with_capacity(Profile::new(grouping), CAPACITY);
        let mut newest = BTreeMap::new();
        let (mut full, mut recovered, mut changes) = (0, 0, 0);
        for event in events {
            let (index, is_over) = match event {
                Event::Fires(index) => (index, false),
                Event::Ends(index) => (index, true),
                Event::Passes(seconds) => {
                    desk.pass(seconds);
                    continue;
                }
                Event::Fails(times) => {
                    desk.answers.extend((0..times).map(|_| Err(NotifyError::unavailable("as the test wants"))));
                    continue;
                }
            };
            let rule = format!("R{index}");
            let alert = desk.critical(&rule);
            let alert = if is_over { alert.resolved(desk.clock.wall()) } else { alert };
            changes += 1;
            match desk.offer(&alert) {
                Ok(()) => drop(newest.insert(rule, alert.status())),
                Err(Lost::Recovered) => {
                    recovered += 1;
                    newest.insert(rule, Resolved);
                }
                Err(_) => full += 1,
            }
            prop_assert!(desk.channel.members() <= CAPACITY);
        }
        desk.answers.clear();
        desk.pass(300);
        prop_assert_eq!(desk.channel.pending(), 0);
        let mut known = BTreeMap::new();
        for (_, states) in &desk.told {
            known.extend(states.iter().cloned());
        }
        // Who was never told of an alert believes that nothing is wrong.
        let open = |states: &BTreeMap<String, AlertStatus>| -> Vec<String> {
            states.iter().filter(|(_, status)| **status == Firing).map(|(rule, _)| rule.clone()).collect()
        };
        prop_assert_eq!(open(&known), open(&newest));
        prop_assert_eq!(desk.channel.members(), open(&newest).len());
        prop_assert!(full + recovered <= changes);
    }
}

#[test]
fn quarter_of_the_places_is_for_what_is_critical() {
    let mut desk = Desk::with_capacity(PER_ALERT, 8);
    let offered = |desk: &mut Desk, severity| {
        (0..20)
            .filter(|index| {
                let alert = desk.alert(&format!("{severity:?}{index}"), severity);
                desk.offer(&alert).is_ok()
            })
            .count()
    };
    assert_eq!(offered(&mut desk, Severity::Info), 6);
    assert_eq!(offered(&mut desk, Severity::Critical), 2);
    assert_eq!(desk.channel.members(), 8);
}

#[test]
fn ten_thousand_alerts_that_change_are_told_once_each_in_their_newest_state() {
    const ALERTS: usize = 10_000;
    let mut desk = Desk::with_capacity(PER_ALERT, 16_384);
    let alerts: Vec<_> = (0..ALERTS).map(|index| desk.alert(&format!("R{index}"), Severity::Info)).collect();
    let mut recovered = 0;
    for round in 0..2 {
        for alert in &alerts {
            let offered = if round % 2 == 0 { desk.offer(alert) } else { desk.resolve(alert) };
            recovered += usize::from(offered == Err(Lost::Recovered));
        }
        assert!(desk.channel.members() <= ALERTS);
    }
    assert_eq!((recovered, desk.channel.members()), (ALERTS, 0), "each fall is counted");
    alerts.iter().for_each(|alert| desk.offer(alert).unwrap());
    desk.pass(60);
    let told = desk.told();
    assert_eq!(told.len(), ALERTS);
    assert!(told.iter().all(|(_, _, status)| *status == Firing));
}
