//! What cannot be read costs its own series, and nobody's time.

use std::time::{Duration, SystemTime};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::tree::{MACHINE, Tree};
use super::{Bench, HostNumbers};
use crate::metrics::DEFAULT_COLLECT_WITHIN;
use crate::resource::ResourceOptions;

fn shows(lines: &[String], area: &str) -> bool {
    lines.iter().any(|line| line.starts_with(area))
}

#[test]
fn failure_is_counted_and_stale_values_leave_while_others_go_on() {
    let tree = Tree::of(MACHINE);
    let bench = Bench::of(&tree, HostNumbers::Always);
    assert!(shows(&bench.collect(), "process_"));
    tree.remove("proc/self/stat");
    let lines = bench.collect();
    assert_eq!((bench.runs("process", "failed"), bench.runs("host", "failed")), (1.0, 0.0));
    assert!(shows(&lines, "process_"), "a hiccup is outlived");

    bench.clock.advance(Duration::from_secs(60));
    let lines = bench.collect();
    assert!(!shows(&lines, "process_") && shows(&lines, "host_cpu_") && shows(&lines, "cgroup_"), "{lines:#?}");

    tree.write("proc/self/stat", "1 (orders) S and no numbers\n");
    assert!(!shows(&bench.collect(), "process_"));
    assert_eq!(bench.runs("process", "failed"), 3.0);
}

#[test]
fn file_that_never_answers_holds_up_one_scrape_and_no_other_series() {
    let tree = Tree::of(MACHINE);
    tree.remove("proc/self/mountinfo");
    // Opening it waits until somebody writes into it.
    mkfifo(&tree.path("proc/self/mountinfo"), Mode::S_IRWXU).unwrap();
    let bench = Bench::of(&tree, HostNumbers::Always);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| bench.collect());
        // Once these have run, the gather waits for those that hang.
        let has_run = |collector| bench.runs(collector, "ok") == 1.0;
        while !(has_run("process") && has_run("host")) {
            std::thread::yield_now();
        }
        bench.clock.advance(DEFAULT_COLLECT_WITHIN);
        let lines = first.join().unwrap();
        assert!(shows(&lines, "process_") && shows(&lines, "host_cpu_"), "{lines:#?}");
    });
    assert_eq!((bench.runs("host-filesystems", "late"), bench.runs("cgroup", "late")), (1.0, 1.0));
    // The clock stands still, so that whoever waited would wait for ever.
    assert!(shows(&bench.collect(), "process_"));

    // Lets the threads end: each reads what is written and the end of it.
    drop(std::fs::write(tree.path("proc/self/mountinfo"), ""));
}

#[test]
fn credentials_are_as_old_as_their_files_or_as_the_service_says() {
    let tree = Tree::filled(&[]);
    tree.write("broker", "secret");
    let changed = std::fs::metadata(tree.path("broker")).unwrap().modified().unwrap();
    let options = ResourceOptions::new()
        .root(tree.folder())
        .credential_file("broker", tree.path("broker"))
        .credential_file("gone", tree.path("gone"));
    let bench = Bench::with(options);
    let told = bench.resources.credential("pricing").expect_every(Duration::from_secs(31));
    bench.collect();
    let rotated = |name| bench.registry.snapshot().value("credential_rotated_timestamp_seconds", &[("name", name)]);
    let unix_seconds = |when: SystemTime| when.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert_eq!((rotated("broker"), rotated("gone"), rotated("pricing")), (Some(unix_seconds(changed)), None, None));
    assert_eq!((bench.runs("credential-gone", "failed"), bench.runs("credential-broker", "ok")), (1.0, 1.0));

    told.rotated();
    let now = bench.clock.clock().unix_seconds();
    let lines = bench.collect();
    assert_eq!(rotated("pricing"), Some(now));
    bench.resources.credential("lost").rotated_at(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    bench.collect();
    assert_eq!(rotated("lost"), None, "nothing was rotated before 1970");
    assert!(
        lines.contains(&"credential_rotation_expected_interval_seconds{name=\"pricing\"} 31".to_owned()),
        "{lines:#?}"
    );
    bench.resources.credential("Not A Name").rotated();
    bench.collect();
    assert!(rotated("_other").is_some() && rotated("Not A Name").is_none());
}
