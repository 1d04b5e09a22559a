//! What to do about each of this crate's rules: texts that go along with the binary, so that a page can carry them.

macro_rules! runbooks {
    ($($name:literal)*) => {
        /// Sorted by name.
        const RUNBOOKS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../docs/runbooks/", $name, ".md")))),*];
    };
}

runbooks! {
    "AlertsNotDelivered"
    "ApiEndpointDown"
    "ApiErrorBudgetBurnsFast"
    "ApiErrorBudgetBurnsSlowly"
    "ApiErrorRateElevated"
    "ApiErrorRateHigh"
    "ApiLatencyHigh"
    "ApiRouteLatencyHigh"
    "CatalogSkew"
    "CpuHigh"
    "CpuThrottled"
    "CredentialRotationOverdue"
    "DatabaseConnectionFailures"
    "DatabaseDeadlocks"
    "DatabasePoolNearlyExhausted"
    "DependencyDown"
    "DependencyUnreachableFromSome"
    "FilesystemFills"
    "JobOverdue"
    "LogLinesDropped"
    "MemoryHigh"
    "MetricSeriesOverflowed"
    "MonitoringProblems"
    "PortfolioDataMismatch"
    "PortfolioDataOverdue"
    "PortfolioStatementBreakOverdue"
    "PortfolioSyncFailing"
    "PublicEndpointDown"
    "QueueStandsStill"
    "RiskBatchOverdue"
    "RiskCalculationFailures"
    "RiskDataFailures"
    "ServiceAbsent"
    "ServiceReplicasMissing"
    "SpansDropped"
    "TlsCertificateExpires"
    "TlsCertificateExpiresSoon"
    "TokenAccessUndecided"
    "TokenGraceNotEnforced"
    "TokenGracePeriodsExpiring"
    "TokenPriceOverdue"
    "TokenRequirementOverdue"
    "TokenRequirementUpdateFailing"
    "VarModelInRedZone"
    "VarModelInYellowZone"
    "Watchdog"
}

/// The sections that every runbook has, in this order.
pub const SECTIONS: [&str; 4] = ["What it means", "Whom it hurts", "First query", "What to do"];

/// Every rule that has a runbook, with its text in Markdown, sorted by name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    RUNBOOKS.iter().copied()
}

/// The runbook of a rule, in Markdown.
pub fn text(rule: &str) -> Option<&'static str> {
    RUNBOOKS.iter().find(|(name, _)| *name == rule).map(|(_, text)| *text)
}

/// A section of it, without its heading.
pub fn section(rule: &str, heading: &str) -> Option<&'static str> {
    let (_, after) = text(rule)?.split_once(&format!("\n## {heading}\n"))?;
    Some(after.split_once("\n## ").map_or(after, |(section, _)| section).trim())
}

/// The query that is to be looked at first, under this crate's names.
pub fn first_query(rule: &str) -> Option<&'static str> {
    let (_, after) = section(rule, "First query")?.split_once("```promql\n")?;
    after.split_once("\n```").map(|(query, _)| query)
}

/// Whom it hurts, in its first paragraph, on one line.
pub(crate) fn impact(rule: &str) -> Option<String> {
    let paragraph = section(rule, "Whom it hurts")?.split("\n\n").next()?;
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_is_called_as_its_rule_and_has_every_section() {
        for (name, text) in all() {
            assert!(text.starts_with(&format!("# {name}\n")), "{name}");
            let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
            assert_eq!(headings, SECTIONS, "{name}");
            for heading in SECTIONS {
                assert!(section(name, heading).is_some_and(|section| !section.is_empty()), "{name}: {heading}");
            }
            assert!(first_query(name).is_some_and(|query| !query.is_empty()), "{name}");
            assert!(impact(name).is_some_and(|impact| impact.ends_with('.')), "{name}");
        }
    }
}
