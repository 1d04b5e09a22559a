//! What mutes what: a cause tells, and what follows from it does not.

use crate::alert::Severity;
use crate::ops::yaml::Yaml;

/// A cause, and what follows from it where these labels are equal.
struct Muting {
    cause: &'static [(&'static str, &'static str)],
    /// Names of alerts; none for every other one.
    follows: &'static [&'static str],
    equal: &'static [&'static str],
}

const MUTINGS: [Muting; 9] = [
    Muting { cause: &[("alertname", "ServiceAbsent")], follows: &[], equal: &["service", "environment"] },
    Muting {
        cause: &[("alertname", "DependencyDown"), ("dependency", "ibkr")],
        follows: &["PortfolioDataOverdue", "PortfolioSyncFailing"],
        equal: &["environment"],
    },
    Muting {
        cause: &[("alertname", "DependencyDown"), ("dependency", "solana")],
        follows: &["TokenAccessUndecided", "TokenPriceOverdue", "TokenRequirementOverdue"],
        equal: &["environment"],
    },
    Muting {
        cause: &[("alertname", "DependencyDown"), ("dependency", "database")],
        follows: &[
            "ApiEndpointDown",
            "ApiErrorBudgetBurnsFast",
            "ApiErrorRateElevated",
            "ApiErrorRateHigh",
            "ApiLatencyHigh",
            "ApiRouteLatencyHigh",
            "DatabaseConnectionFailures",
        ],
        equal: &["environment"],
    },
    Muting {
        cause: &[("alertname", "DependencyDown")],
        follows: &["DependencyUnreachableFromSome"],
        equal: &["environment", "dependency"],
    },
    Muting {
        cause: &[("alertname", "ApiErrorBudgetBurnsFast")],
        follows: &["ApiErrorBudgetBurnsSlowly"],
        equal: &["service", "environment", "route"],
    },
    Muting {
        cause: &[("alertname", "ApiErrorRateHigh")],
        follows: &["ApiErrorRateElevated"],
        equal: &["service", "environment"],
    },
    Muting {
        cause: &[("alertname", "TlsCertificateExpiresSoon")],
        follows: &["TlsCertificateExpires"],
        equal: &["service", "environment", "check"],
    },
    Muting {
        cause: &[("alertname", "VarModelInRedZone")],
        follows: &["VarModelInYellowZone"],
        equal: &["service", "environment", "model", "book", "confidence"],
    },
];

/// The alerts that mute others, each with those that it mutes; none for every other one. For whoever notifies without
/// Alertmanager.
pub fn muting() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    MUTINGS.iter().filter_map(|muting| {
        let (_, name) = muting.cause.iter().find(|(label, _)| *label == "alertname")?;
        Some((*name, muting.follows))
    })
}

pub(super) fn rules() -> Yaml {
    let [critical, warning] = [Severity::Critical, Severity::Warning].map(|of| format!("severity={:?}", of.as_str()));
    let same_alert = rule(vec![critical], vec![warning], &["alertname", "service", "environment", "dependency"]);
    Yaml::List(MUTINGS.iter().map(written).chain([same_alert]).collect())
}

fn written(muting: &Muting) -> Yaml {
    let cause: Vec<_> = muting.cause.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    let follows = match muting.follows {
        // Not itself.
        [] => muting.cause.iter().map(|(label, value)| format!("{label}!={value:?}")).collect(),
        names => vec![format!("alertname=~{:?}", names.join("|"))],
    };
    rule(cause, follows, muting.equal)
}

fn rule(source: Vec<String>, target: Vec<String>, equal: &[&str]) -> Yaml {
    Yaml::map([
        ("source_matchers", Yaml::texts(source)),
        ("target_matchers", Yaml::texts(target)),
        ("equal", Yaml::texts(equal.iter().copied())),
    ])
}
