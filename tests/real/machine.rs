//! The numbers of the process and the machine, against what others say of them at the same moment.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::{Command, Output};

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::Snapshot;
use aistm7_monitoring::monitoring::Variables;
use aistm7_monitoring::resource::HostNumbers;

use crate::child;
use crate::scrape::Scrape;
use crate::support::node_exporter::NodeExporter;

/// What is measured now: a monitoring of its own, since one measures twice a second at most.
fn measured() -> Snapshot {
    let monitoring = Monitoring::builder("machine")
        .variables(Variables::from([]))
        .environment("test")
        .resources(|resources| resources.host(HostNumbers::Always))
        .build()
        .expect("all settings are valid");
    monitoring.registry().collect();
    monitoring.registry().snapshot()
}

/// The values of a label in a family of ours.
fn values(snapshot: &Snapshot, name: &str, label: &str) -> BTreeSet<String> {
    let family = snapshot.family(name).unwrap_or_else(|| panic!("{name} is there"));
    let of_label = |labels: &str| {
        let (_, behind) = labels.split_once(&format!("{label}=\"")).expect("each series has it");
        behind.split_once('"').map_or_else(String::new, |(value, _)| value.to_owned())
    };
    family.series.iter().map(|series| of_label(&series.labels)).collect()
}

/// What node-exporter has to have seen, since it looked after `before` and before `after`.
struct Between<'a> {
    before: &'a Snapshot,
    theirs: &'a Scrape,
    after: &'a Snapshot,
}

impl Between<'_> {
    /// A counter of ours and the same of theirs, which may be so much less for rounding.
    #[track_caller]
    fn assert_counter(&self, ours: (&str, &[(&str, &str)]), theirs: (&str, &[(&str, &str)]), rounding: f64) {
        let value = |snapshot: &Snapshot| snapshot.value(ours.0, ours.1).unwrap_or_else(|| panic!("{ours:?}"));
        let (before, seen, after) = (value(self.before), self.theirs.sum(theirs.0, theirs.1), value(self.after));
        assert!(before - rounding <= seen && seen <= after + 1e-6, "{ours:?}: {before} <= {seen} <= {after}");
    }

    /// A number that nothing changes.
    #[track_caller]
    fn assert_same(&self, ours: (&str, &[(&str, &str)]), theirs: (&str, &[(&str, &str)])) {
        assert_eq!(self.before.value(ours.0, ours.1), self.theirs.value(theirs.0, theirs.1), "{ours:?}");
    }
}

