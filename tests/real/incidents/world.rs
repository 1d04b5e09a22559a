//! The services, and what they depend on: real ones, or stand-ins that fail when told to.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::script::{LASTING, NEWCOMER, SERVICE, STAGING};
use crate::example::stand_ins::Control;
use crate::example::{SOON, WALLET, WITHOUT_HISTORY, access_of, risk_of};
use crate::support::example::TradingApi;
use crate::support::http;
use crate::support::poll::eventually;
use crate::support::postgres::Postgres;

/// Processes and peers.
pub(super) struct World {
    pub(super) postgres: Postgres,
    pub(super) ibkr: Control,
    pub(super) solana: Control,
    /// Where the two are, so that they outlive the replicas.
    _stand_ins: TradingApi,
    /// A replica that Prometheus scrapes, and that evaluates its rules itself as well, as if it were alone.
    pub(super) one: TradingApi,
    /// Another replica, for Prometheus.
    pub(super) two: TradingApi,
    pub(super) newcomer: TradingApi,
    /// Whether somebody starts the second replica again and again.
    restarts: Restarts,
}

/// What an orchestrator does for the second replica.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Restarts {
    Never,
    /// Whenever it has ended.
    Always,
}

/// At once for all that asks or evaluates: what the settings of the example give a user.
const SECONDS: [(&str, &str); 3] = [("CHECK_SECONDS", "3"), ("ALERT_SECONDS", "1"), ("ALERT_LASTING", LASTING)];

/// Requests at once. As many as do not wait for each other in a debug build on two cores, since slow answers are a fault.
const PARALLEL: usize = 2;

impl World {
    /// Starts everything. `telling` is what a process that tells people itself is told by its environment.
    pub(super) fn start(telling: &[(&str, String)]) -> Self {
        let postgres = Postgres::start();
        let stand_ins = TradingApi::start(&[], &[]);
        let [ibkr, solana] = ["IBKR gateway", "Solana RPC node"].map(|name| Control::of(&stand_ins, name));
        let telling: Vec<_> = telling.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (database, gateway, node) = (postgres.url(), ibkr.url("/v1/api"), solana.url("/"));
        let dependencies =
            [("DATABASE_URL", database.as_str()), ("IBKR_URL", gateway.as_str()), ("SOLANA_RPC_URL", node.as_str())];
        let production = [("AISTM7_SERVICE", SERVICE), ("AISTM7_ENVIRONMENT", "prod")];
        let two = [&SECONDS[..], &dependencies, &production].concat();
        let one = [&two[..], &telling].concat();
        let newcomer = [("AISTM7_SERVICE", NEWCOMER), ("AISTM7_ENVIRONMENT", STAGING)];
        // A spool is of one process.
        let without_spool = telling.iter().filter(|(name, _)| *name != "ALERT_SPOOL").copied();
        let newcomer: Vec<_> = SECONDS.into_iter().chain(newcomer).chain(without_spool).collect();
        Self {
            one: TradingApi::start(&one, &[]),
            two: TradingApi::start(&two, &[]),
            newcomer: TradingApi::start(&newcomer, &[]),
            postgres,
            ibkr,
            solana,
            _stand_ins: stand_ins,
            restarts: Restarts::Never,
        }
    }

    /// Requests that succeed, and fast, to each replica that is there.
    pub(super) fn serve_well(&mut self, times: usize) {
        for address in self.served() {
            serve_well(address, times);
        }
    }

    pub(super) fn newcomer_serves_well(&mut self, times: usize) {
        serve_well(self.newcomer.public(), times);
    }

    /// Requests that wait for the chain.
    pub(super) fn answer_slowly(&mut self, times: usize) {
        self.each_replica(&access_of(WALLET), times, 200);
    }

    /// Requests for what cannot be calculated.
    pub(super) fn fail(&mut self, times: usize) {
        self.each_replica(&risk_of(WITHOUT_HISTORY), times, 500);
    }

    /// The same to the newcomer, one after the other and each in another scrape.
    pub(super) fn newcomer_fails(&mut self, times: usize) {
        for _ in 0..times {
            ask(self.newcomer.public(), &[risk_of(WITHOUT_HISTORY)], 1, 500);
            thread::sleep(Duration::from_millis(1_500));
        }
    }

    /// Requests that need the database, to the first replica while there is none.
    pub(super) fn fail_for_want_of_the_database(&mut self, times: usize) {
        ask(self.one.public(), &[access_of(WALLET)], times, 503);
    }

    pub(super) fn wait_until_served(&mut self) {
        for address in self.served() {
            wait_until_served(address);
        }
    }

    /// `kill -9` and a start, of the replica that evaluates rules.
    pub(super) fn kill_one_and_start_it_again(&mut self) {
        self.one.kill();
        self.one.spawn_again();
        wait_until_served(self.one.public());
        serve_well(self.one.public(), 150);
    }

    /// `kill -9` of the other replica, which is started again and again: without the database it ends by itself.
    pub(super) fn kill_two_over_and_over(&mut self) {
        self.two.kill();
        self.restarts = Restarts::Always;
    }

    /// What is to be done all the time.
    pub(super) fn tend(&mut self) {
        if self.restarts == Restarts::Always && self.two.has_ended() {
            self.two.spawn_again();
        }
    }

    fn served(&self) -> Vec<SocketAddr> {
        let two = (self.restarts == Restarts::Never).then(|| self.two.public());
        [self.one.public()].into_iter().chain(two).collect()
    }

    fn each_replica(&self, path: &str, times: usize, status: u16) {
        for address in self.served() {
            ask(address, &[path.to_owned()], times, status);
        }
    }
}

fn wait_until_served(address: SocketAddr) {
    eventually(SOON, || match http::get(address, &access_of(WALLET), &[]) {
        Ok(response) if response.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// One in five asks for a risk, one in ten for what is in no cache.
fn serve_well(address: SocketAddr, times: usize) {
    let portfolio = |number: usize| format!("/api/v1/portfolios/{number}");
    let paths: Vec<String> = (1..=7).map(portfolio).chain([risk_of("1"), risk_of("2"), access_of(WALLET)]).collect();
    ask(address, &paths, times, 200);
}

/// Asks for these paths in turn, so many times in all, some at once.
#[track_caller]
fn ask(address: SocketAddr, paths: &[String], times: usize, status: u16) {
    let one_of = |worker: usize| {
        for time in (worker..times).step_by(PARALLEL) {
            let path = &paths[time % paths.len()];
            let response = http::get(address, path, &[]).expect("the example answers");
            assert_eq!(response.status, status, "{path}: {}", response.text());
        }
    };
    thread::scope(|scope| {
        for worker in 0..PARALLEL {
            scope.spawn(move || one_of(worker));
        }
    });
}
