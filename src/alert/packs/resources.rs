//! What a process lives on: memory and processors of its container, disks, credentials.

use super::{hours, minutes};
use crate::alert::rule::{Across, GuideLine, Pack, Quantity, Rule, Value, metric};

const BY_INSTANCE: [&str; 3] = ["service", "environment", "instance"];

pub(super) fn rules() -> Vec<Rule> {
    vec![memory_high(), cpu_high(), cpu_throttled(), filesystem_fills(), credential_overdue()]
}

fn gauge(name: &str) -> Value {
    Value::latest(metric(name), Across::Max)
}

/// What cannot be taken back, of the container's own limit: the page cache is no trouble, nor is the node.
fn memory_high() -> Rule {
    let used = gauge("cgroup_memory_working_set_bytes").over(gauge("cgroup_memory_limit_bytes"));
    Rule::new("MemoryHigh", Pack::Service, used.above(Quantity::ratio(0.85)))
        .by(BY_INSTANCE)
        .lasting(minutes(5))
        .clear_at(0.78)
        .summary("A process comes close to the limit of its memory.")
        .description("{instance} of {service} in {environment} uses {value} of the memory that it may.")
        .guide([GuideLine::MemoryUsage])
        .takes_time("memory that is high for less than five minutes is no trouble")
}

fn cpu_high() -> Rule {
    let busy = Value::Rate { of: metric("cgroup_cpu_usage_seconds_total"), across: Across::Max, within: minutes(5) };
    let is_batch = Value::latest(metric("service_info").is("workload", "batch"), Across::Max);
    let condition = busy
        .over(gauge("cgroup_cpu_limit_cores"))
        .above(Quantity::ratio(0.8))
        .unless(is_batch.at_least(Quantity::count(1.0)));
    Rule::new("CpuHigh", Pack::Service, condition)
        .by(BY_INSTANCE)
        .lasting(minutes(15))
        .clear_at(0.7)
        .summary("A process uses most of the processor time that it may.")
        .description("{instance} of {service} in {environment} uses {value} of its processors.")
        .guide([GuideLine::CpuUsage])
        .takes_time("a processor that is busy for less than fifteen minutes is no trouble")
}

fn cpu_throttled() -> Rule {
    let rises = |name| Value::Increase { of: metric(name), across: Across::Max, within: minutes(5) };
    let throttled = rises("cgroup_cpu_throttled_periods_total").over(rises("cgroup_cpu_periods_total"));
    Rule::new("CpuThrottled", Pack::Service, throttled.above(Quantity::ratio(0.25)))
        .by(BY_INSTANCE)
        .lasting(minutes(15))
        .summary("A process has to stand still because its share of processor time is used up.")
        .description("{instance} of {service} in {environment} was throttled in {value} of its periods.")
}

fn filesystem_fills() -> Rule {
    let available = || metric("host_filesystem_available_bytes");
    let tomorrow = Value::Forecast { of: available(), across: Across::Min, within: hours(6), ahead: hours(24) };
    let room = Value::latest(available(), Across::Min).over(gauge("host_filesystem_size_bytes"));
    Rule::new(
        "FilesystemFills",
        Pack::Service,
        room.below(Quantity::ratio(0.4)).and(tomorrow.below(Quantity::bytes(0.0))),
    )
    .by(["service", "environment", "instance", "mount"])
    .lasting(hours(1))
    .summary("A file system will be full within a day.")
    .description("{mount} of {instance} has {value} of its space left, and loses it.")
}

fn credential_overdue() -> Rule {
    let condition = crate::alert::rule::Condition::Overdue {
        timestamp: metric("credential_rotated_timestamp_seconds"),
        interval: metric("credential_rotation_expected_interval_seconds"),
        // A rotation a tenth late is late, one a minute late is not.
        intervals: 1.1,
    };
    Rule::new("CredentialRotationOverdue", Pack::Service, condition)
        .by(["service", "environment", "name"])
        .lasting(hours(1))
        .summary("A credential was not exchanged for a new one in time.")
        .description("The credential {name} of {service} in {environment} is {value} old.")
}
