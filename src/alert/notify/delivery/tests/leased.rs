//! Replicas of which one speaks, on one held clock and a store in memory.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::notifier::Notifier;
use super::super::route::Route;
use super::super::{Delivery, DeliveryError, Replicas};
use super::*;
use crate::metrics::{Meter, Registry};
use crate::store::lease::board::Board;
use crate::store::lease::{Bid, Lease, LeaseError};

/// What people hear.
#[derive(Clone, Default)]
struct People(Arc<Mutex<Vec<AlertStatus>>>);

/// The way to them.
struct Voice(People);

impl Notifier for Voice {
    async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
        self.0.heard().push(notice.status());
        Ok(Receipt::new("message 1"))
    }
}

impl People {
    fn heard(&self) -> std::sync::MutexGuard<'_, Vec<AlertStatus>> {
        self.0.lock().unwrap()
    }
}

struct Fleet {
    held: ManualClock,
    board: Arc<Board>,
    people: People,
    alert: Alert,
}

/// A replica, and whether it reaches the store.
struct Replica {
    delivery: Delivery,
    registry: Registry,
    reaches: Arc<AtomicBool>,
}

impl Fleet {
    fn new() -> Self {
        let held = ManualClock::new();
        let since = held.clock().wall();
        let alert = Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Critical, since);
        Self { board: Board::new(held.clock()), people: People::default(), alert, held }
    }

    fn replica(&self) -> Replica {
        let (board, reaches, registry) = (Arc::clone(&self.board), Arc::new(AtomicBool::new(true)), Registry::new());
        let can = Arc::clone(&reaches);
        let lease = Lease::new(move |bid: Bid| {
            // Ordering: one flag of a test, set before the clock moves.
            let answer =
                if can.load(Ordering::SeqCst) { Ok(board.bid(&bid)) } else { Err(LeaseError::store("it is down")) };
            std::future::ready(answer)
        });
        let delivery = Delivery::builder(Replicas::Leased(lease.namespace("risk.prod")))
            .destination("people", Voice(self.people.clone()))
            .route(Route::to(["people"]))
            .clock(self.held.clock())
            .confirm_within(Duration::from_secs(20))
            .build(&Meter::new(&registry))
            .unwrap();
        Replica { delivery, registry, reaches }
    }

    /// Lets time pass until this holds.
    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..4_000 {
            if holds() {
                return;
            }
            // Slowly enough that the threads keep up: a lease lasts sixty of these steps.
            self.held.advance(Duration::from_millis(250));
            std::thread::sleep(Duration::from_millis(3));
        }
        panic!("{what}: {:?}", self.people.heard());
    }
}

impl Replica {
    fn speaks(&self) -> bool {
        self.registry.snapshot().value("lease_held", &[("lease", "alerts")]) == Some(1.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_speaks_and_the_next_goes_on_where_it_was() {
    let fleet = Fleet::new();
    let one = fleet.replica();
    fleet.until("the first speaks", || one.speaks());
    let two = fleet.replica();
    for replica in [&one, &two] {
        replica.delivery.offer(fleet.alert.clone());
    }
    fleet.until("people hear", || *fleet.people.heard() == [Firing]);
    assert_eq!(two.delivery.pending(), 0);
    // The first cannot reach the store any more: it falls silent before the other speaks.
    one.reaches.store(false, Ordering::SeqCst);
    fleet.until("the second speaks", || two.speaks() && !one.speaks());
    let over = fleet.alert.clone().resolved(fleet.held.clock().wall());
    for replica in [&one, &two] {
        replica.delivery.offer(over.clone());
    }
    fleet.until("people hear of its end", || fleet.people.heard().len() == 2);
    assert_eq!(*fleet.people.heard(), [Firing, Resolved], "once each, nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_of_a_replica_that_is_gone_is_resolved_by_another_that_never_saw_it() {
    let fleet = Fleet::new();
    let one = fleet.replica();
    fleet.until("the first speaks", || one.speaks());
    one.delivery.offer(fleet.alert.clone());
    fleet.until("people hear", || *fleet.people.heard() == [Firing]);
    // It drains: the lease is free at once.
    drop(one.delivery);
    let two = fleet.replica();
    // Which is the cause of the same alert as a warning.
    let since = fleet.held.clock().wall();
    let warning = Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Warning, since).label("book", "b");
    fleet.until("what others said mutes", || two.delivery.held_back(&warning).is_some());
    fleet.until("people hear of its end", || fleet.people.heard().len() == 2);
    assert_eq!(*fleet.people.heard(), [Firing, Resolved]);
    assert_eq!(two.delivery.held_back(&warning), None);
    assert!(two.speaks());
}

#[tokio::test]
async fn lease_without_a_name_is_refused() {
    let lease = Lease::new(|_: Bid| std::future::ready(Err(LeaseError::store("never asked"))));
    let builder = Delivery::builder(Replicas::Leased(lease)).destination("people", Voice(People::default()));
    let refused = builder.route(Route::to(["people"])).build(&Meter::new(&Registry::new())).unwrap_err();
    assert!(matches!(&refused, DeliveryError::Invalid(invalid) if invalid.what() == "lease namespace"), "{refused:?}");
}
