//! Whether there is room left where a service writes.

use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::{StatVfs, statvfs};

use crate::error::InvalidValue;
use crate::health::{CheckFailure, CheckOptions, CheckReport, ComponentKind, HealthCheck, Severity};

/// Looks at the file system of a directory: space and inodes that this process may still use.
///
/// Blocks that are kept for the superuser do not count as free. The data say `free_bytes`, `free_ratio` and
/// `free_inodes_ratio`.
///
/// Defaults: degraded below 15 % free, unhealthy below 5 %; every 60 s, 5 s timeout (a network file system that hangs),
/// unhealthy after 2 failures, healthy after 2 reports, critical.
///
/// | reason | meaning |
/// |---|---|
/// | `disk_filling` | degraded: less than the first limit is free |
/// | `disk_full` | less than the second limit is free |
/// | `inodes_filling`, `inodes_full` | the same, of files that can still be created |
/// | `missing` | the directory is not there, or may not be looked at |
///
/// ```
/// use aistm7_monitoring::health::DiskCheck;
///
/// let spool = DiskCheck::new("/var/spool/orders").free_at_least(0.10, 0.02)?;
/// # let _ = spool;
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[derive(Clone, Debug)]
pub struct DiskCheck {
    directory: PathBuf,
    degraded_below: f64,
    unhealthy_below: f64,
}

impl DiskCheck {
    /// A check of the file system that `directory` is on.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), degraded_below: 0.15, unhealthy_below: 0.05 }
    }

    /// The free share below which the check is degraded, and the one below which it is unhealthy; 1 is the whole disk.
    ///
    /// # Errors
    /// When one is not from 0 to 1, or the second is above the first.
    pub fn free_at_least(mut self, degraded_below: f64, unhealthy_below: f64) -> Result<Self, InvalidValue> {
        for (what, share) in [("degraded below", degraded_below), ("unhealthy below", unhealthy_below)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(InvalidValue::new(what, share, "a share of the disk, from 0 to 1"));
            }
        }
        if unhealthy_below > degraded_below {
            return Err(InvalidValue::new(
                "unhealthy below",
                unhealthy_below,
                "at most the share below which it is degraded",
            ));
        }
        (self.degraded_below, self.unhealthy_below) = (degraded_below, unhealthy_below);
        Ok(self)
    }

    fn judge(&self, free: Free) -> Result<CheckReport, CheckFailure> {
        let limits = [("disk_full", "disk_filling", free.space), ("inodes_full", "inodes_filling", free.inodes)];
        let shown = |share: f64| format!("{:.1} % is free", share * 100.0);
        if let Some((full, _, share)) = limits.into_iter().find(|(.., share)| *share < self.unhealthy_below) {
            return Err(free.describe_failure(CheckFailure::new(full, shown(share))));
        }
        let filling = limits.into_iter().find(|(.., share)| *share < self.degraded_below);
        let report = filling
            .map_or_else(CheckReport::healthy, |(_, filling, share)| CheckReport::degraded(filling, shown(share)));
        Ok(free.describe(report))
    }
}

/// What this process may still use of a file system.
#[derive(Clone, Copy, Debug)]
struct Free {
    bytes: u64,
    space: f64,
    inodes: f64,
}

impl Free {
    fn of(stat: &StatVfs) -> Self {
        // What is used and what this process may use make the whole: blocks kept for the superuser are neither.
        let usable = stat.f_blocks.saturating_sub(stat.f_bfree).saturating_add(stat.f_bavail);
        Self {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            space: share(stat.f_bavail, usable),
            inodes: share(stat.f_favail, stat.f_files.saturating_sub(stat.f_ffree).saturating_add(stat.f_favail)),
        }
    }

    fn describe(self, report: CheckReport) -> CheckReport {
        self.facts().into_iter().fold(report, |report, (name, value)| report.with_data(name, value))
    }

    fn describe_failure(self, failure: CheckFailure) -> CheckFailure {
        self.facts().into_iter().fold(failure, |failure, (name, value)| failure.with_data(name, value))
    }

    fn facts(self) -> [(&'static str, crate::health::Datum); 3] {
        [
            ("free_bytes", self.bytes.into()),
            ("free_ratio", self.space.into()),
            ("free_inodes_ratio", self.inodes.into()),
        ]
    }
}

/// File systems without a fixed number of inodes, or without blocks of their own, have 0 of them: those are not full.
fn share(part: u64, whole: u64) -> f64 {
    // Exact up to 2^53 blocks.
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl HealthCheck for DiskCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let stat = statvfs(&self.directory)
            .map_err(|error| CheckFailure::new("missing", "the directory cannot be looked at").with_source(error))?;
        self.judge(Free::of(&stat))
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(60))
            .timeout(Duration::from_secs(5))
            .failure_threshold(2)
            .recovery_threshold(2)
            .severity(Severity::Critical)
            .kind(ComponentKind::System)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(free: Free) -> Option<&'static str> {
        match DiskCheck::new("/").judge(free) {
            Ok(report) => report.reason(),
            Err(failure) => Some(failure.reason()),
        }
    }

    #[test]
    fn limits_hold_for_space_and_for_inodes() {
        for (space, inodes, reason) in [
            (0.5, 0.5, None),
            (0.15, 1.0, None),
            (0.149, 1.0, Some("disk_filling")),
            (0.049, 1.0, Some("disk_full")),
            (1.0, 0.1, Some("inodes_filling")),
            (0.1, 0.01, Some("inodes_full")),
            (0.0, 0.0, Some("disk_full")),
        ] {
            assert_eq!(said(Free { bytes: 0, space, inodes }), reason, "{space} {inodes}");
        }
        assert!(DiskCheck::new("/").free_at_least(0.1, 0.2).is_err());
        assert!(DiskCheck::new("/").free_at_least(f64::NAN, 0.2).is_err());
        assert_eq!(share(0, 0), 1.0);
    }

    #[tokio::test]
    async fn real_file_system_has_room_and_a_directory_that_is_not_there_is_missing() {
        let anything = DiskCheck::new(std::env::temp_dir()).free_at_least(0.0, 0.0).unwrap();
        let report = anything.check().await.unwrap();
        assert!(report.data().iter().any(|(name, _)| *name == "free_bytes"), "{report:?}");
        let everything = DiskCheck::new(std::env::temp_dir()).free_at_least(1.0, 0.0).unwrap();
        assert_eq!(everything.check().await.unwrap().reason(), Some("disk_filling"));
        assert_eq!(DiskCheck::new("/no/such/directory").check().await.unwrap_err().reason(), "missing");
    }
}
