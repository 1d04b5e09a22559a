use proptest::prelude::*;

use super::*;
use crate::business::token::Token;
use crate::clock::ManualClock;
use crate::metrics::{Meter, Registry};

const HOUR: Duration = Duration::from_secs(3_600);

struct Bench {
    registry: Registry,
    held: ManualClock,
    ledger: GraceLedger<u8>,
}

fn bench(open: impl IntoIterator<Item = (u8, OpenPeriod)>) -> Bench {
    let (registry, held) = (Registry::new(), ManualClock::new());
    let token = Token::new(&Meter::new(&registry), held.clock()).unwrap();
    let ledger = token.grace_periods("pro").ledger(GraceSeed::new(held.clock().wall(), open)).unwrap();
    held.advance(HOUR);
    Bench { registry, held, ledger }
}

impl Bench {
    /// From now on.
    fn span(&self, hours: u32) -> GraceSpan {
        let from = self.held.clock().wall();
        GraceSpan { from, until: from + HOUR * hours }
    }

    fn start(&self, key: u8, hours: u32) {
        assert_eq!(self.ledger.start(key, GraceCause::PriceMoved, self.span(hours)), Ok(Entry::New));
    }

    /// Active, expiring, paused, overdue.
    fn states(&self) -> [Option<f64>; 4] {
        let value = |state| self.registry.snapshot().value(&format!("token_grace_periods_{state}"), &[("tier", "pro")]);
        ["active", "expiring", "paused", "overdue"].map(value)
    }

    fn count(&self, name: &str) -> f64 {
        self.registry.snapshot().sum(&format!("token_grace_periods_{name}_total"), &[]).unwrap()
    }

    fn used(&self) -> f64 {
        self.registry.snapshot().histogram("token_grace_period_utilization_ratio", &[]).unwrap().sum
    }
}

#[test]
fn period_runs_out_by_the_clock_alone() {
    let bench = bench([]);
    assert_eq!(bench.states(), [Some(0.0); 4], "the store has none, and that is known");
    bench.start(1, 30);
    assert_eq!(bench.states(), [1.0, 0.0, 0.0, 0.0].map(Some));
    bench.held.advance(HOUR * 6);
    assert_eq!(bench.states(), [1.0, 1.0, 0.0, 0.0].map(Some));
    assert_eq!(bench.ledger.end(&1, GraceResult::Expired), Err(GraceError::NotOver { left: HOUR * 24 }));
    assert_eq!(bench.ledger.overdue(), [0_u8; 0]);
    bench.held.advance(HOUR * 24);
    assert_eq!(bench.states(), [1.0, 0.0, 0.0, 1.0].map(Some));
    assert_eq!(bench.ledger.overdue(), [1]);
    bench.held.advance(HOUR);
    assert_eq!(bench.ledger.end(&1, GraceResult::Expired), Ok(Entry::New));
    assert_eq!(bench.states(), [Some(0.0); 4]);
    assert_eq!(bench.used(), 1.0, "late, and yet not more than all of it");
}

#[test]
fn unverified_balance_stops_a_period_and_expires_none() {
    let bench = bench([]);
    bench.start(1, 10);
    bench.held.advance(HOUR * 4);
    assert_eq!(bench.ledger.pause(&1), Ok(Entry::New));
    assert_eq!(bench.ledger.pause(&1), Ok(Entry::Known));
    bench.held.advance(HOUR * 100);
    assert_eq!(bench.states(), [1.0, 0.0, 1.0, 0.0].map(Some));
    assert_eq!(bench.ledger.end(&1, GraceResult::Expired), Err(GraceError::Paused));
    assert_eq!(bench.count("ended"), 0.0);
    assert_eq!(bench.ledger.resume(&1), Ok(Entry::New));
    assert_eq!(bench.ledger.resume(&1), Ok(Entry::Known));
    bench.held.advance(HOUR);
    assert_eq!(bench.states(), [1.0, 1.0, 0.0, 0.0].map(Some));
    assert_eq!(bench.ledger.end(&1, GraceResult::Recovered), Ok(Entry::New));
    assert_eq!(bench.used(), 0.5, "five of its ten hours, whatever stood still between them");
}

