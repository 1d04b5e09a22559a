use std::fs;

use super::*;
use crate::clock::ManualClock;

const HOUR: Duration = Duration::from_secs(3600);

/// What a check says of backups of these ages and sizes, on a clock that is held.
fn said(configure: impl Fn(BackupCheck) -> BackupCheck, backups: &[(Duration, u64)]) -> Option<&'static str> {
    let clock = ManualClock::new().clock();
    let now = clock.wall();
    let backups: Vec<_> = backups.iter().map(|(age, bytes)| Backup { modified: now - *age, bytes: *bytes }).collect();
    let mut check = configure(BackupCheck::listing(move || std::future::ready(Ok(backups.clone()))));
    check.use_clock(&clock);
    outcome(&check)
}

fn outcome(check: &BackupCheck) -> Option<&'static str> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    match runtime.block_on(check.check()) {
        Ok(report) => report.reason(),
        Err(failure) => Some(failure.reason()),
    }
}

#[test]
fn newest_backup_is_judged_by_age_and_size() {
    for (backups, reason) in [
        (&[][..], Some("no_backup")),
        (&[(26 * HOUR, 100)], None),
        (&[(26 * HOUR + Duration::from_secs(1), 100)], Some("backup_old")),
        (&[(HOUR, 99)], Some("backup_too_small")),
        // The newest counts, not the largest and not the last in the list.
        (&[(HOUR, 99), (2 * HOUR, 1_000)], Some("backup_too_small")),
        (&[(HOUR, 100), (90 * HOUR, 1)], None),
    ] {
        assert_eq!(said(|check| check.at_least_bytes(100), backups), reason, "{backups:?}");
    }
    assert_eq!(said(|check| check, &[(HOUR, 0)]), Some("backup_too_small"), "an empty one is never whole");
    assert_eq!(said(|check| check.at_most_old(HOUR / 2), &[(HOUR, 1)]), Some("backup_old"));
}

#[test]
fn restore_that_nobody_tried_degrades() {
    let now = ManualClock::new().clock().wall();
    for (tried, reason) in [
        (None, Some("restore_untested")),
        (Some(now - 31 * 24 * HOUR), Some("restore_untested")),
        (Some(now - 29 * 24 * HOUR), None),
    ] {
        let with_tests =
            |check: BackupCheck| check.restore_tested(30 * 24 * HOUR, move || std::future::ready(Ok(tried)));
        assert_eq!(said(with_tests, &[(HOUR, 1)]), reason, "{tried:?}");
    }
    let unknown = |check: BackupCheck| check.restore_tested(HOUR, || std::future::ready(Err(io::Error::other("no"))));
    assert_eq!(said(unknown, &[(HOUR, 1)]), Some("listing_failed"));
}

#[test]
fn directory_shows_its_own_files_of_the_suffix() {
    let directory = tempfile::tempdir().unwrap();
    let check = BackupCheck::directory(directory.path(), ".dump");
    assert_eq!(outcome(&check), Some("no_backup"));
    fs::write(directory.path().join("a.dump.part"), "half").unwrap();
    fs::create_dir(directory.path().join("b.dump")).unwrap();
    assert_eq!(outcome(&check), Some("no_backup"));
    fs::write(directory.path().join("c.dump"), "whole").unwrap();
    assert_eq!(outcome(&check), None);
    assert_eq!(outcome(&BackupCheck::directory("/no/such/directory", "")), Some("listing_failed"));
}
