//! OpenMetrics 1.0.

use super::encode::escape_into;
use crate::metrics::definition::{Kind, Unit};

/// The content type, as Prometheus asks for it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What ends an exposition that is whole.
pub(super) const END: &[u8] = b"# EOF\n";

/// The name of a counter's family: without the `_total` of its samples.
///
/// `None` for a counter that cannot be shown as one: its name ends otherwise, or something else has the family's name.
pub(super) fn counter_family(name: &str, is_taken: impl FnOnce(&str) -> bool) -> Option<&str> {
    name.strip_suffix("_total").filter(|stem| !stem.is_empty() && !is_taken(stem))
}

/// The lines above a family's samples. Counters that are none to OpenMetrics have no kind.
pub(super) fn write_metadata(out: &mut Vec<u8>, family: &str, kind: Option<Kind>, unit: Unit, help: &str) {
    let mut line = |keyword: &str, write: &dyn Fn(&mut Vec<u8>)| {
        for part in ["# ", keyword, " ", family, " "] {
            out.extend_from_slice(part.as_bytes());
        }
        write(out);
        out.push(b'\n');
    };
    line("TYPE", &|out| out.extend_from_slice(kind.map_or("unknown", Kind::as_str).as_bytes()));
    if let Some(unit) = unit.suffix().filter(|suffix| family.ends_with(suffix)) {
        line("UNIT", &|out| out.extend_from_slice(unit.trim_start_matches('_').as_bytes()));
    }
    line("HELP", &|out| escape_into(out, help, |byte| matches!(byte, b'\\' | b'\n' | b'"')));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

    use super::super::Format;
    use crate::metrics::{Definition, Meter, Registry, Unit};

    fn text(registry: &Registry) -> String {
        let mut out = Vec::new();
        registry.encode(Format::OpenMetrics, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// Without the families that the registry tells of itself.
    fn lines(registry: &Registry) -> Vec<String> {
        text(registry).lines().filter(|line| !line.contains("monitoring_series")).map(str::to_owned).collect()
    }

    #[test]
    fn output_is_exactly_this() {
        static CPU: Definition = Definition::counter("cpu_seconds_total", "CPU \"time\"\nused.").unit(Unit::Seconds);
        static WAIT: Definition =
            Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["queue"]).edges(&[0.5, 1.0]);
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        meter.counter(&CPU).unwrap().series([]).add_duration(Duration::from_millis(1250));
        meter.histogram(&WAIT).unwrap().series(["b".into()]).record(1.0);
        with_local_recorder(&registry, || {
            describe_counter!("jobs", "Jobs.");
            counter!("jobs").increment(3);
        });
        let expected = "\
# TYPE cpu_seconds counter
# UNIT cpu_seconds seconds
# HELP cpu_seconds CPU \\\"time\\\"\\nused.
cpu_seconds_total 1.25
# TYPE jobs unknown
# HELP jobs Jobs.
jobs 3
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
# HELP wait_seconds Wait.
wait_seconds_bucket{queue=\"b\",le=\"0.5\"} 0
wait_seconds_bucket{queue=\"b\",le=\"1.0\"} 1
wait_seconds_bucket{queue=\"b\",le=\"+Inf\"} 1
wait_seconds_sum{queue=\"b\"} 1
wait_seconds_count{queue=\"b\"} 1
# EOF";
        assert_eq!(lines(&registry).join("\n"), expected);
    }

    #[test]
    fn samples_are_those_of_the_text_format() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            counter!("jobs_total", "a" => "\"\\\n").increment(1);
            gauge!("depth").set(f64::NEG_INFINITY);
            histogram!("size_bytes", "a" => "b").record(3.5);
        });
        let samples = |text: String| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        assert_eq!(samples(text(&registry)), samples(registry.render()));
    }

    #[test]
    fn no_two_families_share_a_name() {
        let registry = Registry::new();
        with_local_recorder(&registry, || {
            gauge!("open").set(1.0);
            counter!("open_total").increment(1);
            histogram!("h").record(1.0);
            counter!("h_count_total").increment(1);
            counter!("free_total").increment(1);
        });
        let text = text(&registry);
        let mut types: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        types.retain(|line| !line.starts_with("monitoring_"));
        types.sort_unstable();
        let expected = ["free counter", "h histogram", "h_count_total unknown", "open gauge", "open_total unknown"];
        assert_eq!(types, expected);
    }
}