#[test]
fn seed_is_open_and_not_started_and_settles_what_was_before() {
    let before = ManualClock::new().clock().wall();
    let span = GraceSpan { from: before - HOUR, until: before + HOUR * 9 };
    let bench = bench([(1, OpenPeriod::new(span))]);
    assert_eq!(bench.states(), [1.0, 1.0, 0.0, 0.0].map(Some));
    for key in [1, 2] {
        let entry = bench.ledger.start(key, GraceCause::PriceMoved, span).unwrap();
        assert_eq!(entry, if key == 1 { Entry::Known } else { Entry::Settled });
    }
    assert_eq!((bench.count("started"), bench.count("ended")), (0.0, 0.0));
    assert_eq!(bench.ledger.end(&1, GraceResult::Overridden), Ok(Entry::New));
    assert_eq!(bench.used(), 0.2);
    assert_eq!(bench.ledger.end(&1, GraceResult::Overridden), Ok(Entry::Known));
    assert_eq!(bench.ledger.start(1, GraceCause::PriceMoved, span), Ok(Entry::Known));
    assert_eq!((bench.count("started"), bench.count("ended")), (0.0, 1.0));
}

#[test]
fn what_cannot_be_is_an_error_and_counts_nothing() {
    let bench = bench([]);
    assert_eq!(bench.ledger.start(1, GraceCause::PriceMoved, bench.span(0)), Err(GraceError::EmptySpan));
    assert_eq!(bench.ledger.end(&1, GraceResult::Revoked), Err(GraceError::NotOpen));
    assert_eq!(bench.ledger.pause(&1), Err(GraceError::NotOpen));
    assert_eq!(bench.ledger.resume(&1), Err(GraceError::NotOpen));
    assert_eq!(bench.states(), [Some(0.0); 4]);
    let token = Token::new(&Meter::new(&Registry::new()), bench.held.clock()).unwrap();
    let open = (0..=MOST_OPEN_PERIODS).map(|key| (key, OpenPeriod::new(bench.span(1))));
    let refused = token.grace_periods("pro").ledger(GraceSeed::new(bench.held.clock().wall(), open)).unwrap_err();
    assert_eq!(refused, GraceError::Full);
}

#[test]
fn ledger_that_is_gone_is_absent_and_its_keys_are_never_shown() {
    let bench = bench([]);
    bench.start(77, 5);
    assert_eq!(format!("{:?}", bench.ledger), "GraceLedger { open: 1, .. }");
    assert!(!bench.registry.render().contains("77"));
    let Bench { registry, ledger, .. } = bench;
    let clone = ledger.clone();
    drop(ledger);
    registry.snapshot().assert_value("token_grace_periods_active", &[("tier", "pro")], 1);
    drop(clone);
    registry.snapshot().assert_absent("token_grace_periods_active", &[]);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Start(u8, GraceSpan),
    Pause(u8),
    Resume(u8),
    End(u8, GraceResult),
}

impl Bench {
    fn hear(&self, event: Event) -> Result<Entry, GraceError> {
        match event {
            Event::Start(key, span) => self.ledger.start(key, GraceCause::BalanceDropped, span),
            Event::Pause(key) => self.ledger.pause(&key),
            Event::Resume(key) => self.ledger.resume(&key),
            Event::End(key, result) => self.ledger.end(&key, result),
        }
    }
}

proptest! {
    #[test]
    fn ledger_balances_and_a_replay_changes_nothing(
        steps in prop::collection::vec((0_usize..7, 0_u8..5, 1_u32..40), 0..60),
        seeded in prop::collection::btree_set(0_u8..5, 0..3),
    ) {
        let before = ManualClock::new().clock().wall();
        let open = GraceSpan { from: before - HOUR, until: before + HOUR * 30 };
        let bench = bench(seeded.iter().map(|key| (*key, OpenPeriod::new(open))));
        let mut heard = Vec::new();
        // Counted by hand, from what was New.
        let (mut started, mut ended) = (0, 0);
        for (kind, key, hours) in steps {
            let event = match kind {
                0 | 1 => Event::Start(key, bench.span(hours)),
                2 => Event::Pause(key),
                3 => Event::Resume(key),
                4 => Event::End(key, GraceResult::ALL[hours as usize % GraceResult::ALL.len()]),
                5 => Event::End(key, GraceResult::Expired),
                _ => {
                    bench.held.advance(HOUR * hours);
                    continue;
                }
            };
            if let Ok(entry) = bench.hear(event) {
                heard.push(event);
                match event {
                    Event::Start(..) if entry == Entry::New => started += 1,
                    Event::End(..) if entry == Entry::New => ended += 1,
                    _ => {}
                }
            }
            let active = bench.states()[0].unwrap();
            prop_assert_eq!((bench.count("started"), bench.count("ended")), (f64::from(started), f64::from(ended)));
            prop_assert_eq!(seeded.len() as f64 + bench.count("started"), bench.count("ended") + active);
            prop_assert!(bench.states()[1..].iter().all(|state| state.unwrap() <= active));
        }
        let page = bench.registry.render();
        for event in heard {
            let _ = bench.hear(event);
        }
        prop_assert_eq!(bench.registry.render(), page);
    }
}
