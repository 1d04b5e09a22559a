//! What the log says of itself in `/metrics`. Every series exists at 0 from the start.

use tracing::Level;

use super::per_level::PerLevel;
use super::writer::DropReason;
use crate::metrics::{Counter, Definition, DefinitionError, LabelValue, Meter, Unit};

/// `log_lines_total{level}`: what was logged, whether or not the sink took it.
pub static LINES: Definition =
    Definition::counter("log_lines_total", "Log lines made, written or not, by level.").labels(&["level"]);

/// `log_lines_dropped_total{reason, sink}`.
pub static LINES_DROPPED: Definition =
    Definition::counter("log_lines_dropped_total", "Log lines that were made and not written, by reason and sink.")
        .labels(&["reason", "sink"]);

/// `log_bytes_total{sink}`.
pub static BYTES: Definition =
    Definition::counter("log_bytes_total", "Bytes of log lines that a sink took.").unit(Unit::Bytes).labels(&["sink"]);

/// `log_write_errors_total{sink}`.
pub static WRITE_ERRORS: Definition =
    Definition::counter("log_write_errors_total", "Failed attempts to write to a log's sink.").labels(&["sink"]);

/// `log_lines_truncated_total`.
pub static LINES_TRUNCATED: Definition =
    Definition::counter("log_lines_truncated_total", "Log lines that a cap cut, marked \"truncated\" in the line.");

/// `log_lines_suppressed_total{level}`.
pub static LINES_SUPPRESSED: Definition = Definition::counter(
    "log_lines_suppressed_total",
    "Log lines that were not made because their callsite repeated itself, by level.",
)
.labels(&["level"]);

/// What counts the lines of one log.
#[derive(Clone, Debug)]
pub(super) struct Instruments {
    lines: PerLevel<Counter>,
    suppressed: PerLevel<Counter>,
    pub(super) truncated: Counter,
}

/// What counts the fate of lines at one of a log's sinks.
#[derive(Clone, Debug)]
pub(super) struct SinkInstruments {
    dropped: [Counter; DropReason::ALL.len()],
    pub(super) bytes: Counter,
    pub(super) write_errors: Counter,
}

impl Instruments {
    pub(super) fn register(meter: &Meter) -> Result<Self, DefinitionError> {
        let lines = meter.counter::<1>(&LINES)?;
        let suppressed = meter.counter::<1>(&LINES_SUPPRESSED)?;
        Ok(Self {
            lines: PerLevel::new(|level| lines.series([LabelValue::from(label(level))])),
            suppressed: PerLevel::new(|level| suppressed.series([LabelValue::from(label(level))])),
            truncated: meter.counter::<0>(&LINES_TRUNCATED)?.series([]),
        })
    }

    pub(super) fn lines(&self, level: Level) -> &Counter {
        self.lines.of(level)
    }

    pub(super) fn suppressed(&self, level: Level) -> &Counter {
        self.suppressed.of(level)
    }
}

/// The value of the `level` label: as the line has it but in lower case.
const fn label(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

impl SinkInstruments {
    /// Sinks of one kind are told apart by numbers, from the second on.
    pub(super) fn register(meter: &Meter, kind: &'static str, number: usize) -> Result<Self, DefinitionError> {
        let sink = || match number {
            1 => LabelValue::from(kind),
            _ => LabelValue::capped(format!("{kind}_{number}")),
        };
        let dropped = meter.counter::<2>(&LINES_DROPPED)?;
        Ok(Self {
            dropped: DropReason::ALL.map(|reason| dropped.series([LabelValue::from(reason.as_str()), sink()])),
            bytes: meter.counter::<1>(&BYTES)?.series([sink()]),
            write_errors: meter.counter::<1>(&WRITE_ERRORS)?.series([sink()]),
        })
    }

    pub(super) fn dropped(&self, reason: DropReason) -> &Counter {
        &self.dropped[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Registry;

    #[test]
    fn every_closed_label_value_exists_at_zero_and_counts_in_its_own_place() {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let instruments = Instruments::register(&meter).expect("valid definitions");
        let sinks = [1, 2].map(|number| SinkInstruments::register(&meter, "file", number).expect("valid definitions"));
        let zero = registry.render();
        for series in [
            "log_lines_total{level=\"error\"} 0\n",
            "log_lines_total{level=\"trace\"} 0\n",
            "log_lines_suppressed_total{level=\"warn\"} 0\n",
            "log_lines_dropped_total{reason=\"buffer_full\",sink=\"file\"} 0\n",
            "log_lines_dropped_total{reason=\"io_error\",sink=\"file\"} 0\n",
            "log_lines_dropped_total{reason=\"stopped\",sink=\"file_2\"} 0\n",
            "log_lines_dropped_total{reason=\"writer_thread\",sink=\"file_2\"} 0\n",
            "log_bytes_total{sink=\"file\"} 0\n",
            "log_write_errors_total{sink=\"file_2\"} 0\n",
            "log_lines_truncated_total 0\n",
        ] {
            assert!(zero.contains(series), "{series} in {zero}");
        }
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
            instruments.lines(level).increment();
            let name = level.as_str().to_lowercase();
            registry.snapshot().assert_value("log_lines_total", &[("level", &name)], 1);
        }
        for reason in DropReason::ALL {
            for (sink, name) in sinks.iter().zip(["file", "file_2"]) {
                sink.dropped(reason).increment();
                let labels = [("reason", reason.as_str()), ("sink", name)];
                registry.snapshot().assert_value("log_lines_dropped_total", &labels, 1);
            }
        }
    }
}
