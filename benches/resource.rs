//! What a scrape of the machine costs, in processor time: a recorded machine with 50 mounts, 50 interfaces, 50 disks and 64
//! processors, read by this crate and, where it is installed, by Debian's prometheus-node-exporter from the same files.
//!
//! Ours reads the process and the cgroup too. A scrape is a page: collected and rendered; node-exporter's goes over HTTP.
//! Processor time is what the kernel counts for the whole process, so the threads of collectors are in it.
//!
//! `--test` makes a few scrapes only, to prove that the bench works. `--assert` fails when a scrape costs us 2 ms or more.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints its table")]
#![allow(dead_code, reason = "the tests use the rest of the helpers")]

#[path = "../tests/support/http.rs"]
mod http;
#[path = "../tests/support/poll.rs"]
mod poll;
#[path = "../tests/support/port.rs"]
mod port;
#[path = "../tests/support/tool.rs"]
mod tool;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::metrics::{Registry, RegistryOptions};
use aistm7_monitoring::resource::{HostNumbers, ResourceOptions, Resources};
use poll::eventually;
use port::{free_port, loopback};
use tempfile::TempDir;

/// Of each kind of thing.
const MANY: usize = 50;
const PROCESSORS: usize = 64;
const ROUNDS: usize = 7;

/// The most processor time that a scrape may take, in microseconds.
const MOST_A_SCRAPE: f64 = 2_000.0;

fn main() {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let (scrapes, rounds) = if has("--test") { (3, 1) } else { (300, ROUNDS) };
    let machine = machine();
    let ours = Ours::of(machine.path());
    let theirs = Theirs::of(machine.path());
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        figures[0].push(cost("self", scrapes, || drop(ours.page())));
        if let Some(theirs) = &theirs {
            figures[1].push(cost(&theirs.process.id().to_string(), scrapes, || drop(theirs.page())));
        }
    }
    println!("{scrapes} scrapes, medians of {rounds}: processor time a scrape");
    let [ours_micros, theirs_micros] = figures.map(median);
    println!("this crate              {:>8.0} us, {:>7} bytes", ours_micros.unwrap_or_default(), ours.page().len());
    match (theirs, ours_micros.zip(theirs_micros)) {
        (Some(theirs), Some((ours, node))) => {
            println!("node-exporter           {node:>8.0} us, {:>7} bytes", theirs.page().len());
            println!("ours to theirs: {:.2}", ours / node);
        }
        _ => println!("node-exporter is not installed"),
    }
    if has("--assert") {
        assert!(ours_micros.is_some_and(|micros| micros < MOST_A_SCRAPE), "{ours_micros:?} us");
    }
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Microseconds of processor time that a process takes for each of so many scrapes.
fn cost(process: &str, scrapes: usize, mut scrape: impl FnMut()) -> f64 {
    scrape();
    let before = cpu_micros(process);
    (0..scrapes).for_each(|_| scrape());
    // Exact for what a bench does.
    (cpu_micros(process) - before) as f64 / scrapes as f64
}

/// What `/proc/<process>/stat` says: hundredths of a second, its own and the kernel's for it.
fn cpu_micros(process: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process is there");
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace().collect()).unwrap_or_default();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).expect("a number");
    (ticks(11) + ticks(12)) * 10_000
}

/// This crate.
struct Ours {
    registry: Registry,
    clock: ManualClock,
    _resources: Resources,
}

impl Ours {
    fn of(root: &Path) -> Self {
        let clock = ManualClock::new();
        let registry = Registry::with(RegistryOptions::new().clock(clock.clock()));
        let options = ResourceOptions::new().root(root).host(HostNumbers::Always);
        let resources = Resources::register(&registry, &clock.clock(), options, None, |_| None).expect("fresh names");
        Self { registry, clock, _resources: resources }
    }

    fn page(&self) -> String {
        // A scrape within half a second would show what the last one did.
        self.clock.advance(Duration::from_secs(1));
        self.registry.collect();
        let page = self.registry.render();
        let filled = [
            "host_network_receive_bytes_total{interface=\"eth49\"}",
            "host_filesystem_size_bytes{fstype=\"ext4\",mount=\"/data/49\"}",
            "process_cpu_seconds_total ",
            "cgroup_memory_working_set_bytes ",
        ];
        filled.iter().for_each(|series| assert!(page.contains(series), "{series} in {page}"));
        page
    }
}

/// node-exporter, which ends with this value.
struct Theirs {
    process: Child,
    address: SocketAddr,
}

