//! What each command costs a server, of those that are used most.

use std::collections::BTreeSet;
use std::time::Duration;

use super::facts::Facts;
use super::fields::count;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, LabelValue, Meter, Unit};
use crate::store::redis::parts;

const LABELS: &[&str] = &["server", "cmd"];

static CALLS: Definition =
    Definition::counter("redis_commands_total", "Calls of a command of a Redis server.").labels(LABELS);

static DURATION: Definition =
    Definition::counter("redis_commands_duration_seconds_total", "Processor time of a command of a Redis server.")
        .unit(Unit::Seconds)
        .labels(LABELS);

static FAILED: Definition =
    Definition::counter("redis_commands_failed_calls_total", "Calls of a command that ended in an error.")
        .labels(LABELS);

static REJECTED: Definition =
    Definition::counter("redis_commands_rejected_calls_total", "Calls of a command that were refused beforehand.")
        .labels(LABELS);

/// Chosen: more than a service uses, a tenth of what a server has.
const MOST_COMMANDS: usize = 40;

pub(super) struct Commands {
    calls: Collected<u64, 2>,
    duration: Collected<Duration, 2>,
    failed: Collected<u64, 2>,
    rejected: Collected<u64, 2>,
    /// Those that were shown before, which stay: a counter that comes and goes has no rate.
    shown: BTreeSet<String>,
}

impl Commands {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        Ok(Self {
            calls: meter.collected(&CALLS)?,
            duration: meter.collected(&DURATION)?,
            failed: meter.collected(&FAILED)?,
            rejected: meter.collected(&REJECTED)?,
            shown: BTreeSet::new(),
        })
    }

    pub(super) fn give(&mut self, server: &LabelValue, facts: &Facts<'_>, collection: &mut Collection) {
        let mut used: Vec<_> =
            facts.fields().filter_map(|(name, value)| Some((name.strip_prefix("cmdstat_")?, value))).collect();
        used.sort_by_key(|(command, value)| (std::cmp::Reverse(of("calls", value)), *command));
        for (command, value) in used {
            if !self.shown.contains(command) {
                if self.shown.len() >= MOST_COMMANDS {
                    continue;
                }
                self.shown.insert(command.to_owned());
            }
            let labels = || [server.clone(), LabelValue::capped(command)];
            for (metric, part) in
                [(&self.calls, "calls"), (&self.failed, "failed_calls"), (&self.rejected, "rejected_calls")]
            {
                if let Some(number) = of(part, value) {
                    collection.set(metric, labels(), number);
                }
            }
            if let Some(micros) = of("usec", value) {
                collection.set(&self.duration, labels(), Duration::from_micros(micros));
            }
        }
    }
}

/// A part of a command's numbers.
fn of(part: &str, value: &str) -> Option<u64> {
    parts(value).find(|(name, _)| *name == part).and_then(|(_, number)| count(number))
}
