//! Replicas that share a check: a fleet in one thread, on one held clock, with a store that answers, fails and hangs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Bench, counted, down, eventually};
use crate::clock::ManualClock;
use crate::drain::Phase;
use crate::health::fleet::Fleet;
use crate::health::instruments::HealthInstruments;
use crate::health::runner::Share;
use crate::health::runner::run::{Abort, Bidding, RunEnd};
use crate::health::runner::share::BidResult;
use crate::health::runner::tracked::{Duty, Tracked};
use crate::health::state::Moment;
use crate::health::{CheckFailure, CheckOptions, CheckReport, CheckState, Registered, Scope, Status, check_fn};
use crate::metrics::{Meter, Registry};
use crate::store::lease::board::Board;
use crate::store::lease::{Bid, Lease, LeaseError, LeaseFamilies, Publication, Standing};

const INTERVAL: Duration = Duration::from_secs(15);
/// Of held time.
const STEP: Duration = Duration::from_millis(100);

/// What the store does to those who bid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Answers,
    Fails,
    Hangs,
}

struct Replica {
    tracked: Tracked,
    registry: Registry,
    drain: Phase,
    /// Its threads stand still.
    paused: bool,
    /// A run that is under way, and its end.
    running: Option<RunEnd>,
    /// A bid that is under way, and its end.
    bidding: Option<Option<RunEnd<BidResult>>>,
    probes: usize,
    chance: f64,
}

struct World {
    held: ManualClock,
    board: Arc<Board>,
    store: Store,
    /// What a probe finds.
    finds: Result<CheckReport, &'static str>,
    replicas: Vec<Replica>,
    lease: Option<Lease>,
    declared: u32,
}

impl World {
    fn with(replicas: u32, lease: Option<Lease>) -> Self {
        let held = ManualClock::new();
        let finds = Ok(CheckReport::healthy().with_data("quota", 42_u64));
        let board = Board::new(held.clock());
        let mut world =
            Self { held, board, store: Store::Answers, finds, replicas: Vec::new(), lease, declared: replicas };
        (0..replicas).for_each(|_| world.add());
        world
    }

    /// With a lease of the default length.
    fn leased(replicas: u32) -> Self {
        Self::with(replicas, Some(lease()))
    }

    fn add(&mut self) {
        let (now, registry) = (Moment::of(&self.held.clock()), Registry::new());
        let meter = Meter::new(&registry);
        let fleet = Fleet::new(self.declared, self.lease.clone());
        let options = CheckOptions::new().interval(INTERVAL).failure_threshold(2).scope(Scope::Shared);
        let settings = options.resolve_in(&fleet, "quota").unwrap();
        let instruments = HealthInstruments::new(&meter).unwrap().of_check("quota", &settings);
        let leases = LeaseFamilies::register(&meter).unwrap();
        let mut random = fastrand::Rng::with_seed(self.replicas.len() as u64);
        let share = fleet.lease.map(|lease| {
            let instruments = leases.of_job("check/quota");
            Share::new(lease, "check/quota", Arc::clone(&fleet.holder), instruments, now.instant, random.f64())
        });
        let check = Registered::new("quota", check_fn(|| async { Ok(CheckReport::healthy()) })).check;
        self.replicas.push(Replica {
            tracked: Tracked::new("quota", check, settings, instruments, share, now),
            registry,
            drain: Phase::Serving,
            paused: false,
            running: None,
            bidding: None,
            probes: 0,
            chance: random.f64(),
        });
    }

    /// Lets time pass; runs and answered bids take one step.
    fn pass(&mut self, time: Duration) {
        let end = self.held.clock().now() + time;
        while self.held.clock().now() < end {
            self.held.advance(STEP);
            let now = Moment::of(&self.held.clock());
            for replica in self.replicas.iter_mut().filter(|replica| !replica.paused) {
                replica.step(now, &self.board, self.store, &self.finds);
            }
        }
    }

    fn probes(&self) -> usize {
        self.replicas.iter().map(|replica| replica.probes).sum()
    }

    /// The probes of all replicas in a time.
    fn probes_within(&mut self, time: Duration) -> usize {
        let before = self.probes();
        self.pass(time);
        self.probes() - before
    }

    fn holders(&self) -> Vec<usize> {
        let holds = |replica: &Replica| replica.value("lease_held") == 1.0;
        (0..self.replicas.len()).filter(|index| holds(&self.replicas[*index])).collect()
    }

