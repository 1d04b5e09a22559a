//! The Prometheus text format 0.0.4.

use std::fmt::{self, Write};

use crate::metrics::{CounterValue, FamilySnapshot, HistogramSnapshot, Snapshot, Value};

/// The content type, with the version that Prometheus 3 asks for.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Encodes a snapshot. Families without a series are left out; equal snapshots give equal bytes.
pub fn encode(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for family in snapshot.families().iter().filter(|family| !family.series.is_empty()) {
        // OK because writing to a String does not fail.
        write_family(&mut out, family).expect("a String takes every byte");
    }
    out
}

fn write_family(out: &mut String, family: &FamilySnapshot) -> fmt::Result {
    let name = &*family.name;
    let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
    write!(out, "# HELP {name} {help}\n# TYPE {name} {}\n", family.kind.as_str())?;
    for series in &family.series {
        let labels = &*series.labels;
        match &series.value {
            Value::Counter(CounterValue::Whole(count)) => sample(out, name, "", labels, format_args!("{count}")),
            Value::Counter(CounterValue::Seconds(time)) => {
                sample(out, name, "", labels, format_args!("{}", time.as_secs_f64()))
            }
            Value::Gauge(value) => sample(out, name, "", labels, format_args!("{}", Number(*value))),
            Value::Histogram(histogram) => write_histogram(out, name, labels, histogram),
        }?;
    }
    Ok(())
}

fn write_histogram(out: &mut String, name: &str, labels: &str, histogram: &HistogramSnapshot) -> fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut cumulative = 0;
    for (edge, count) in histogram.edges.iter().zip(&histogram.buckets) {
        cumulative += count;
        // `1.0` rather than `1`: the form that OpenMetrics and Prometheus 3 give the same series.
        writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{edge:?}\"}} {cumulative}")?;
    }
    let count = histogram.count();
    writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
    sample(out, name, "_sum", labels, format_args!("{}", Number(histogram.sum)))?;
    sample(out, name, "_count", labels, format_args!("{count}"))
}

fn sample(out: &mut String, name: &str, suffix: &str, labels: &str, value: fmt::Arguments<'_>) -> fmt::Result {
    if labels.is_empty() {
        writeln!(out, "{name}{suffix} {value}")
    } else {
        writeln!(out, "{name}{suffix}{{{labels}}} {value}")
    }
}

/// A number as the format spells it.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value if value.is_nan() => f.write_str("NaN"),
            value => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::{Counter, Definition, Family, Gauge, Histogram, Meter, Registry, Unit};
    use std::time::Duration;

    #[test]
    fn output_is_exactly_this() {
        static CPU: Definition = Definition::counter("cpu_seconds_total", "CPU\ntime \\ used.").unit(Unit::Seconds);
        static DEPTH: Definition = Definition::gauge("depth", "Depth.").labels(&["queue"]);
        static WAIT: Definition =
            Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["queue"]).edges(&[0.5, 1.0]);
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        let cpu: Family<Counter, 0> = meter.counter(&CPU).unwrap();
        let depth: Family<Gauge, 1> = meter.gauge(&DEPTH).unwrap();
        let wait: Family<Histogram, 1> = meter.histogram(&WAIT).unwrap();
        cpu.series([]).add_duration(Duration::from_millis(1250));
        depth.series(["a\"\\\n".into()]).set(f64::INFINITY);
        let wait = wait.series(["b".into()]);
        wait.record(0.5);
        wait.record(7.0);
        let expected = "\
# HELP cpu_seconds_total CPU\\ntime \\\\ used.
# TYPE cpu_seconds_total counter
cpu_seconds_total 1.25
# HELP depth Depth.
# TYPE depth gauge
depth{queue=\"a\\\"\\\\\\n\"} +Inf
# HELP monitoring_series Series kept, by family.
# TYPE monitoring_series gauge
monitoring_series{family=\"cpu_seconds_total\"} 1
monitoring_series{family=\"depth\"} 1
monitoring_series{family=\"wait_seconds\"} 1
# HELP monitoring_series_overflow_total Label sets that a cap sent to their family's overflow series.
# TYPE monitoring_series_overflow_total counter
monitoring_series_overflow_total{family=\"cpu_seconds_total\"} 0
monitoring_series_overflow_total{family=\"depth\"} 0
monitoring_series_overflow_total{family=\"wait_seconds\"} 0
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{queue=\"b\",le=\"0.5\"} 1
wait_seconds_bucket{queue=\"b\",le=\"1.0\"} 1
wait_seconds_bucket{queue=\"b\",le=\"+Inf\"} 2
wait_seconds_sum{queue=\"b\"} 7.5
wait_seconds_count{queue=\"b\"} 2
";
        assert_eq!(registry.render(), expected);
        assert_eq!(registry.render(), expected, "equal state, equal bytes");
    }
}
