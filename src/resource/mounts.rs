//! `/proc/self/mountinfo`: what is mounted where.

use super::text::unescaped;

/// A line of the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mount<'t> {
    /// `major:minor` of the file system.
    pub(super) device: &'t str,
    /// Which folder of the file system is mounted.
    pub(super) folder: String,
    /// Where it is mounted.
    pub(super) point: String,
    /// Of this mount: `rw,relatime`.
    pub(super) options: &'t str,
    pub(super) kind: &'t str,
    /// Of the file system: `rw,memory` for the cgroups of memory.
    pub(super) super_options: &'t str,
}

impl<'t> Mount<'t> {
    /// `36 35 98:0 /folder /point rw,noatime master:1 - ext4 /dev/sda1 rw,errors=continue`
    fn parse(line: &'t str) -> Option<Self> {
        // Between the two are fields of any number.
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(2);
        let mut system = system.split(' ');
        Some(Self {
            device: mount.next()?,
            folder: unescaped(mount.next()?),
            point: unescaped(mount.next()?),
            options: mount.next()?,
            kind: system.next()?,
            super_options: system.nth(1).unwrap_or_default(),
        })
    }

    pub(super) fn is_read_only(&self) -> bool {
        has_word(self.options, "ro") || has_word(self.super_options, "ro")
    }
}

/// The mounts in the order in which they were made; lines that are none are left out.
pub(super) fn mounts(text: &str) -> impl Iterator<Item = Mount<'_>> {
    text.lines().filter_map(Mount::parse)
}

/// Whether a list with commas between has a word.
pub(super) fn has_word(list: &str, word: &str) -> bool {
    list.split(',').any(|listed| listed == word)
}
