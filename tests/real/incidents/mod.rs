//! From a fault to the people, with the real things: the example as a service of two replicas and one of another, a real
//! PostgreSQL, a real Prometheus and a real Alertmanager with what this crate writes for them; and the same service that
//! evaluates its rules and tells people itself. One script for both. Whom they tell are stand-ins that hold the documented
//! limits and misbehave.
//!
//! ```text
//!                  .-> scraped by Prometheus -> Alertmanager -> PagerDuty, Slack
//! faults -> world -|                                                   = exactly the same, once each
//!                  '-> evaluated in the process -------------> PagerDuty, Slack
//! ```

mod by_prometheus;
mod heartbeat;
mod in_process;
mod incident;
mod script;
mod world;

use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;

use self::by_prometheus::ByPrometheus;
use self::in_process::InProcess;
use self::incident::{Incident, Outcome, Times, Told, difference};
use self::script::{
    DATABASE_KILLED, ERRORS, FIRST_REQUESTS_FAIL, Fault, IBKR_LOGGED_OUT, SERVICE_GONE, SLOW_ANSWERS, SOLANA_STALLED,
};
use self::world::World;
use crate::support::poll::{eventually, poll};

/// A way from a fault to the people.
trait Way {
    fn name(&self) -> &'static str;
    /// Whether everything that it needs is there.
    fn is_ready(&self) -> Result<(), String>;
    /// Has those who tell people misbehave from now on, for some requests.
    fn misbehave(&self);
    /// Who was told of what, so far.
    fn outcome(&self) -> Outcome;
    /// Whether the alert of the rule fires in production and is kept from people.
    fn is_held_back(&self, rule: &str) -> Result<(), String>;
    /// Rules that fire, each with the dependency that it is of.
    fn firing(&self) -> Vec<(String, String)>;
    /// The rules that it cannot evaluate, as it says itself.
    fn refused(&self) -> Vec<String>;
    /// Signs of life so far.
    fn beats(&self) -> usize;
    /// What those who tell people have refused as nonsense.
    fn invalid(&self) -> Vec<String>;
    /// For the message of a failed test.
    fn log(&self) -> String;
}

/// The environment that an alert of Alertmanager's is of.
fn of(alert: &Value) -> Option<&str> {
    alert["labels"]["environment"].as_str()
}

/// The slowest that is waited for: a replica that died with the database counts as it last was for two minutes, and the next look of
/// Alertmanager at a group is up to a minute away.
const PATIENCE: Duration = Duration::from_secs(200);

/// Longer than a critical alert waits for others of its group, so that it would have been told by then.
const HELD_BACK: Duration = Duration::from_secs(15);

/// A run of the script.
struct Run<'a> {
    world: World,
    ways: [Expecting<'a>; 2],
}

/// Which of the ways, in their order.
#[derive(Clone, Copy)]
enum Which {
    ByPrometheus,
    InProcess,
}

/// A way, and what people are to be told by it so far: what the script brings, but for the rules that it refuses.
struct Expecting<'a> {
    way: &'a dyn Way,
    refused: Vec<String>,
    expected: Outcome,
}

impl Expecting<'_> {
    /// Whether people were told of the incidents of a fault.
    fn knows_of(&self, fault: &Fault) -> Result<(), String> {
        let outcome = self.way.outcome();
        let missing = self.told_of(fault).find(|told| !outcome.contains_key(told));
        missing.map_or(Ok(()), |told| Err(format!("nobody was told of {told:?}")))
    }

    fn told_of(&self, fault: &Fault) -> impl Iterator<Item = Told> {
        let can_be_told = |incident: &&Incident| !self.refused.iter().any(|rule| rule == incident.rule);
        fault.brings.iter().filter(can_be_told).flat_map(Incident::told)
    }
}

/// Whether people were told exactly what the script has brought so far.
fn is_met(Expecting { way, expected, .. }: &Expecting<'_>) -> Result<(), String> {
    match way.outcome() {
        found if found == *expected => Ok(()),
        found => Err(format!("people were not told what they should be:{}", difference(expected, &found))),
    }
}

