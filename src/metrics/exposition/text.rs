//! The Prometheus text format 0.0.4.

use super::encode::escape_into;

/// The content type, with the version that Prometheus 3 asks for.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The lines above a family's samples.
pub(super) fn write_metadata(out: &mut Vec<u8>, name: &str, kind: &str, help: &str) {
    out.extend_from_slice(b"# HELP ");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    escape_into(out, help, |byte| matches!(byte, b'\\' | b'\n'));
    out.extend_from_slice(b"\n# TYPE ");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    out.extend_from_slice(kind.as_bytes());
    out.push(b'\n');
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
