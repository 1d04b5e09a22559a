//! Pressure stall information: how long tasks waited for a resource.

use std::time::Duration;

use super::files::Root;
use super::text::words;

/// What the kernel tells of, by the name in its files.
const RESOURCES: [&str; 3] = ["cpu", "io", "memory"];

/// How long tasks have waited for one resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pressure {
    pub(super) resource: &'static str,
    /// At least one of them did.
    pub(super) waiting: Duration,
    /// All of them did, so that nothing was done.
    pub(super) stalled: Option<Duration>,
}

/// Reads the file of each resource, which `file` names; kernels that do not keep them have none.
pub(super) fn read(root: &Root, file: impl Fn(&str) -> String) -> Vec<Pressure> {
    let of = |resource| parse(resource, &root.find(&file(resource))?);
    RESOURCES.into_iter().filter_map(of).collect()
}

/// Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=512`.
fn parse(resource: &'static str, text: &str) -> Option<Pressure> {
    let total = |line| {
        let micros = words(text, line)?.find_map(|word| word.strip_prefix("total="))?.parse().ok()?;
        Some(Duration::from_micros(micros))
    };
    Some(Pressure { resource, waiting: total("some")?, stalled: total("full") })
}
