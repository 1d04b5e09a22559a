//! What mutes what: a cause tells, and what follows from it does not.
//!
//! One table, which Alertmanager gets as `inhibit_rules` and deliveries of this crate go by themselves.

/// A cause, and what it mutes where some labels are equal. A label that is absent is as one that is empty.
///
/// No alert is on both sides, so that none mutes itself.
pub(crate) struct Inhibition {
    cause: &'static [Labelled],
    follows: &'static [Labelled],
    pub(crate) equal: &'static [&'static str],
}

/// The label of alerts that are made up, to see whether they get through.
pub(crate) const DRILL: &str = "drill";

/// What a label must be, by its name.
#[derive(Clone, Copy)]
pub(crate) enum Labelled {
    Is(&'static str, &'static str),
    IsNot(&'static str, &'static str),
    OneOf(&'static str, &'static [&'static str]),
}

use Labelled::{Is, IsNot, OneOf};

/// The label with the name of an alert's rule.
const NAME: &str = "alertname";

pub(crate) const INHIBITIONS: [Inhibition; 10] = [
    Inhibition {
        cause: &[Is(NAME, "ServiceAbsent")],
        follows: &[IsNot(NAME, "ServiceAbsent")],
        equal: &["service", "environment"],
    },
    Inhibition {
        cause: &[Is(NAME, "DependencyDown"), Is("dependency", "ibkr")],
        follows: &[OneOf(NAME, &["PortfolioDataOverdue", "PortfolioSyncFailing"])],
        equal: &["environment"],
    },
    Inhibition {
        cause: &[Is(NAME, "DependencyDown"), Is("dependency", "solana")],
        follows: &[OneOf(NAME, &["TokenAccessUndecided", "TokenPriceOverdue", "TokenRequirementOverdue"])],
        equal: &["environment"],
    },
    Inhibition {
        cause: &[Is(NAME, "DependencyDown"), Is("dependency", "database")],
        follows: &[OneOf(
            NAME,
            &[
                "ApiEndpointDown",
                "ApiErrorBudgetBurnsFast",
                "ApiErrorRateElevated",
                "ApiErrorRateHigh",
                "ApiLatencyHigh",
                "ApiRouteLatencyHigh",
                "DatabaseConnectionFailures",
            ],
        )],
        equal: &["environment"],
    },
    Inhibition {
        cause: &[Is(NAME, "DependencyDown")],
        follows: &[OneOf(NAME, &["DependencyUnreachableFromSome"])],
        equal: &["environment", "dependency"],
    },
    Inhibition {
        cause: &[Is(NAME, "ApiErrorBudgetBurnsFast")],
        follows: &[OneOf(NAME, &["ApiErrorBudgetBurnsSlowly"])],
        equal: &["service", "environment", "route"],
    },
    Inhibition {
        cause: &[Is(NAME, "ApiErrorRateHigh")],
        follows: &[OneOf(NAME, &["ApiErrorRateElevated"])],
        equal: &["service", "environment"],
    },
    Inhibition {
        cause: &[Is(NAME, "TlsCertificateExpiresSoon")],
        follows: &[OneOf(NAME, &["TlsCertificateExpires"])],
        equal: &["service", "environment", "check"],
    },
    Inhibition {
        cause: &[Is(NAME, "VarModelInRedZone")],
        follows: &[OneOf(NAME, &["VarModelInYellowZone"])],
        equal: &["service", "environment", "model", "book", "confidence"],
    },
    // Another severity of the same alert.
    Inhibition {
        cause: &[Is("severity", "critical")],
        follows: &[Is("severity", "warning")],
        equal: &[NAME, "service", "environment", "dependency"],
    },
];

impl Inhibition {
    /// What a cause is. A drill is none: it would mute what is real.
    pub(crate) fn cause(&self) -> impl Iterator<Item = Labelled> {
        self.cause.iter().copied().chain([Is(DRILL, "")])
    }

    /// What a cause mutes. A drill follows from nothing: it is to be heard.
    pub(crate) fn follows(&self) -> impl Iterator<Item = Labelled> {
        self.follows.iter().copied().chain([Is(DRILL, "")])
    }
}

/// The rules whose alerts mute others, each with those whose alerts it mutes; none for every other one. For whoever notifies
/// by other means than Alertmanager and `notify`.
pub fn muting() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    INHIBITIONS.iter().filter_map(|inhibition| {
        let name = inhibition.cause.iter().find_map(|of| match of {
            Is(NAME, name) => Some(*name),
            _ => None,
        })?;
        let follows = inhibition.follows.iter().find_map(|of| match of {
            OneOf(NAME, names) => Some(*names),
            _ => None,
        });
        Some((name, follows.unwrap_or_default()))
    })
}
