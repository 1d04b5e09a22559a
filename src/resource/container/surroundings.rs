//! Whether this process is in a container, as far as it can tell.

use crate::resource::files::Root;

/// Files that container engines put into each container.
const MARKS: [&str; 2] = [".dockerenv", "run/.containerenv"];

/// Variables that container engines and platforms set in each container.
const VARIABLES: [&str; 3] = ["container", "KUBERNETES_SERVICE_HOST", "ECS_CONTAINER_METADATA_URI_V4"];

/// How container engines and platforms call the cgroups that they make, at the beginning of a part of the path.
const CGROUPS: [&str; 9] =
    ["cri-containerd-", "crio-", "docker-", "ecs-", "kubepods", "libpod-", "lxc.payload", "lxc-", "nerdctl-"];

/// The same, as whole parts.
const CGROUP_PARENTS: [&str; 4] = ["docker", "ecs", "lxc", "libpod_parent"];

/// Where this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resource) enum Surroundings {
    Container,
    /// Or a virtual one.
    Machine,
}

impl Surroundings {
    /// A container, if anything says so: a variable, a file, the name of a cgroup.
    pub(in crate::resource) fn of(root: &Root, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_told = VARIABLES.into_iter().any(|name| variable(name).is_some());
        if is_told { Self::Container } else { Self::by_files(root) }
    }

    pub(super) fn by_files(root: &Root) -> Self {
        let is_container = MARKS.into_iter().any(|mark| root.has(mark))
            || root.find("proc/self/cgroup").is_some_and(|memberships| memberships.lines().any(is_of_an_engine))
            || sees_no_root_of_cgroups(root);
        if is_container { Self::Container } else { Self::Machine }
    }
}

fn is_of_an_engine(membership: &str) -> bool {
    membership.split(['/', ':']).skip(2).any(|part| {
        CGROUP_PARENTS.contains(&part) || {
            let is_service = part.ends_with(".service");
            !is_service && CGROUPS.into_iter().any(|beginning| part.starts_with(beginning))
        }
    })
}

/// In a namespace of cgroups the path says that this is the root, and files are there that a machine's root has not.
fn sees_no_root_of_cgroups(root: &Root) -> bool {
    root.has("sys/fs/cgroup/cgroup.events")
}