    fn holder(&self) -> usize {
        let holders = self.holders();
        assert_eq!(holders.len(), 1, "{holders:?}");
        holders[0]
    }

    fn statuses(&self) -> Vec<Status> {
        self.replicas.iter().map(|replica| replica.tracked.show().status).collect()
    }
}

impl Replica {
    fn step(&mut self, now: Moment, board: &Board, store: Store, finds: &Result<CheckReport, &'static str>) {
        if let Some(end) = self.running.take() {
            self.tracked.ended(end, now, &mut drop);
        }
        if let Some(Some(end)) = self.bidding.take_if(|end| end.is_some()) {
            self.tracked.bid_ended(end, now, &mut drop);
        }
        if self.tracked.tick(now, &mut drop) == Duty::StartRun {
            self.probes += 1;
            self.tracked.started(Abort::of_nothing(), now, self.chance);
            let found = finds.clone().map_err(|reason| CheckFailure::new(reason, reason));
            self.running = Some(RunEnd::Answered(found));
        }
        if let Some(Bidding { bid, .. }) = self.tracked.bid(self.drain, now) {
            assert!(self.bidding.is_none(), "never two at once");
            self.bidding = Some(match store {
                Store::Answers => Some(RunEnd::Answered(Ok(board.bid(&bid)))),
                Store::Fails => Some(RunEnd::Answered(Err(LeaseError::store("it is down")))),
                Store::Hangs => None,
            });
            self.tracked.bidding(Some(Abort::of_nothing()));
        }
    }

    fn shown(&self) -> CheckState {
        self.tracked.show()
    }

    fn value(&self, metric: &str) -> f64 {
        self.registry.snapshot().value(metric, &[("lease", "check/quota")]).unwrap()
    }
}

