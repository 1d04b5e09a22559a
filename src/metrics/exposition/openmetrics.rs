//! OpenMetrics 1.0.

use super::encode::escape_into;
use super::number;
use crate::metrics::cell::Exemplar;
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

/// What follows a bucket's count on its line. Its labels, names and values, have 63 characters of the 128 that the format
/// allows; they are called as OpenTelemetry wants them called.
pub(super) fn write_exemplar(out: &mut Vec<u8>, exemplar: &Exemplar) {
    out.extend_from_slice(b" # {trace_id=\"");
    out.extend_from_slice(&exemplar.span.trace_id.to_hex());
    out.extend_from_slice(b"\",span_id=\"");
    out.extend_from_slice(&exemplar.span.span_id.to_hex());
    out.extend_from_slice(b"\"} ");
    number::push_f64(out, exemplar.value);
    out.push(b' ');
    number::push_seconds(out, exemplar.unix_millis.saturating_mul(NANOS_PER_MILLI));
}

const NANOS_PER_MILLI: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ::metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};

    use super::super::Format;
    use crate::clock::ManualClock;
    use crate::metrics::{Definition, Meter, Registry, RegistryOptions, Unit};
    use crate::trace::{TRACEPARENT, TraceContext};

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

    static SIZE: Definition =
        Definition::histogram("size_bytes", "Size.").unit(Unit::Bytes).labels(&["queue"]).edges(&[0.5, 16.0]);
    static DELAY: Definition = Definition::histogram("delay_seconds", "Delay.").unit(Unit::Seconds).edges(&[0.5, 2.5]);

    fn context(traceparent: &'static str) -> TraceContext {
        let headers = [(TRACEPARENT, http::HeaderValue::from_static(traceparent))];
        TraceContext::from_headers(&headers.into_iter().collect())
    }

    #[test]
    fn exemplars_are_exactly_this() {
        let clock = ManualClock::new();
        let registry = Registry::with(RegistryOptions::new().clock(clock.clock()).exemplars());
        let meter = Meter::new(&registry);
        let size = meter.histogram(&SIZE).unwrap().series(["b".into()]);
        let delay = meter.histogram(&DELAY).unwrap().series([]);
        let first = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let second = context("00-00000000000000000000000000000001-00f067aa0ba902b7-01");
        {
            let _entered = first.enter();
            size.record(16.0);
            delay.record_duration(Duration::from_nanos(7_123_456_789));
        }
        clock.advance(Duration::from_millis(1_250));
        {
            let _entered = second.enter();
            size.record(-0.125);
            delay.record(0.1);
        }
        let (first, second) = (first.span_id(), second.span_id());
        let expected = format!(
            "\
# TYPE delay_seconds histogram
# UNIT delay_seconds seconds
# HELP delay_seconds Delay.
delay_seconds_bucket{{le=\"0.5\"}} 1 # {{trace_id=\"00000000000000000000000000000001\",span_id=\"{second}\"}} 0.1 1737541801.25
delay_seconds_bucket{{le=\"2.5\"}} 1
delay_seconds_bucket{{le=\"+Inf\"}} 2 # {{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\",span_id=\"{first}\"}} 7.123456789 1737541800
delay_seconds_sum 7.223456789
delay_seconds_count 2
# TYPE size_bytes histogram
# UNIT size_bytes bytes
# HELP size_bytes Size.
size_bytes_bucket{{queue=\"b\",le=\"0.5\"}} 1 # {{trace_id=\"00000000000000000000000000000001\",span_id=\"{second}\"}} -0.125 1737541801.25
size_bytes_bucket{{queue=\"b\",le=\"16.0\"}} 2 # {{trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\",span_id=\"{first}\"}} 16 1737541800
size_bytes_bucket{{queue=\"b\",le=\"+Inf\"}} 2
size_bytes_sum{{queue=\"b\"}} 15.875
size_bytes_count{{queue=\"b\"}} 2
# EOF"
        );
        assert_eq!(lines(&registry).join("\n"), expected);
        assert_eq!(lines(&registry).join("\n"), expected, "equal state, equal bytes");
    }

    #[test]
    fn exemplars_change_no_other_byte_and_nothing_of_the_text_format() {
        let (with, without) = (Registry::with(RegistryOptions::new().exemplars()), Registry::new());
        let _entered = TraceContext::new_root().enter();
        for registry in [&with, &without] {
            Meter::new(registry).histogram(&DELAY).unwrap().series([]).record(0.3);
            with_local_recorder(registry, || {
                counter!("jobs_total").increment(1);
                gauge!("depth").set(2.0);
                histogram!("wait_seconds", "a" => "b").record_many(0.3, 5);
            });
        }
        assert_eq!(with.render(), without.render());
        let plain = |registry| {
            let lines = lines(registry).into_iter();
            lines.map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(plain(&with), plain(&without));
        let exemplars = |registry| text(registry).matches(" # {trace_id=\"").count();
        assert_eq!((exemplars(&with), exemplars(&without)), (2, 0));
    }

    #[test]
    fn samples_without_a_sampled_trace_have_no_exemplar() {
        let registry = Registry::with(RegistryOptions::new().exemplars());
        let delay = Meter::new(&registry).histogram(&DELAY).unwrap().series([]);
        delay.record(0.1);
        let unsampled = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        {
            let _entered = unsampled.enter();
            delay.record(0.2);
            delay.record_duration_in(Duration::from_secs(1), None);
        }
        let _entered = TraceContext::new_root().enter();
        delay.record_duration_in(Duration::from_secs(1), None);
        delay.record_duration_in(Duration::from_secs(1), Some(&unsampled));
        delay.record(f64::NAN);
        delay.record(-1.0);
        with_local_recorder(&registry, || histogram!("wait_seconds").record_many(1.0, 0));
        let text = text(&registry);
        assert!(text.contains("delay_seconds_count 5\n"), "{text}");
        assert!(!text.contains("trace_id"), "{text}");
    }

    #[test]
    fn given_context_is_named_not_the_present_one() {
        let registry = Registry::with(RegistryOptions::new().exemplars());
        let delay = Meter::new(&registry).histogram(&DELAY).unwrap().series([]);
        let (given, present) = (TraceContext::new_root(), TraceContext::new_root());
        let _entered = present.enter();
        delay.record_duration_in(Duration::from_secs(1), Some(&given));
        let text = text(&registry);
        assert!(text.contains(&given.trace_id().to_string()), "{text}");
        assert!(!text.contains(&present.trace_id().to_string()), "{text}");
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