#[test]
#[ignore = "needs node-exporter; run by tests/run"]
fn machine_is_what_node_exporter_says_of_it() {
    let exporter = NodeExporter::of_machine();
    let before = measured();
    let theirs = Scrape::of(exporter.address());
    let after = measured();
    let between = Between { before: &before, theirs: &theirs, after: &after };

    // They round down each processor's hundredths of a second, and we all of them together.
    let rounding = before.value("host_processors", &[]).unwrap() * 0.01;
    for mode in ["user", "nice", "system", "softirq", "steal"] {
        let labels = [("mode", mode)];
        between.assert_counter(
            ("host_cpu_seconds_total", &labels),
            ("node_cpu_seconds_total", &labels),
            rounding + 1e-6,
        );
    }
    between.assert_same(("host_boot_timestamp_seconds", &[]), ("node_boot_time_seconds", &[]));
    between.assert_same(("host_memory_total_bytes", &[]), ("node_memory_MemTotal_bytes", &[]));
    between.assert_same(("host_swap_total_bytes", &[]), ("node_memory_SwapTotal_bytes", &[]));
    let total = before.value("host_memory_total_bytes", &[]).unwrap();
    for (ours, seen) in [
        ("host_memory_available_bytes", "node_memory_MemAvailable_bytes"),
        ("host_memory_free_bytes", "node_memory_MemFree_bytes"),
        ("host_memory_cached_bytes", "node_memory_Cached_bytes"),
    ] {
        let (ours, seen) = (before.value(ours, &[]).unwrap(), theirs.value(seen, &[]).unwrap());
        assert!((ours - seen).abs() < total * 0.1, "{ours} and {seen} of {total}");
    }
    for minutes in ["1", "5", "15"] {
        let ours = [&before, &after].map(|page| page.value("host_load_average", &[("minutes", minutes)]));
        let seen = theirs.value(&format!("node_load{minutes}"), &[]);
        assert!(ours.contains(&seen), "{seen:?} is neither of {ours:?}");
    }
    for resource in values(&before, "host_pressure_waiting_seconds_total", "resource") {
        let seen = format!("node_pressure_{resource}_waiting_seconds_total");
        let labels = [("resource", &*resource)];
        between.assert_counter(("host_pressure_waiting_seconds_total", &labels), (&seen, &[]), 1e-6);
    }

    for (ours, seen) in [
        ("host_disk_reads_total", "node_disk_reads_completed_total"),
        ("host_disk_read_bytes_total", "node_disk_read_bytes_total"),
        ("host_disk_writes_total", "node_disk_writes_completed_total"),
        ("host_disk_written_bytes_total", "node_disk_written_bytes_total"),
        ("host_disk_read_time_seconds_total", "node_disk_read_time_seconds_total"),
        ("host_disk_write_time_seconds_total", "node_disk_write_time_seconds_total"),
        ("host_disk_io_time_seconds_total", "node_disk_io_time_seconds_total"),
    ] {
        for device in values(&before, ours, "device") {
            let labels = [("device", &*device)];
            between.assert_counter((ours, &labels), (seen, &labels), 1e-6);
        }
    }
    for (part, called) in [("bytes", "bytes"), ("packets", "packets"), ("errors", "errs"), ("dropped", "drop")] {
        for way in ["receive", "transmit"] {
            let ours = format!("host_network_{way}_{part}_total");
            let seen = format!("node_network_{way}_{called}_total");
            for interface in values(&before, &ours, "interface") {
                between.assert_counter((&ours, &[("interface", &interface)]), (&seen, &[("device", &interface)]), 0.0);
            }
        }
    }
    for mount in values(&before, "host_filesystem_size_bytes", "mount") {
        // What lies over others and is small they leave out.
        if theirs.value("node_filesystem_size_bytes", &[("mountpoint", &mount)]).is_some() {
            for (ours, seen) in [
                ("host_filesystem_size_bytes", "node_filesystem_size_bytes"),
                ("host_filesystem_files", "node_filesystem_files"),
                ("host_filesystem_read_only", "node_filesystem_readonly"),
            ] {
                let ours = before.sum(ours, &[("mount", &mount)]);
                assert_eq!(ours, theirs.value(seen, &[("mountpoint", &mount)]), "{seen} of {mount}");
            }
            let size = before.sum("host_filesystem_size_bytes", &[("mount", &mount)]).unwrap();
            for (ours, seen) in [
                ("host_filesystem_available_bytes", "node_filesystem_avail_bytes"),
                ("host_filesystem_free_bytes", "node_filesystem_free_bytes"),
            ] {
                let (ours, seen) =
                    (before.sum(ours, &[("mount", &mount)]), theirs.sum(seen, &[("mountpoint", &mount)]));
                // Others write meanwhile.
                assert!((ours.unwrap() - seen).abs() <= size * 0.05, "{ours:?} and {seen} of {mount}");
            }
        }
    }
    let ours = values(&before, "host_disk_reads_total", "device");
    let left_out = ["zram", "sr", "nbd"];
    for sample in theirs.samples().iter().filter(|sample| sample.name == "node_disk_reads_completed_total") {
        let device = &sample.labels["device"];
        assert!(ours.contains(device) || left_out.iter().any(|kind| device.starts_with(kind)), "{device} of {ours:?}");
    }
}

/// What the files of the cgroup say that this process is in, of version 1 or 2, read by hand; `None` in the root.
struct CgroupByHand {
    limit: Option<f64>,
    usage: f64,
    limit_hits: f64,
    oom_kills: f64,
}

impl CgroupByHand {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/cgroup").expect("Linux tells it");
        let below = |controller: &str| {
            let path =
                text.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(controller)?.strip_prefix(':'))?;
            (path != "/").then(|| path.to_owned())
        };
        let number = |file: String| -> Option<f64> { fs::read_to_string(file).ok()?.trim().parse().ok() };
        let keyed = |file: String, key: &str| -> Option<f64> {
            let text = fs::read_to_string(file).ok()?;
            text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
        };
        if let Some(path) = below("memory") {
            let file = |name: &str| format!("/sys/fs/cgroup/memory{path}/{name}");
            return Some(Self {
                // Without a limit it is the largest number of whole pages.
                limit: keyed(file("memory.stat"), "hierarchical_memory_limit").filter(|limit| *limit < 1e18),
                usage: number(file("memory.usage_in_bytes"))?,
                limit_hits: number(file("memory.failcnt"))?,
                oom_kills: keyed(file("memory.oom_control"), "oom_kill ")?,
            });
        }
        let path = below("")?;
        let file = |name: &str| format!("/sys/fs/cgroup{path}/{name}");
        // Where a slice above has a smaller one, ours is the smaller one: only a limit of its own is compared.
        Some(Self {
            limit: number(file("memory.max")),
            usage: number(file("memory.current"))?,
            limit_hits: keyed(file("memory.events"), "max ")?,
            oom_kills: keyed(file("memory.events"), "oom_kill ")?,
        })
    }
}