impl Theirs {
    fn of(root: &Path) -> Option<Self> {
        let program = tool::NODE_EXPORTER.path().ok()?;
        let address = loopback(free_port());
        let mut command = Command::new(program);
        command
            .arg("--collector.disable-defaults")
            .args(
                ["cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "pressure", "stat"]
                    .map(|name| format!("--collector.{name}")),
            )
            // From its file, as we read it.
            .args(["--no-collector.netdev.netlink", "--web.disable-exporter-metrics"])
            .arg(format!("--path.procfs={}", root.join("proc").display()))
            .arg(format!("--path.rootfs={}", root.display()))
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null());
        let process = command.spawn().ok()?;
        eventually(Duration::from_secs(20), || http::get(address, "/metrics", &[]));
        Some(Self { process, address })
    }

    fn page(&self) -> String {
        let page = http::get(self.address, "/metrics", &[]).expect("it answers").text().to_owned();
        for series in ["node_network_receive_bytes_total{device=\"eth49\"}", "mountpoint=\"/data/49\"}"] {
            assert!(page.contains(series), "{series} in {page}");
        }
        page
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A folder with the files of a machine and of a service in a cgroup of its own.
fn machine() -> TempDir {
    let folder = TempDir::new().expect("a folder for the bench");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    let lines = |line: &dyn Fn(usize) -> String| (0..MANY).map(line).collect::<String>();
    (0..MANY).for_each(|at| write(&format!("data/{at}/kept"), ""));

    let cgroup = "31 30 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    let mountinfo =
        lines(&|at| format!("{} 30 254:{at} / /data/{at} rw,relatime shared:1 - ext4 /dev/vd{at} rw\n", at + 40));
    write("proc/self/mountinfo", &format!("{cgroup}{mountinfo}"));
    write("proc/1/mounts", &lines(&|at| format!("/dev/vd{at} /data/{at} ext4 rw,relatime 0 0\n")));
    let headings =
        "Inter-|   Receive  |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n";
    let traffic = lines(&|at| format!("  eth{at}: 1744425324 98959 0 0 0 0 0 0 5538877 55891 0 0 0 0 0 0\n"));
    write("proc/net/dev", &format!("{headings}{traffic}"));
    let disk = |at| {
        format!(" 259 {at} nvme{at}n1 20000 7146 1600000 41518 5749 11778 240000 33412 0 17116 74930 0 0 0 0 0 0\n")
    };
    write("proc/diskstats", &lines(&disk));
    let mut stat = "cpu  1946390 69645 844295 2587937 30123 0 26351 1894 0 0\n".to_owned();
    for processor in 0..PROCESSORS {
        writeln!(stat, "cpu{processor} 30411 1088 13192 40436 470 0 411 29 0 0").expect("memory");
    }
    let interrupts = " 0".repeat(2_000);
    writeln!(stat, "intr 32250886{interrupts}\nctxt 66906534\nbtime 1737000000\nprocesses 12484\nprocs_running 1")
        .expect("memory");
    write("proc/stat", &stat);
    let memory = fs::read_to_string("/proc/meminfo").expect("Linux has it");
    write("proc/meminfo", &memory);
    write("proc/loadavg", "0.42 0.36 0.30 2/512 12345\n");
    for resource in ["cpu", "io", "memory"] {
        let waited = "avg10=0.00 avg60=0.12 avg300=0.10 total=14683173";
        write(&format!("proc/pressure/{resource}"), &format!("some {waited}\nfull {waited}\n"));
    }

    for file in ["stat", "status", "limits", "io"] {
        let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        write(&format!("proc/self/{file}"), &text);
    }
    (0..200).for_each(|fd| write(&format!("proc/self/fd/{fd}"), ""));
    write("proc/self/cgroup", "0::/system.slice/orders.service\n");
    let own = "sys/fs/cgroup/system.slice/orders.service";
    let stat = (0..50).map(|at| format!("counter{at} 1\n")).collect::<String>();
    for (file, text) in [
        ("cgroup.events", "populated 1\n"),
        ("memory.current", "157286400\n"),
        ("memory.max", "536870912\n"),
        ("memory.stat", &*format!("{stat}inactive_file 41943040\n")),
        ("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n"),
        ("cpu.max", "200000 100000\n"),
        (
            "cpu.stat",
            "usage_usec 1097480000\nuser_usec 915420000\nsystem_usec 182060000\nnr_periods 1\nnr_throttled 0\n",
        ),
        ("pids.current", "14\n"),
        ("pids.max", "9393\n"),
        ("io.stat", "254:0 rbytes=8388608 wbytes=4096 rios=96 wios=1 dbytes=0 dios=0\n"),
    ] {
        write(&format!("{own}/{file}"), text);
    }
    folder
}
