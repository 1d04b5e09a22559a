//! The file systems of the machine: which of them are told of, and how full they are.

use std::collections::HashSet;
use std::path::Path;

use rustix::fs::statvfs;

use super::{FileSystem, HostFamilies, Space};
use crate::metrics::{CollectFailure, Collection};
use crate::resource::bounded::{Bounded, MOST};
use crate::resource::files::Root;
use crate::resource::mounts::{Mount, mounts};

/// Kinds that keep what is written to them on disks of this machine, or in its memory. All others are left out: those that
/// the kernel makes up, those that are always full, and those behind a network, which may never answer.
const KEPT_KINDS: [&str; 16] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "ntfs3", "overlay", "reiserfs",
    "tmpfs", "vfat", "xfs", "zfs",
];

/// Where the system, container engines and Kubernetes mount things of their own, which come and go with what they run.
const OWN_PLACES: [&str; 10] = [
    "/dev",
    "/proc",
    "/run/containerd",
    "/run/credentials",
    "/run/docker",
    "/run/user",
    "/sys",
    "/var/lib/containers/storage",
    "/var/lib/docker",
    "/var/lib/kubelet",
];

/// The file systems that are told of, each once, at the mount that came first.
pub(super) fn select(mountinfo: &str) -> Bounded<Mount<'_>> {
    let mut told = HashSet::new();
    let selected = mounts(mountinfo).filter(|mount| is_told_of(mount)).filter(|mount| told.insert(mount.device));
    Bounded::first(MOST, selected)
}

fn is_told_of(mount: &Mount<'_>) -> bool {
    let is_own = OWN_PLACES.into_iter().any(|place| Path::new(&mount.point).starts_with(place));
    // Of those that lie over others only the one that is a container's whole.
    let is_kept = KEPT_KINDS.contains(&mount.kind) && (mount.kind != "overlay" || mount.point == "/");
    is_kept && !is_own
}

/// Asks how full each of them is, and gives what it finds.
pub(super) fn collect(families: &HostFamilies, root: &Root, collection: &mut Collection) -> Result<(), CollectFailure> {
    let mountinfo = root.read("proc/self/mountinfo")?;
    let selected = select(&mountinfo);
    for mount in &selected.kept {
        families.give_file_system(collection, &look_at(root, mount));
    }
    families.give_omitted(collection, "mount", selected.omitted);
    Ok(())
}

fn look_at(root: &Root, mount: &Mount<'_>) -> FileSystem {
    let found = statvfs(root.path(&mount.point)).ok();
    let space = found.map(|found| {
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Space {
            size: bytes(found.f_blocks),
            free: bytes(found.f_bfree),
            available: bytes(found.f_bavail),
            files: found.f_files,
            files_free: found.f_ffree,
        }
    });
    FileSystem { mount: mount.point.clone(), kind: mount.kind.to_owned(), is_read_only: mount.is_read_only(), space }
}
