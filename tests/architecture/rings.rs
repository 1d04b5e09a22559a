//! Who may import whom: a module only from lower rings, so that slices of one ring never know each other.

use crate::imports::{imports, module_of};

/// The modules at the top of `src`, from the ground up. Ring 0 has two steps: what needs nothing, and what needs only that.
const RINGS: [&[&str]; 9] = [
    &["clock", "diagnostics", "drain", "global", "error", "fence", "percent", "redact", "severity", "sync", "weekday"],
    &["trace"],
    &["metrics"],
    &["store", "transport", "work"],
    &["business", "cache", "database", "health", "http", "log", "queue", "resource"],
    &["catalog"],
    &["alert"],
    &["endpoint", "ops", "otlp", "push"],
    &["monitoring"],
];

/// Modules whose own parts do not know each other either.
const SEPARATE_PARTS: [(&str, &[&str]); 1] = [("business", &["portfolio", "risk", "token"])];

/// The place in [`RINGS`] of a module at the top of `src`.
pub(crate) fn ring_of(module: &str) -> Option<usize> {
    RINGS.iter().position(|ring| ring.contains(&module))
}

/// The number that a ring has in the documents: the two steps of ring 0 are one there.
fn number(place: usize) -> usize {
    place.saturating_sub(1)
}

/// The imports of a file that the rings forbid, one line each.
pub(crate) fn violations(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    // The root only names the modules and what it exports of them.
    let Some(from) = module.first() else {
        return Vec::new();
    };
    let forbidden = imports(file, text).into_iter().filter_map(|import| {
        let why = refusal(&module, &import.path, from)?;
        Some(format!("{file}:{}: {} {why}", import.line, import.path.join("::")))
    });
    forbidden.collect()
}

/// Why a module may not import a path; `None` if it may.
fn refusal(module: &[String], path: &[String], from: &str) -> Option<String> {
    // The root itself, as in `pub(crate)` or `use crate::{self, …}`.
    let to = path.first()?;
    if to == from {
        let (own, other) = (module.get(1)?, path.get(1)?);
        let (_, parts) = SEPARATE_PARTS.iter().find(|(whole, _)| *whole == from)?;
        let separate = own != other && [own, other].into_iter().all(|part| parts.contains(&part.as_str()));
        return separate.then(|| format!("is a part of {from} that {own} does not know"));
    }
    let Some(ring) = ring_of(from) else {
        return Some(format!("is imported by {from}, which is in no ring"));
    };
    match ring_of(to) {
        None => Some("goes through the root: import it from the module that defines it".to_owned()),
        Some(other) if other < ring => None,
        Some(other) => {
            let [own, other] = [ring, other].map(number);
            Some(format!("is in ring {other}, and {from} is in ring {own}: imports go to lower rings only"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::violations;

    #[test]
    fn edges_to_siblings_and_upwards_are_found() {
        for (file, text) in [
            ("src/health/runner.rs", "use crate::http::Layer;"),
            ("src/health/mod.rs", "use super::http;"),
            ("src/health/runner.rs", "fn f() { crate::http::layer::f() }"),
            ("src/metrics/registry.rs", "use crate::{\n    clock::Clock,\n    log::{self, Line},\n};"),
            ("src/metrics/meter.rs", "mod tests { use super::super::super::monitoring::Monitoring; }"),
            ("src/trace/id.rs", "use crate::metrics::Meter;"),
            ("src/error.rs", "use crate::trace::TraceId;"),
            ("src/error.rs", "use crate::diagnostics::Diagnostics;"),
            ("src/business/risk/model.rs", "use crate::business::portfolio::Portfolio;"),
            ("src/business/risk/mod.rs", "use super::token::Token;"),
            ("src/http/mod.rs", "use crate::Monitoring;"),
            ("src/unheard_of.rs", "use crate::clock::Clock;"),
        ] {
            let found = violations(file, text);
            assert!(!found.is_empty(), "{file}: {text}");
        }
        let found =
            violations("src/metrics/registry.rs", "use crate::{\n    clock::Clock,\n    log::{self, Line},\n};");
        assert_eq!(
            found[0],
            "src/metrics/registry.rs:3: log is in ring 3, and metrics is in ring 1: imports go to lower rings only"
        );
    }

    #[test]
    fn edges_downwards_and_within_a_module_are_fine() {
        for (file, text) in [
            ("src/health/runner.rs", "use crate::{clock::Clock, metrics::{Counter, Meter}};\nuse super::check::Check;"),
            ("src/http/layer.rs", "use http::Request; // crate::health is not known\nlet text = \"crate::health\";"),
            ("src/monitoring/mod.rs", "use crate::{business, endpoint, health, http, log};"),
            ("src/business/risk/model.rs", "use crate::business::label::Source; use super::instruments::Instruments;"),
            ("src/business/auto_traits.rs", "use super::portfolio::Portfolio;"),
            ("src/error.rs", "pub(crate) struct X; pub(super) struct Y;"),
            ("src/lib.rs", "pub use crate::monitoring::Monitoring;"),
        ] {
            assert_eq!(violations(file, text), [] as [String; 0], "{file}");
        }
    }
}
