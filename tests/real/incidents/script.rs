//! What goes wrong, what people are told of it, and how it heals.

use aistm7_monitoring::alert::Severity;

use super::incident::Incident;
use super::world::World;

/// A fault, injected into the real things.
pub(super) struct Fault {
    /// What people are told of, once each; and that it is over, once each.
    pub(super) brings: &'static [Incident],
    /// Rules of production that fire as well, and of which nobody is told, because of the cause.
    pub(super) mutes: &'static [&'static str],
    pub(super) provoke: fn(&mut World),
    pub(super) heal: fn(&mut World),
}

/// What rules differ in from those that are shipped: how long they must hold, so that the script takes minutes. Windows,
/// thresholds and guards are the shipped ones; so is everything that heals by traffic, which there is enough of here.
///
/// Requests to the stand-ins of PagerDuty and Slack that fail are problems of monitoring, which are told of for ten minutes
/// (`MonitoringProblems`); that takes too long here.
pub(super) const LASTING: &str = "ServiceAbsent=10,DependencyDown=10,ApiLatencyHigh=10,\
     ApiErrorRateHigh=10,RiskDataFailures=10,MonitoringProblems=3600";

const PRODUCTION: &str = "prod";
pub(super) const SERVICE: &str = "trading-api";
/// A service of little traffic, in another environment.
pub(super) const NEWCOMER: &str = "newcomer";
pub(super) const STAGING: &str = "staging";

const fn down(dependency: &'static str) -> Incident {
    of("DependencyDown", Severity::Critical, dependency)
}

const fn of(rule: &'static str, severity: Severity, of: &'static str) -> Incident {
    Incident { rule, severity, environment: PRODUCTION, of }
}

pub(super) const IBKR_LOGGED_OUT: Fault = Fault {
    brings: &[down("ibkr")],
    mutes: &[],
    provoke: |world| world.ibkr.set("not_authenticated"),
    heal: |world| world.ibkr.set("ok"),
};

/// The node answers as ever and knows no new slot.
pub(super) const SOLANA_STALLED: Fault = Fault {
    brings: &[down("solana")],
    mutes: &[],
    provoke: |world| world.solana.set("stalled"),
    heal: |world| world.solana.set("ok"),
};

/// Whoever is asked meanwhile fails. That is told as what it is, and not once more for each that suffers from it.
pub(super) const DATABASE_KILLED: Fault = Fault {
    brings: &[down("database")],
    mutes: &["ApiErrorRateHigh"],
    provoke: |world| world.postgres.kill(),
    heal: |world| {
        world.postgres.restart();
        world.wait_until_served();
        world.serve_well(2_400);
    },
};

/// The answers of a service that waits for a slow node are slow.
pub(super) const SLOW_ANSWERS: Fault = Fault {
    brings: &[of("ApiLatencyHigh", Severity::Critical, SERVICE)],
    mutes: &[],
    provoke: |world| {
        world.solana.set("slow");
        world.answer_slowly(20);
        world.solana.set("ok");
    },
    heal: |world| world.serve_well(300),
};

/// A portfolio whose prices are not stored: 500.
pub(super) const ERRORS: Fault = Fault {
    brings: &[of("ApiErrorRateHigh", Severity::Critical, SERVICE), of("RiskDataFailures", Severity::Warning, SERVICE)],
    mutes: &[],
    provoke: |world| world.fail(6),
    heal: |world| world.serve_well(300),
};

/// The first of the three failed requests is the first one of its process, so its counter is born at 1, and both rules want
/// three.
pub(super) const FIRST_REQUESTS_FAIL: Fault = Fault {
    brings: &[
        Incident { rule: "ApiErrorRateElevated", severity: Severity::Warning, environment: STAGING, of: NEWCOMER },
        Incident { rule: "RiskDataFailures", severity: Severity::Warning, environment: STAGING, of: NEWCOMER },
    ],
    mutes: &[],
    provoke: |world| world.newcomer_fails(3),
    heal: |world| world.newcomer_serves_well(400),
};

/// Nothing is left of a service. Whoever is gone says nothing, so a process cannot tell it.
pub(super) const SERVICE_GONE: Fault = Fault {
    brings: &[Incident { rule: "ServiceAbsent", severity: Severity::Critical, environment: STAGING, of: NEWCOMER }],
    mutes: &[],
    provoke: |world| world.newcomer.kill(),
    heal: |world| world.newcomer.spawn_again(),
};
