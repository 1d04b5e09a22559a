//! What is shown of each recorded machine, in full.

use super::tree::{DOCKER_V2, ECS_V1, MACHINE, Tree};
use super::{Bench, HostNumbers};
use crate::resource::container::Surroundings;
use crate::resource::files::Root;

/// Space is that of the machine that the test runs on.
fn is_space(line: &&String) -> bool {
    line.starts_with("host_filesystem_")
        && !line.starts_with("host_filesystem_read_only")
        && !line.starts_with("host_filesystem_error")
}

#[track_caller]
fn assert_page(lines: &[String], expected: &str) {
    let shown: Vec<_> = lines.iter().filter(|line| !is_space(line)).map(String::as_str).collect();
    let expected: Vec<_> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(shown, expected, "\n{}", shown.join("\n"));
}

#[test]
fn machine_is_shown_with_the_limits_of_the_service_and_of_the_slice_above_it() {
    assert_page(
        &Bench::of(&Tree::of(MACHINE), HostNumbers::OutsideContainers).collect(),
        include_str!("pages/machine.txt"),
    );
}

#[test]
fn container_is_shown_without_its_machine() {
    assert_page(
        &Bench::of(&Tree::of(DOCKER_V2), HostNumbers::OutsideContainers).collect(),
        include_str!("pages/docker_v2.txt"),
    );
}

#[test]
fn containers_of_version_1_show_the_same_as_those_of_version_2() {
    assert_page(
        &Bench::of(&Tree::of(ECS_V1), HostNumbers::OutsideContainers).collect(),
        include_str!("pages/ecs_v1.txt"),
    );
}

#[test]
fn machine_is_shown_in_a_container_if_asked_for_and_nowhere_if_not_wanted() {
    let tree = Tree::of(DOCKER_V2);
    let lines = Bench::of(&tree, HostNumbers::Always).collect();
    assert!(lines.contains(&"host_processors 1".to_owned()), "{lines:#?}");
    let lines = Bench::of(&Tree::of(MACHINE), HostNumbers::Never).collect();
    assert!(!lines.iter().any(|line| line.starts_with("host_")), "{lines:#?}");
}

#[test]
fn containers_are_known_by_files_cgroups_and_variables() {
    let of = |files: &[(&str, &str)], variable: &str| {
        let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect();
        let tree = Tree::filled(&files);
        Surroundings::of(&Root::new(tree.folder()), |name| (name == variable).then(|| "yes".to_owned()))
    };
    let of_cgroup = |text: &str| of(&[("proc/self/cgroup", text)], "");
    assert_eq!(of(&[], ""), Surroundings::Machine);
    for mark in [".dockerenv", "run/.containerenv", "sys/fs/cgroup/cgroup.events"] {
        assert_eq!(of(&[(mark, "")], ""), Surroundings::Container, "{mark}");
    }
    for variable in ["container", "KUBERNETES_SERVICE_HOST", "ECS_CONTAINER_METADATA_URI_V4"] {
        assert_eq!(of(&[], variable), Surroundings::Container, "{variable}");
    }
    for path in [
        "4:memory:/docker/5f1c",
        "0::/system.slice/docker-5f1c.scope",
        "0::/kubepods.slice/kubepods-besteffort.slice/x",
        "4:memory:/ecs/3f/77",
        "0::/machine.slice/libpod-5f1c.scope",
    ] {
        assert_eq!(of_cgroup(path), Surroundings::Container, "{path}");
    }
    for path in
        ["0::/", "0::/system.slice/docker.service", "4:memory:/user.slice", "0::/system.slice/docker-gc.service"]
    {
        assert_eq!(of_cgroup(path), Surroundings::Machine, "{path}");
    }
}

#[test]
fn disks_interfaces_and_mounts_have_an_end_and_the_rest_is_counted() {
    let tree = Tree::of(MACHINE);
    let many = |line: &dyn Fn(u32) -> String| (0..70).map(line).collect::<String>();
    tree.write("proc/net/dev", many(&|at| format!("eth{at}: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n")));
    tree.write("proc/diskstats", many(&|at| format!("259 {at} nvme{at}n1 1 2 3 4 5 6 7 8 9 10 11\n")));
    tree.write("proc/self/mountinfo", many(&|at| format!("{at} 1 259:{at} / /data/{at} rw - ext4 /dev/x rw\n")));
    let lines = Bench::of(&tree, HostNumbers::Always).collect();
    let series = |name: &str| lines.iter().filter(|line| line.starts_with(&format!("{name}{{"))).count();
    for name in ["host_network_receive_bytes_total", "host_disk_reads_total", "host_filesystem_error"] {
        assert_eq!(series(name), 64, "{name}");
    }
    for kind in ["disk", "interface", "mount"] {
        assert!(lines.contains(&format!("host_omitted{{kind=\"{kind}\"}} 6")), "{kind}: {lines:#?}");
    }

    let container = Tree::of(DOCKER_V2);
    container.write("proc/net/dev", many(&|at| format!("eth{at}: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n")));
    container.write("sys/fs/cgroup/io.stat", many(&|at| format!("259:{at} rbytes=1 wbytes=1 rios=1 wios=1\n")));
    let lines = Bench::of(&container, HostNumbers::OutsideContainers).collect();
    for kind in ["disk", "interface"] {
        assert!(lines.contains(&format!("cgroup_omitted{{kind=\"{kind}\"}} 6")), "{kind}: {lines:#?}");
    }
}