fn lease() -> Lease {
    // The tests answer bids themselves.
    Lease::new(|_: Bid| async { Ok::<_, LeaseError>(Standing::default()) })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const HOUR: Duration = Duration::from_secs(3600);
/// What one process may probe in an hour, at most a tenth early each time.
const PROBES_AN_HOUR: std::ops::RangeInclusive<usize> = 240..=267;

#[test]
fn one_replica_probes_and_the_others_show_what_it_found() {
    let mut world = World::leased(3);
    world.pass(seconds(60));
    let holder = world.holder();
    for (index, replica) in world.replicas.iter().enumerate() {
        let shown = replica.shown();
        assert_eq!((shown.status, shown.reason), (Status::Healthy, None));
        assert_eq!(shown.data, [("quota", 42_u64.into())]);
        assert!(shown.last_success.is_some() && shown.duration.is_some());
        assert_eq!(replica.probes > 0, index == holder);
        assert_eq!(replica.value("lease_acquired_total"), if index == holder { 1.0 } else { 0.0 });
    }
    world.finds = Err("rate_limited");
    world.pass(INTERVAL + seconds(30));
    for replica in &world.replicas {
        let shown = replica.shown();
        assert_eq!(
            (shown.status, shown.reason, &*shown.message),
            (Status::Unhealthy, Some("rate_limited"), "rate_limited")
        );
    }
}

#[test]
fn certificate_that_the_holder_saw_is_shown_by_all_and_by_nobody_longer() {
    let mut world = World::leased(2);
    world.pass(seconds(60));
    let mut saw = |unix_seconds| {
        let holder = world.holder();
        world.replicas[holder].tracked.saw_certificate(SystemTime::UNIX_EPOCH + seconds(unix_seconds));
        world.pass(INTERVAL + seconds(30));
        for replica in &world.replicas {
            let shown = replica.registry.snapshot();
            let shown = shown.value("tls_certificate_not_after_timestamp_seconds", &[("check", "quota")]);
            assert_eq!(shown, Some(unix_seconds as f64));
        }
        world.replicas[holder].drain = Phase::Draining;
        world.pass(seconds(60));
        assert_ne!(world.holder(), holder);
        world.replicas[holder].drain = Phase::Serving;
    };
    saw(4_000_000_000);
    // Renewed, and seen by another one: the first must not go on about the old one.
    saw(4_100_000_000);
}

#[test]
fn probe_load_is_the_same_for_one_two_and_three_replicas() {
    for replicas in 1..=3 {
        for (what, lease, store) in [
            ("a lease", Some(lease()), Store::Answers),
            ("no lease", None, Store::Answers),
            ("no store", Some(lease()), Store::Fails),
        ] {
            let mut world = World::with(replicas, lease);
            world.store = store;
            world.pass(seconds(120));
            let probes = world.probes_within(HOUR);
            assert!(PROBES_AN_HOUR.contains(&probes), "{replicas} replicas with {what}: {probes}");
            assert!(world.statuses().iter().all(|status| *status == Status::Healthy), "{:?}", world.statuses());
        }
    }
}

#[test]
fn fault_is_known_to_all_replicas_within_the_time_that_the_check_names() {
    for lease in [Some(lease()), None] {
        let mut world = World::with(3, lease);
        world.pass(seconds(300));
        world.finds = Err("down");
        let within = world.replicas[0].shown().detected_within;
        world.pass(within);
        assert_eq!(world.statuses(), [Status::Unhealthy; 3], "{within:?}");
    }
}

#[test]
fn killed_holder_is_replaced_in_time_and_its_result_stays_until_then() {
    let mut world = World::leased(3);
    world.pass(seconds(60));
    let killed = world.holder();
    drop(world.replicas.remove(killed));
    let within = lease().taken_over_within();
    let mut waited = Duration::ZERO;
    while world.holders().is_empty() {
        world.pass(STEP);
        waited += STEP;
        assert!(waited <= within, "{waited:?}");
        assert_eq!(world.statuses(), [Status::Healthy; 2]);
    }
    world.pass(INTERVAL);
    assert_eq!(world.probes(), world.replicas[world.holder()].probes, "nobody else probed");
    assert!(world.probes() > 0);
    assert_eq!(world.statuses(), [Status::Healthy; 2]);
}

#[test]
fn new_holder_goes_on_where_the_old_one_was() {
    let mut world = World::leased(2);
    world.pass(seconds(60));
    world.finds = Err("down");
    world.pass(seconds(40));
    assert_eq!(world.statuses(), [Status::Unhealthy; 2]);
    let since = world.replicas[0].shown().since;
    drop(world.replicas.remove(world.holder()));
    world.pass(seconds(60));
    let shown = world.replicas[0].shown();
    assert!(world.replicas[0].probes > 0);
    assert_eq!(shown.status, Status::Unhealthy);
    assert!(since.duration_since(shown.since).is_ok_and(|apart| apart < seconds(10)), "the outage is the same one");
    assert!(shown.consecutive_failures > 3, "{}", shown.consecutive_failures);
}

#[test]
fn paused_holder_that_wakes_overwrites_nothing_and_probes_nothing() {
    let mut world = World::leased(2);
    world.pass(seconds(60));
    let paused = world.holder();
    // In the middle of a run.
    while world.replicas[paused].running.is_none() {
        world.pass(STEP);
    }
    world.replicas[paused].paused = true;
    world.replicas[paused].running = Some(RunEnd::Answered(Err(down())));
    let probes = world.replicas[paused].probes;
    world.finds = Ok(CheckReport::degraded("behind", "a little"));
    world.pass(seconds(120));
    assert_eq!(world.replicas[1 - paused].shown().status, Status::Degraded);

    world.replicas[paused].paused = false;
    for _ in 0..600 {
        world.pass(STEP);
        assert_eq!(world.holder(), 1 - paused);
        assert_eq!(world.replicas[1 - paused].shown().reason, Some("behind"));
    }
    assert_eq!(world.replicas[paused].probes, probes);
    let shown = world.replicas[paused].shown();
    assert_eq!((shown.reason, shown.consecutive_failures), (Some("behind"), 0), "not what its own old run found");
}

#[test]
fn bid_of_an_epoch_that_is_over_publishes_nothing() {
    let held = ManualClock::new();
    let board = Board::new(held.clock());
    let ttl = seconds(15);
    let paused =
        Bid { publication: Some(Publication { epoch: 1, result: "old".to_owned() }), ..Bid::new("l", "a", ttl) };
    assert_eq!(board.bid(&Bid::new("l", "a", ttl)).epoch, Some(1));
    held.advance(ttl);
    let newer =
        Bid { publication: Some(Publication { epoch: 2, result: "new".to_owned() }), ..Bid::new("l", "b", ttl) };
    assert_eq!(board.bid(&newer).epoch, Some(2));
    board.bid(&newer);
    held.advance(ttl);
    // Even if the lease is free again, and so it gets it.
    let standing = board.bid(&paused);
    assert_eq!((standing.epoch, standing.published.unwrap().result), (Some(3), "new".to_owned()));
}

#[test]
fn store_that_is_down_makes_nothing_unhealthy_and_is_counted() {
    for outage in [Store::Fails, Store::Hangs] {
        let mut world = World::leased(3);
        world.pass(seconds(60));
        world.store = outage;
        world.pass(lease().taken_over_within());
        assert!(world.holders().is_empty());
        for _ in 0..100 {
            world.pass(seconds(3));
            assert_eq!(world.statuses(), [Status::Healthy; 3]);
        }
        for replica in &world.replicas {
            assert_eq!(replica.value("lease_fallback"), 1.0);
            assert!(replica.value("lease_errors_total") > 50.0);
            assert!(replica.probes > 0, "each probes now");
        }
        world.store = Store::Answers;
        // What hung is let go by its thread in the end.
        for replica in &mut world.replicas {
            replica.bidding = replica.bidding.take().map(|_| Some(RunEnd::Aborted));
        }
        world.pass(seconds(15));
        let holder = world.holder();
        let before: Vec<_> = world.replicas.iter().map(|replica| replica.probes).collect();
        world.pass(seconds(300));
        for (index, replica) in world.replicas.iter().enumerate() {
            assert_eq!(replica.value("lease_fallback"), 0.0);
            assert_eq!(replica.probes > before[index], index == holder);
        }
    }
}

#[test]
fn replica_that_drains_or_is_stuck_leaves_the_lease_to_another() {
    let mut world = World::leased(2);
    world.pass(seconds(60));
    let leaving = world.holder();
    world.replicas[leaving].drain = Phase::Draining;
    world.pass(seconds(11));
    assert_eq!(world.holder(), 1 - leaving);
    world.replicas[leaving].drain = Phase::Serving;

    let stuck = world.holder();
    while world.replicas[stuck].running.take().is_none() {
        world.pass(STEP);
    }
    world.pass(seconds(20));
    assert_eq!(world.holder(), 1 - stuck);
    world.pass(seconds(60));
    assert_eq!(world.statuses(), [Status::Healthy; 2], "what blocks one replica is no news of the dependency");
}

#[test]
fn holder_that_publishes_nothing_readable_is_as_good_as_none() {
    let mut world = World::leased(1);
    let stranger = Bid { ttl: HOUR, ..Bid::new(lease().name_of("check/quota"), "stranger", HOUR) };
    world.board.bid(&stranger);
    let nonsense = Publication { epoch: 1, result: "nonsense".to_owned() };
    world.board.bid(&Bid { publication: Some(nonsense), ..stranger });
    world.pass(seconds(120));
    assert_eq!(world.statuses(), [Status::Healthy]);
    assert!(world.holders().is_empty());
    assert!(world.replicas[0].value("lease_errors_total") > 0.0);
}

#[test]
fn refresh_asks_the_holder_and_ends_for_a_follower() {
    let held = ManualClock::new();
    let board = Board::new(held.clock());
    let lease = || board.lease();
    let (check, runs) = counted(|_| Ok(CheckReport::healthy()));
    let shared = || CheckOptions::new().scope(Scope::Shared);
    let holder = Bench::in_fleet(&held, Fleet::new(2, Some(lease())), vec![Registered::with("quota", check, shared())]);
    holder.until_status("quota", Status::Healthy, None);
    let (check, others) = counted(|_| Err(down()));
    let follower =
        Bench::in_fleet(&held, Fleet::new(2, Some(lease())), vec![Registered::with("quota", check, shared())]);
    // Published after the run, and looked for now and then.
    eventually("the follower follows", || {
        held.advance(STEP);
        follower.health.report().check("quota").is_some_and(|check| check.status == Status::Healthy)
    });
    let before = runs.load(std::sync::atomic::Ordering::SeqCst);
    let report = follower.runtime.block_on(follower.health.refresh());
    assert_eq!(report.check("quota").unwrap().status, Status::Healthy);
    assert_eq!(others.load(std::sync::atomic::Ordering::SeqCst), 0, "a follower does not probe");
    holder.runtime.block_on(holder.health.refresh());
    assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), before + 1);
}
