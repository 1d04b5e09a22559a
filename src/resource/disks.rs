//! `/proc/diskstats`: what was asked of disks.

use std::time::Duration;

use super::text::number;

/// The kernel counts in these, whatever the disk's own are.
const SECTOR_BYTES: u64 = 512;

/// What was asked of one disk since the machine started.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Disk<'t> {
    major: &'t str,
    minor: &'t str,
    pub(super) name: &'t str,
    pub(super) read: Requests,
    pub(super) write: Requests,
    /// While anything was asked of it.
    pub(super) busy: Duration,
}

/// What was asked of a disk in one direction.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Requests {
    pub(super) completed: u64,
    pub(super) bytes: u64,
    /// Added up over requests that were under way at once.
    pub(super) time: Duration,
}

impl<'t> Disk<'t> {
    /// `254 0 vda 19389860 714656 1778759946 41518710 574905 1177854 628731080 3341279 0 1711660 45036262`
    fn parse(line: &'t str) -> Option<Self> {
        let fields: Vec<_> = line.split_whitespace().collect();
        let field = |at: usize| number(fields.get(at)?);
        let requests = |first: usize| {
            Some(Requests {
                completed: field(first)?,
                bytes: field(first + 2)?.saturating_mul(SECTOR_BYTES),
                time: Duration::from_millis(field(first + 3)?),
            })
        };
        Some(Self {
            major: fields.first()?,
            minor: fields.get(1)?,
            name: fields.get(2)?,
            read: requests(3)?,
            write: requests(7)?,
            busy: Duration::from_millis(field(12)?),
        })
    }

    pub(super) fn has_number(&self, number: &str) -> bool {
        number.split_once(':') == Some((self.major, self.minor))
    }
}

/// All of them, partitions and those in memory too.
pub(super) fn all(text: &str) -> impl Iterator<Item = Disk<'_>> {
    text.lines().filter_map(Disk::parse)
}

/// Whether a device is a disk as a whole, and no part of one, nor one in memory, in a file or of paper.
pub(super) fn is_whole(name: &str) -> bool {
    const NO_DISKS: [&str; 6] = ["fd", "loop", "nbd", "ram", "sr", "zram"];
    let stem = name.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let is_numbered = stem.len() < name.len();
    let is_part = match stem {
        // `nvme0n1p2`, `mmcblk0p1`: a disk whose name ends in a number has parts behind a `p`.
        _ if name.starts_with("nvme") || name.starts_with("mmcblk") => stem.ends_with('p'),
        // `sda1`, `xvda1`, `vdb2`, `hda3`.
        _ => ["sd", "xvd", "vd", "hd"].iter().any(|kind| stem.starts_with(kind)),
    };
    !(is_numbered && (is_part || NO_DISKS.contains(&stem)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_devices_without_a_disk_are_told_from_disks() {
        for disk in ["sda", "sdaa", "vda", "xvda", "nvme0n1", "nvme10n2", "mmcblk0", "dm-0", "md127", "sdp"] {
            assert!(is_whole(disk), "{disk}");
        }
        for other in
            ["sda1", "vdb15", "xvda2", "nvme0n1p1", "mmcblk0p2", "loop0", "ram15", "zram0", "sr0", "fd0", "nbd3"]
        {
            assert!(!is_whole(other), "{other}");
        }
    }

    #[test]
    fn sectors_are_bytes_and_short_lines_are_nothing() {
        let text = " 254 0 vda 10 1 16 250 4 2 8 40 0 270 290 0 0 0 0\n 254 1 vda1 1 2\nvdb\n\n";
        let disks: Vec<_> = all(text).collect();
        assert_eq!(disks.len(), 1);
        assert_eq!((disks[0].read.bytes, disks[0].write.bytes), (8192, 4096));
        assert_eq!((disks[0].read.time.as_millis(), disks[0].write.time.as_millis()), (250, 40));
        assert_eq!(disks[0].busy, Duration::from_millis(270));
        assert!(disks[0].has_number("254:0") && !disks[0].has_number("254:1") && !disks[0].has_number("254"));
    }
}