#[test]
fn cgroup_is_what_its_own_files_say() {
    let (first, shown, last) = (CgroupByHand::read(), measured(), CgroupByHand::read());
    let (Some(first), Some(last)) = (first, last) else {
        // Containers hide where their cgroup is; what is shown of it then is held to recorded trees.
        return;
    };
    let value = |name: &str| shown.value(name, &[]);
    if let Some(limit) = first.limit {
        assert!(value("cgroup_memory_limit_bytes").is_some_and(|shown| shown <= limit), "{limit}");
    }
    let usage = value("cgroup_memory_usage_bytes").unwrap();
    // Other processes of the cgroup work meanwhile.
    let slack = 0.2 * first.usage.max(last.usage);
    let (least, most) = (first.usage.min(last.usage) - slack, first.usage.max(last.usage) + slack);
    assert!((least..=most).contains(&usage), "{least} <= {usage} <= {most}");
    let working_set = value("cgroup_memory_working_set_bytes").unwrap();
    assert!(working_set > 0.0 && working_set <= usage, "{working_set} of {usage}");
    for (metric, first, last) in [
        ("cgroup_memory_limit_hits_total", first.limit_hits, last.limit_hits),
        ("cgroup_oom_kills_total", first.oom_kills, last.oom_kills),
    ] {
        let shown = value(metric).unwrap();
        assert!((first..=last).contains(&shown), "{metric}: {first} <= {shown} <= {last}");
    }
}

/// What the child found, in the order of [`NUMBERS`].
const FOUND: &str = "measured: ";

const NUMBERS: [&str; 4] = [
    "process_cpu_seconds_total",
    "process_minor_page_faults_total",
    "process_major_page_faults_total",
    "process_start_time_seconds",
];

/// What `/usr/bin/time` found: user and system time, major and minor faults.
const TIMED: &str = "timed: ";

#[test]
#[ignore = "needs /usr/bin/time; run by tests/run"]
fn process_is_what_time_says_of_it() {
    if child::is_child() {
        return work_and_tell();
    }
    let clock = Clock::system();
    let began = clock.unix_seconds();
    let Output { stdout, stderr, status } = timed(child::command("machine::process_is_what_time_says_of_it"));
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{stdout}{stderr}");
    let [cpu, minor, major, started] = numbers(&stdout, FOUND);
    let [user, system, all_major, all_minor] = numbers(&stderr, TIMED);

    // What it did after it had measured, and hundredths that each of three numbers has lost.
    let left = user + system - cpu;
    assert!((-0.03..0.25).contains(&left), "{user} + {system} and {cpu}");
    assert!(cpu > 0.2, "it worked: {cpu}");
    assert!(minor <= all_minor && all_minor - minor < 5_000.0 && minor > 1_000.0, "{minor} of {all_minor}");
    assert!(major <= all_major, "{major} of {all_major}");
    // The machine's start is known to the second.
    assert!((began - 1.5..=clock.unix_seconds()).contains(&started), "{began} <= {started}");
}

/// Runs a command under `/usr/bin/time`.
fn timed(command: Command) -> Output {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", &format!("{TIMED}%U %S %F %R")]).arg(command.get_program()).args(command.get_args());
    timed.args(["--include-ignored"]);
    for (name, value) in command.get_envs() {
        timed.env(name, value.expect("it is set"));
    }
    timed.output().expect("Debian's package `time` is installed")
}

fn numbers<const N: usize>(text: &str, behind: &str) -> [f64; N] {
    let line = text.lines().find_map(|line| line.split_once(behind)).unwrap_or_else(|| panic!("{text}"));
    let numbers: Vec<f64> = line.1.split(' ').map(|number| number.parse().expect("a number")).collect();
    numbers.try_into().expect("as many as were asked for")
}

/// Uses time and memory.
fn work_and_tell() {
    // 2,000 pages of four kibibytes, each touched.
    let mut memory = vec![0_u8; 2_000 * 4096];
    for round in 0..200_u8 {
        memory.iter_mut().for_each(|byte| *byte = byte.wrapping_add(black_box(round)));
        if round > 20 && cpu_seconds() > 0.3 {
            break;
        }
    }
    black_box(&memory);
    let snapshot = measured();
    let numbers = NUMBERS.map(|name| snapshot.value(name, &[]).expect("Linux tells it").to_string());
    writeln!(io::stdout(), "{FOUND}{}", numbers.join(" ")).expect("the parent listens");
}

fn cpu_seconds() -> f64 {
    measured().value("process_cpu_seconds_total", &[]).expect("Linux tells it")
}

#[test]
fn descriptors_threads_and_memory_are_those_of_this_process() {
    let before = measured();
    let files: Vec<_> = (0..64).map(|_| File::open("/proc/self/stat").unwrap()).collect();
    let opened = measured();
    drop(files);
    let value = |snapshot: &Snapshot, name: &str| snapshot.value(name, &[]).unwrap();
    // Other tests open and close some meanwhile.
    let more = value(&opened, "process_open_fds") - value(&before, "process_open_fds");
    assert!((32.0..=256.0).contains(&more), "{more}");

    let limit = Command::new("sh").args(["-c", "ulimit -n"]).output().unwrap();
    let limit = String::from_utf8(limit.stdout).unwrap().trim().parse::<f64>().ok();
    assert_eq!(before.value("process_max_fds", &[]), limit);
    assert!(value(&before, "process_threads") >= 2.0);
    let (resident, reserved) =
        (value(&before, "process_resident_memory_bytes"), value(&before, "process_virtual_memory_bytes"));
    assert!(resident > 1_000_000.0 && resident < reserved, "{resident} of {reserved}");
}
