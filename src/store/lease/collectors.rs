//! Collectors that replicas share by leases: whoever is scraped bids, and the holder measures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::{Bid, Lease, LeaseError, LeaseFamilies, LeaseInstruments, Publication, Standing, Wish};
use crate::clock::Clock;
use crate::drain::{Drain, Phase};
use crate::metrics::{Part, Sharing, Timing, Turn};

/// How the collectors of one process take part.
pub(crate) struct LeasedCollectors {
    pub(crate) lease: Lease,
    /// Under which name this process bids.
    pub(crate) holder: Arc<str>,
    pub(crate) families: LeaseFamilies,
    pub(crate) runtime: Handle,
    pub(crate) clock: Clock,
    pub(crate) drain: Drain,
}

impl Sharing for LeasedCollectors {
    fn part_in(&self, collector: &str, timing: Timing) -> Box<dyn Part> {
        let job = format!("collector/{collector}");
        // Long enough for a holder that runs when it is scraped, and over before what it gave is too old to be shown.
        let ttl = self.lease.granted_for().max(timing.fresh_for / 2);
        Box::new(LeasedPart {
            name: self.lease.name_of(&job),
            lease: self.lease.clone(),
            ttl,
            holder: Arc::clone(&self.holder),
            instruments: self.families.of_job(&job),
            runtime: self.runtime.clone(),
            clock: self.clock.clone(),
            drain: self.drain.clone(),
            timing,
            epoch: None,
            known_at: None,
        })
    }
}

struct LeasedPart {
    lease: Lease,
    name: String,
    ttl: Duration,
    holder: Arc<str>,
    instruments: LeaseInstruments,
    runtime: Handle,
    clock: Clock,
    drain: Drain,
    timing: Timing,
    /// If this process holds the lease, as far as it knows.
    epoch: Option<u64>,
    /// When what is known was measured, here or elsewhere.
    known_at: Option<Instant>,
}

impl Part for LeasedPart {
    fn turn(&mut self) -> Turn {
        let wish = if self.drain.phase() == Phase::Serving { Wish::Hold } else { Wish::Yield };
        let now = self.clock.now();
        match self.bid(wish, None) {
            Ok(standing) => self.turn_after(standing, now),
            Err(_counted) => self.turn_without_store(now),
        }
    }

    fn publish(&mut self, measured: Option<String>) {
        self.known_at = Some(self.clock.now());
        if let Some((epoch, result)) = self.epoch.zip(measured) {
            // What fails is counted, and what cannot be published is not followed.
            let _counted = self.bid(Wish::Hold, Some(Publication { epoch, result }));
        }
    }
}

impl LeasedPart {
    fn turn_after(&mut self, standing: Standing, now: Instant) -> Turn {
        let is_new = self.epoch != standing.epoch;
        self.epoch = standing.epoch;
        match standing.epoch {
            Some(_) => self.instruments.is_held(),
            None => self.instruments.is_neither(),
        }
        if standing.epoch.is_some() && is_new {
            self.instruments.acquired();
        }
        let published = standing.published.filter(|published| published.age < self.timing.fresh_for);
        match published {
            // Also if the lease has just come from another, whose measurement was due in this interval.
            Some(published) if standing.epoch.is_none() || is_new && published.age < self.timing.interval => {
                self.known_at = now.checked_sub(published.age);
                Turn::Show { measured: published.result, age: published.age }
            }
            _ if standing.epoch.is_some() => Turn::Measure,
            _ => Turn::Keep,
        }
    }

    /// Each measures for itself, as seldom as all of them can bear.
    fn turn_without_store(&mut self, now: Instant) -> Turn {
        self.epoch = None;
        self.instruments.is_fallback();
        let is_due = |at: Instant| now.saturating_duration_since(at) >= self.timing.stretched;
        if self.known_at.is_none_or(is_due) { Turn::Measure } else { Turn::Keep }
    }

