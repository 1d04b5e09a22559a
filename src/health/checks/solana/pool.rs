//! Several RPC addresses of which the service can use any.

use crate::health::options::CheckOptions;
use crate::health::outcome::Weight;
use crate::health::settings::Settings;
use crate::health::state::{Moment, State};
use crate::health::{CheckFailure, CheckReport, Status};

/// What is known of each address, by the thresholds that hold for a check of one.
#[derive(Debug)]
pub(super) struct Pool {
    settings: Settings,
    states: Vec<State>,
}

type Outcome = Result<CheckReport, CheckFailure>;

impl Pool {
    /// # Panics
    /// When a check cannot have these settings.
    pub(super) fn new(options: CheckOptions) -> Self {
        let settings = options.resolve("rpc").expect("OK because they are the defaults of a check");
        Self { settings, states: Vec::new() }
    }

    /// One verdict out of that on each address, with its host: a failure if none works, degraded while one has failed as
    /// often as makes a check unhealthy.
    pub(super) fn judge(&mut self, outcomes: Vec<(&str, Outcome)>, now: Moment) -> Outcome {
        while self.states.len() < outcomes.len() {
            self.states.push(State::new(&self.settings, now));
        }
        let mut told = Vec::new();
        let (mut reports, mut failures) = (Vec::new(), Vec::new());
        for (state, (host, outcome)) in self.states.iter_mut().zip(outcomes) {
            told.push(format!("{host}: {}", word_of(&outcome)));
            match outcome {
                Ok(report) => {
                    state.report(report.clone(), now);
                    reports.push(report);
                }
                Err(failure) => {
                    state.failure(&failure, now);
                    failures.push(failure);
                }
            }
        }
        let bad = self.states.iter().filter(|state| state.status == Status::Unhealthy).count();
        let verdict = if bad == 0 { worst(reports) } else { some_bad(reports, bad, self.states.len()) };
        let told = told.join(", ");
        match verdict {
            Some(report) => Ok(report.with_data("rpcs", told)),
            None => Err(all_bad(failures).with_data("rpcs", told)),
        }
    }
}

/// The first report that is not healthy, else the first.
fn worst(reports: Vec<CheckReport>) -> Option<CheckReport> {
    let at = reports.iter().position(|report| report.status() != Status::Healthy).unwrap_or(0);
    reports.into_iter().nth(at)
}

/// The facts are those of the first that works.
fn some_bad(reports: Vec<CheckReport>, bad: usize, of: usize) -> Option<CheckReport> {
    let first = reports.into_iter().next()?;
    let report = CheckReport::degraded("some_rpcs_bad", format_args!("RPC addresses that do not work: {bad} of {of}"));
    Some(first.data().iter().fold(report, |report, (key, value)| report.with_data(key, value.clone())))
}

/// One that is not conclusive, as long as there is one: the thresholds of all must be reached.
fn all_bad(failures: Vec<CheckFailure>) -> CheckFailure {
    let at = failures.iter().position(|failure| failure.weight() == Weight::One).unwrap_or(0);
    failures.into_iter().nth(at).expect("OK because a check has an address, and none of them works")
}

fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Ok(report) => report.reason().unwrap_or("healthy"),
        Err(failure) => failure.reason(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::health::Datum;

    /// What a pool of two says to runs of two letters each: `p`asses, `d`egraded, `f`ails, `c`onclusive.
    fn verdicts(runs: &[&str]) -> Vec<&'static str> {
        let now = Moment::of(&ManualClock::new().clock());
        let mut pool = Pool::new(CheckOptions::new().failure_threshold(3).recovery_threshold(2));
        let outcome = |letter| match letter {
            'p' => Ok(CheckReport::healthy()),
            'd' => Ok(CheckReport::degraded("odd", "odd")),
            'f' => Err(CheckFailure::new("down", "down")),
            'c' => Err(CheckFailure::new("stalled", "stalled").conclusive()),
            other => panic!("no such outcome: {other}"),
        };
        let mut verdict = |run: &&str| {
            let outcomes = run.chars().zip(["a", "b"]).map(|(letter, host)| (host, outcome(letter))).collect();
            match pool.judge(outcomes, now) {
                Err(failure) if failure.weight() == Weight::Conclusive => "conclusive",
                other => word_of(&other),
            }
        };
        runs.iter().map(&mut verdict).collect()
    }

    #[test]
    fn one_of_several_degrades_by_its_own_threshold_and_all_of_them_fail() {
        for (runs, expected) in [
            (&["pp", "pd", "dp"][..], &["healthy", "odd", "odd"][..]),
            // A row of failures of one, and two runs until it is believed again.
            (
                &["pp", "pf", "pf", "pf", "pp", "pp", "pf"],
                &["healthy", "healthy", "healthy", "some_rpcs_bad", "some_rpcs_bad", "healthy", "healthy"],
            ),
            (&["pc", "dc"], &["some_rpcs_bad", "some_rpcs_bad"]),
            // One after the other: each run has one that works.
            (&["fp", "pf", "fp", "pf"], &["healthy"; 4]),
            (&["ff", "fp"], &["down", "healthy"]),
            (&["cf", "cc"], &["down", "conclusive"]),
        ] {
            assert_eq!(verdicts(runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn each_address_is_told_with_its_reason() {
        let now = Moment::of(&ManualClock::new().clock());
        let mut pool = Pool::new(CheckOptions::new());
        let outcomes = || {
            let healthy = Ok(CheckReport::healthy().with_data("slot", 7_u64));
            vec![("a.example.com", Err(CheckFailure::new("unreachable", "gone"))), ("b.example.com", healthy)]
        };
        let told = Datum::Text("a.example.com: unreachable, b.example.com: healthy".to_owned());
        for _ in 0..3 {
            let report = pool.judge(outcomes(), now).unwrap();
            assert_eq!(report.data(), [("slot", Datum::from(7_u64)), ("rpcs", told.clone())]);
        }
    }
}