impl Run<'_> {
    fn provoke(&mut self, fault: &Fault) {
        (fault.provoke)(&mut self.world);
        self.expect(fault, |times| times.began += 1);
    }

    fn heal(&mut self, fault: &Fault) {
        (fault.heal)(&mut self.world);
        self.expect(fault, |times| times.ended += 1);
    }

    fn expect(&mut self, fault: &Fault, once_more: fn(&mut Times)) {
        for expecting in &mut self.ways {
            let told: Vec<_> = expecting.told_of(fault).collect();
            told.into_iter().for_each(|told| once_more(expecting.expected.entry(told).or_default()));
        }
    }

    fn misbehave(&self) {
        self.ways.iter().for_each(|expecting| expecting.way.misbehave());
    }

    /// Waits for it on each way.
    #[track_caller]
    fn wait(&mut self, probe: impl Fn(&Expecting<'_>) -> Result<(), String>) {
        for which in [Which::ByPrometheus, Which::InProcess] {
            self.wait_for(which, &probe);
        }
    }

    /// Waits for it, and does meanwhile what is to be done all the time.
    #[track_caller]
    fn wait_for(&mut self, which: Which, probe: impl Fn(&Expecting<'_>) -> Result<(), String>) {
        let expecting = &self.ways[which as usize];
        let outcome = poll(PATIENCE, || {
            self.world.tend();
            probe(expecting)
        });
        if let Err(why) = outcome {
            panic!("by {}: {why}\nIt tells:\n{}", expecting.way.name(), expecting.way.log());
        }
    }

    /// Goes on for a while.
    fn live_on(&mut self, time: Duration) {
        let _elapsed = poll(time, || {
            self.world.tend();
            Err::<(), _>(())
        });
    }
}

#[test]
#[ignore = "needs PostgreSQL, Prometheus, Alertmanager and the example built; run by tests/run"]
fn each_fault_is_told_once_and_that_it_is_over_once_by_prometheus_and_by_the_process_alike() {
    let runtime = Runtime::new().expect("threads");
    let directory = tempfile::tempdir().expect("there is room");
    let mut in_process = runtime.block_on(InProcess::start());
    let mut world = World::start(&in_process.variables(directory.path()));
    in_process.look_at([world.one.admin(), world.newcomer.admin()]);
    let by_prometheus = runtime.block_on(ByPrometheus::start(&world));
    // What is asked for the first time before it is scraped is not seen to rise.
    world.serve_well(10);
    for way in [&by_prometheus as &dyn Way, &in_process] {
        eventually(PATIENCE, || way.is_ready());
    }
    world.serve_well(140);
    let ways = [&by_prometheus as &dyn Way, &in_process];
    let ways = ways.map(|way| Expecting { way, refused: way.refused(), expected: Outcome::new() });
    let mut run = Run { world, ways };
    run.live_on(Duration::from_secs(2));
    run.wait(is_met);

    run.misbehave();
    for fault in [&SLOW_ANSWERS, &ERRORS, &IBKR_LOGGED_OUT, &SOLANA_STALLED, &FIRST_REQUESTS_FAIL] {
        run.provoke(fault);
    }
    run.wait(is_met);

    for fault in [&SLOW_ANSWERS, &ERRORS, &FIRST_REQUESTS_FAIL] {
        run.heal(fault);
    }
    // What is open when a process is killed goes on, and that is not told again.
    run.wait_for(Which::InProcess, is_met);
    run.world.kill_one_and_start_it_again();
    run.wait_for(Which::InProcess, |expecting| {
        let firing = expecting.way.firing();
        let down = |dependency: &str| firing.contains(&("DependencyDown".to_owned(), dependency.to_owned()));
        if down("ibkr") && down("solana") { Ok(()) } else { Err(format!("{firing:?}")) }
    });
    run.heal(&IBKR_LOGGED_OUT);
    run.heal(&SOLANA_STALLED);

    run.misbehave();
    run.provoke(&SERVICE_GONE);
    run.provoke(&DATABASE_KILLED);
    run.world.kill_two_over_and_over();
    run.wait(|expecting| expecting.knows_of(&DATABASE_KILLED));
    run.world.fail_for_want_of_the_database(20);
    for rule in DATABASE_KILLED.mutes {
        run.wait(|expecting| expecting.way.is_held_back(rule));
    }
    run.live_on(HELD_BACK);
    run.heal(&DATABASE_KILLED);
    run.wait(|expecting| expecting.knows_of(&SERVICE_GONE));
    run.heal(&SERVICE_GONE);
    run.wait(is_met);

    for Expecting { way, .. } in run.ways {
        assert!(way.beats() > 0, "no sign of life by {}", way.name());
        assert_eq!(way.invalid(), [""; 0], "by {}", way.name());
    }
}
