//! The document of metrics names exactly what the registry holds.
#![cfg(all(feature = "axum", feature = "business", feature = "log", feature = "push", feature = "websocket"))]

use std::collections::BTreeSet;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::metrics::Collection;

const DOCUMENT: &str = include_str!("../src/docs/metrics.md");

#[test]
fn metrics_document_names_every_family_with_its_kind_and_no_other() {
    let monitoring = Monitoring::builder("document").build().expect("a valid service");
    // What tells of collectors comes with the first one.
    monitoring.meter().collector("any", |_: &mut Collection| Ok(())).expect("a valid collector");
    let snapshot = monitoring.registry().snapshot();
    let registered: BTreeSet<_> =
        snapshot.families().iter().map(|family| format!("{} {}", family.name, family.kind.as_str())).collect();
    let documented: BTreeSet<_> = DOCUMENT.lines().filter_map(name_and_kind).collect();
    assert_eq!(documented, registered);
}

/// Of a row `| `name` | kind, … | labels | meaning |`.
fn name_and_kind(line: &str) -> Option<String> {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
    let kind = cells.next()?.split(',').next()?;
    matches!(kind, "counter" | "gauge" | "histogram").then(|| format!("{name} {kind}"))
}
