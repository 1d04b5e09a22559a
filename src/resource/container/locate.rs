//! Where the files of this process's cgroup are.

use super::surroundings::Surroundings;
use crate::resource::files::Root;
use crate::resource::mounts::{Mount, has_word, mounts};

/// The folders of a cgroup.
#[derive(Debug, PartialEq)]
pub(super) enum Hierarchy {
    V1(V1),
    V2(V2),
}

/// Version 1 has a hierarchy for each of its controllers; none for those in which the process is in the root.
#[derive(Debug, Default, PartialEq)]
pub(super) struct V1 {
    pub(super) memory: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) cpu_accounting: Option<String>,
    pub(super) pids: Option<String>,
    pub(super) block_io: Option<String>,
}

/// Version 2 has one for all.
#[derive(Debug, PartialEq)]
pub(super) struct V2 {
    pub(super) own: String,
    /// The folder itself and those above it that can be seen: the limits of each hold.
    pub(super) with_parents: Vec<String>,
}

/// Chosen: several times what container platforms nest.
const DEEPEST: usize = 32;

pub(super) fn locate(root: &Root) -> Option<Hierarchy> {
    let (memberships, mounted) = (root.find("proc/self/cgroup")?, root.find("proc/self/mountinfo")?);
    let mounted: Vec<_> = mounts(&mounted).filter(|mount| mount.kind.starts_with("cgroup")).collect();
    let members: Vec<_> = memberships.lines().filter_map(Membership::parse).collect();
    // A machine that has version 1 may have an empty tree of version 2 beside it.
    locate_v1(root, &members, &mounted).map(Hierarchy::V1).or_else(|| {
        let member = members.iter().find(|member| member.controllers.is_empty())?;
        let mount = mounted.iter().find(|mount| mount.kind == "cgroup2")?;
        locate_v2(root, member, mount).map(Hierarchy::V2)
    })
}

fn locate_v1(root: &Root, members: &[Membership<'_>], mounted: &[Mount<'_>]) -> Option<V1> {
    let is_contained = Surroundings::by_files(root) == Surroundings::Container;
    let folder = |controller: &str| {
        let member = members.iter().find(|member| has_word(member.controllers, controller))?;
        let mount = mounted.iter().find(|mount| mount.kind == "cgroup" && has_word(mount.super_options, controller))?;
        let folder = folder(root, member, mount);
        // In a container the root that is seen is the container's own.
        (folder != mount.point || mount.folder != "/" || is_contained).then_some(folder)
    };
    let found = V1 {
        memory: folder("memory"),
        cpu: folder("cpu"),
        cpu_accounting: folder("cpuacct"),
        pids: folder("pids"),
        block_io: folder("blkio"),
    };
    (found != V1::default()).then_some(found)
}

fn locate_v2(root: &Root, member: &Membership<'_>, mount: &Mount<'_>) -> Option<V2> {
    let own = folder(root, member, mount);
    // The one file that every cgroup has but the machine's root.
    if !root.has(&format!("{own}/cgroup.events")) {
        return None;
    }
    let parent = |folder: &String| {
        let (parent, _) = folder.rsplit_once('/').filter(|_| *folder != mount.point)?;
        Some(parent.to_owned())
    };
    let with_parents = std::iter::successors(Some(own.clone()), parent).take(DEEPEST).collect();
    Some(V2 { own, with_parents })
}

/// Where a cgroup is under a mount that may show only a part of the tree.
fn folder(root: &Root, member: &Membership<'_>, mount: &Mount<'_>) -> String {
    let below = member.path.strip_prefix(mount.folder.trim_end_matches('/')).unwrap_or_default();
    let found = format!("{}{}", mount.point, below.trim_end_matches('/'));
    // A path that leads up and out is that of another namespace, and so is one that is not there.
    let is_seen = !below.split('/').any(|part| part == "..") && root.has(&found);
    if is_seen { found } else { mount.point.clone() }
}

/// A line of `/proc/self/cgroup`: `4:memory:/system.slice/orders.service`.
struct Membership<'t> {
    /// None for version 2.
    controllers: &'t str,
    path: &'t str,
}

impl<'t> Membership<'t> {
    fn parse(line: &'t str) -> Option<Self> {
        let mut parts = line.splitn(3, ':').skip(1);
        Some(Self { controllers: parts.next()?, path: parts.next().filter(|path| path.starts_with('/'))? })
    }
}
