//! Whether there is a backup that could be restored: a new enough one, large enough, and tried.

mod directory;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::health::{CheckFailure, CheckOptions, CheckReport, ComponentKind, HealthCheck, Severity};

/// Looks at the newest backup: its age, its size, and when a restore was last tried.
///
/// A directory is looked at by itself; for anything else, such as a bucket, a closure lists what is there.
///
/// Defaults: at most 26 hours old (a daily backup and the time it takes), of any size above nothing; every 5 minutes, 30 s
/// timeout, unhealthy after 2 failures, healthy after 1 report, critical.
///
/// | reason | meaning |
/// |---|---|
/// | `no_backup` | there is none |
/// | `backup_old` | the newest is older than the limit |
/// | `backup_too_small` | the newest is smaller than the limit: cut off, or empty |
/// | `restore_untested` | degraded: no restore was tried within the limit |
/// | `listing_failed` | what is there could not be listed |
///
/// ```
/// use std::time::Duration;
/// use aistm7_monitoring::health::{Backup, BackupCheck};
///
/// let local = BackupCheck::directory("/var/backups/orders", ".dump").at_least_bytes(10_000_000);
/// let bucket = BackupCheck::listing(async || {
///     // List the bucket here.
///     Ok(vec![Backup { modified: std::time::SystemTime::UNIX_EPOCH, bytes: 0 }])
/// })
/// .at_most_old(Duration::from_secs(2 * 3600));
/// # let _ = (local, bucket);
/// ```
pub struct BackupCheck {
    list: List,
    oldest: Duration,
    smallest: u64,
    restore_tests: Option<RestoreTests>,
    clock: Clock,
}

type Listed<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;
type List = Box<dyn Fn() -> Listed<Vec<Backup>> + Send + Sync>;

struct RestoreTests {
    last: Box<dyn Fn() -> Listed<Option<SystemTime>> + Send + Sync>,
    longest_ago: Duration,
}

/// One backup, as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// When it was written to last.
    pub modified: SystemTime,
    /// Its size.
    pub bytes: u64,
}

impl BackupCheck {
    /// Looks at the files of a directory whose names end in `suffix`, such as `.dump`; an empty one takes every file.
    pub fn directory(directory: impl Into<std::path::PathBuf>, suffix: &str) -> Self {
        let (directory, suffix) = (directory.into(), suffix.to_owned());
        // A check has a thread of its own, so that a file system may be slow.
        Self::listing(move || std::future::ready(directory::backups_in(&directory, &suffix)))
    }

    /// Looks at what `list` gives, such as the objects of a bucket.
    pub fn listing<F, Fut>(list: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Vec<Backup>>> + Send + 'static,
    {
        Self {
            list: Box::new(move || Box::pin(list())),
            oldest: Duration::from_secs(26 * 3600),
            smallest: 1,
            restore_tests: None,
            clock: Clock::system(),
        }
    }

    /// The age above which the newest backup is too old.
    #[must_use]
    pub fn at_most_old(mut self, oldest: Duration) -> Self {
        self.oldest = oldest;
        self
    }

    /// The size below which a backup cannot be whole.
    #[must_use]
    pub fn at_least_bytes(mut self, smallest: u64) -> Self {
        self.smallest = smallest;
        self
    }

    /// Asks, too, when a restore was last tried with success: `last` says it, `longest_ago` is how long that may be.
    #[must_use]
    pub fn restore_tested<F, Fut>(mut self, longest_ago: Duration, last: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Option<SystemTime>>> + Send + 'static,
    {
        self.restore_tests = Some(RestoreTests { last: Box::new(move || Box::pin(last())), longest_ago });
        self
    }

    fn age(&self, of: SystemTime) -> Duration {
        // What the future has written is new.
        self.clock.wall().duration_since(of).unwrap_or_default()
    }

    fn judge(&self, backups: &[Backup]) -> Result<CheckReport, CheckFailure> {
        let Some(newest) = backups.iter().max_by_key(|backup| backup.modified) else {
            return Err(CheckFailure::new("no_backup", "there is no backup"));
        };
        let age = self.age(newest.modified);
        let failed = |reason, message: &str| {
            let failure = CheckFailure::new(reason, message);
            Err(failure.with_data("age_seconds", age).with_data("bytes", newest.bytes))
        };
        if age > self.oldest {
            return failed("backup_old", "the newest backup is too old");
        }
        if newest.bytes < self.smallest {
            return failed("backup_too_small", "the newest backup is too small to be whole");
        }
        Ok(CheckReport::healthy().with_data("age_seconds", age).with_data("bytes", newest.bytes))
    }
}

impl RestoreTests {
    async fn judge(&self, age: impl Fn(SystemTime) -> Duration, backup: CheckReport) -> io::Result<CheckReport> {
        let degraded = |message: &str| CheckReport::degraded("restore_untested", message);
        Ok(match (self.last)().await?.map(age) {
            None => degraded("no restore was ever tried"),
            Some(ago) if ago > self.longest_ago => {
                degraded("no restore was tried for too long").with_data("restore_test_age_seconds", ago)
            }
            Some(ago) => backup.with_data("restore_test_age_seconds", ago),
        })
    }
}

impl HealthCheck for BackupCheck {
    async fn check(&self) -> Result<CheckReport, CheckFailure> {
        let failed = |error| CheckFailure::new("listing_failed", "the backups cannot be listed").with_source(error);
        let report = self.judge(&(self.list)().await.map_err(failed)?)?;
        match &self.restore_tests {
            None => Ok(report),
            Some(tests) => tests.judge(|tried| self.age(tried), report).await.map_err(failed),
        }
    }

    fn defaults(&self) -> CheckOptions {
        CheckOptions::new()
            .interval(Duration::from_secs(5 * 60))
            .timeout(Duration::from_secs(30))
            .failure_threshold(2)
            .recovery_threshold(1)
            .severity(Severity::Critical)
            .kind(ComponentKind::Datastore)
    }

    fn use_clock(&mut self, clock: &Clock) {
        self.clock = clock.clone();
    }
}

impl fmt::Debug for BackupCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupCheck")
            .field("oldest", &self.oldest)
            .field("smallest", &self.smallest)
            .finish_non_exhaustive()
    }
}