    fn bid(&self, wish: Wish, publication: Option<Publication>) -> Result<Standing, LeaseError> {
        let bid = Bid { wish, publication, ..Bid::new(&*self.name, &*self.holder, self.ttl) };
        let asked = async { tokio::time::timeout(self.lease.bid_limit(), self.lease.bid(bid)).await };
        let answer = self.runtime.block_on(asked).unwrap_or_else(|elapsed| Err(LeaseError::store(elapsed)));
        if let Err(error) = &answer {
            self.instruments.failed();
            tracing::debug!(lease = &*self.name, error = %error, "a bid for a lease failed");
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::clock::ManualClock;
    use crate::metrics::{Meter, Registry};
    use crate::store::lease::Published;
    use crate::store::lease::board::Board;

    const TIMING: Timing = Timing {
        interval: Duration::from_secs(30),
        stretched: Duration::from_secs(90),
        fresh_for: Duration::from_secs(180),
    };

    struct Replica {
        part: Box<dyn Part>,
        registry: Registry,
        drain: Drain,
    }

    fn replica(held: &ManualClock, lease: Lease, holder: &str, runtime: &tokio::runtime::Runtime) -> Replica {
        let (registry, drain) = (Registry::new(), Drain::new());
        let sharing = LeasedCollectors {
            lease,
            holder: holder.into(),
            families: LeaseFamilies::register(&Meter::new(&registry)).unwrap(),
            runtime: runtime.handle().clone(),
            clock: held.clock(),
            drain: drain.clone(),
        };
        Replica { part: sharing.part_in("facts", TIMING), registry, drain }
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn turns_follow_from_what_the_store_says() {
        let (held, runtime) = (ManualClock::new(), runtime());
        let said: Arc<Mutex<Option<Standing>>> = Arc::default();
        let says = Arc::clone(&said);
        let lease = Lease::new(move |_: Bid| {
            let standing = says.lock().unwrap().clone();
            std::future::ready(standing.ok_or_else(|| LeaseError::store("it is down")))
        });
        let mut replica = replica(&held, lease, "a", &runtime);
        let published = |age| Some(Published { result: "r".to_owned(), age: seconds(age) });
        let show = |age| Turn::Show { measured: "r".to_owned(), age: seconds(age) };
        for (what, standing, expected) in [
            ("nothing is known", Some((None, None)), Turn::Keep),
            ("another measured", Some((None, published(5))), show(5)),
            ("what it measured is too old", Some((None, published(180))), Turn::Keep),
            ("ours, and another measured just now", Some((Some(2), published(5))), show(5)),
            ("still ours", Some((Some(2), published(5))), Turn::Measure),
            ("ours anew, and it is time", Some((Some(4), published(30))), Turn::Measure),
            ("another's again", Some((None, published(0))), show(0)),
            ("the store is down, and what is known is new", None, Turn::Keep),
        ] {
            *said.lock().unwrap() = standing.map(|(epoch, published)| Standing { epoch, published });
            assert_eq!(replica.part.turn(), expected, "{what}");
        }
        held.advance(TIMING.stretched);
        assert_eq!(replica.part.turn(), Turn::Measure);
        replica.part.publish(Some("m".to_owned()));
        assert_eq!(replica.part.turn(), Turn::Keep, "not before the others had their turns");
        let value = |metric| replica.registry.snapshot().value(metric, &[("lease", "collector/facts")]).unwrap();
        assert_eq!(
            (value("lease_errors_total"), value("lease_fallback"), value("lease_acquired_total")),
            (3.0, 1.0, 2.0)
        );
    }

    #[test]
    fn load_is_the_same_for_any_number_of_replicas_and_a_dead_holder_is_replaced() {
        let runtime = runtime();
        for count in 1..=3 {
            let held = ManualClock::new();
            let board = Board::new(held.clock());
            let mut replicas: Vec<_> =
                (0..count).map(|index| replica(&held, board.lease(), &format!("r{index}"), &runtime)).collect();
            // Each is scraped every 15 s, and runs when it is due.
            let measure_for = |replicas: &mut Vec<Replica>, minutes: u64| {
                let mut measured = 0;
                for _ in 0..2 * minutes {
                    held.advance(TIMING.interval);
                    for replica in replicas.iter_mut() {
                        match replica.part.turn() {
                            Turn::Measure => {
                                measured += 1;
                                replica.part.publish(Some("facts".to_owned()));
                            }
                            Turn::Show { measured, age } => {
                                assert_eq!(measured, "facts");
                                assert!(age <= TIMING.interval, "{age:?}");
                            }
                            Turn::Keep => panic!("somebody measured"),
                        }
                    }
                }
                measured
            };
            assert_eq!(measure_for(&mut replicas, 60), 120, "{count} replicas");
            let holds = |replica: &Replica| {
                replica.registry.snapshot().value("lease_held", &[("lease", "collector/facts")]) == Some(1.0)
            };
            let holder = replicas.iter().position(holds).unwrap();
            replicas[holder].drain.enter(Phase::Draining);
            if count > 1 {
                assert_eq!(measure_for(&mut replicas, 60), 120, "{count} replicas, one of which drains");
                drop(replicas.remove(replicas.iter().position(holds).unwrap()));
            }
            if count > 2 {
                replicas.retain(|replica| replica.drain.phase() == Phase::Serving);
                held.advance(TIMING.fresh_for / 2);
                assert_eq!(measure_for(&mut replicas, 60), 120, "the last of {count} replicas");
            }
        }
    }
}
