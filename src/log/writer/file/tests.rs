//! Files that grow, age, vanish, move, fill up or were never writable, and the lines that are whole all the same.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tracing::Level;

use super::{Every, FileSink};
use crate::clock::ManualClock;
use crate::log::tests::PATIENCE;
use crate::log::{Flushed, Log, LogOptions, Sink};
use crate::metrics::{Meter, Registry};

/// A log into a file of a folder of its own.
struct Fixture {
    log: Log,
    registry: Registry,
    clock: ManualClock,
    folder: TempDir,
}

const NAME: &str = "orders.log";

/// Longer than a file that could not be rotated or replaced is left alone.
const AFTER_RETRY: Duration = Duration::from_secs(11);

impl Fixture {
    fn new(set_up: impl FnOnce(FileSink) -> FileSink) -> Self {
        Self::at(NAME, set_up)
    }

    fn at(path: &str, set_up: impl FnOnce(FileSink) -> FileSink) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = set_up(FileSink::new(folder.path().join(path)));
        Self::start(sink, ManualClock::new(), folder)
    }

    fn start(sink: FileSink, clock: ManualClock, folder: TempDir) -> Self {
        let registry = Registry::new();
        let options = LogOptions::new("orders").clock(clock.clock()).sink(Sink::File(sink));
        let log = Log::start(options, &Meter::new(&registry)).expect("a valid log");
        Self { log, registry, clock, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// Writes a line and waits for it.
    fn line(&self, message: &str) -> Flushed {
        self.log.emit(Level::INFO, message, &[]);
        self.log.flush(PATIENCE)
    }

    fn errors(&self) -> f64 {
        self.registry.snapshot().value("log_write_errors_total", &[("sink", "file")]).expect("it exists at 0")
    }

    /// The files of the folder but the log itself, oldest first.
    fn rotated(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.file_name().is_some_and(|name| name != NAME));
        files.sort();
        files
    }
}

/// The messages of a file in which every line is whole.
fn messages(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    let parsed = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    parsed.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
}

fn all_messages(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().flat_map(|path| messages(path)).collect()
}

#[test]
fn file_and_its_folders_are_made_with_the_first_line_for_owner_and_group() {
    let fixture = Fixture::at("a/b/orders.log", |file| file);
    assert!(!fixture.folder.path().join("a").exists(), "a log opens nothing before its first line");
    assert_eq!(fixture.line("first"), Flushed { written: 1, lost: 0 });
    let path = fixture.folder.path().join("a/b/orders.log");
    assert_eq!(messages(&path), ["first"]);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o137, 0);
    assert_eq!(fixture.errors(), 0.0);
}

#[test]
fn settings_that_break_a_rule_are_refused() {
    for (sink, said) in [
        (FileSink::new("/"), "log file"),
        (FileSink::new("orders/.."), "log file"),
        (FileSink::new(NAME).rotate_at_bytes(65_535), "size of a log file"),
    ] {
        let options = LogOptions::new("orders").sink(Sink::File(sink));
        let refused = Log::start(options, &Meter::new(&Registry::new())).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[test]
fn files_are_rotated_before_they_are_too_large_and_the_oldest_are_deleted() {
    let limit = FileSink::MIN_ROTATE_BYTES;
    let fixture = Fixture::new(|file| file.rotate_at_bytes(limit).keep(3));
    fs::write(fixture.folder.path().join("orders.log.keep-me"), "").unwrap();
    let lines = 4_000;
    for line in 0..lines {
        // All at one moment, so that the names of what is rotated collide.
        fixture.log.emit(Level::INFO, &line.to_string(), &[("padding", "0123456789012345678901234567890123456789")]);
        if line % 100 == 0 {
            let _ = fixture.log.flush(PATIENCE);
        }
    }
    assert_eq!(fixture.log.flush(PATIENCE), Flushed { written: lines, lost: 0 });
    let mut files = fixture.rotated();
    assert_eq!(files.pop().unwrap().file_name().unwrap(), "orders.log.keep-me");
    assert_eq!(files.len(), 3, "{files:?}");
    for file in &files {
        let bytes = fs::metadata(file).unwrap().len();
        assert!((limit / 2..=limit).contains(&bytes), "{bytes} bytes");
    }
    // Numbers have no leading zeros, so they sort as numbers only.
    let number = |path: &PathBuf| path.extension().and_then(|number| number.to_str()?.parse::<u32>().ok());
    files.sort_by_key(number);
    files.push(fixture.path());
    let kept: Vec<u64> = all_messages(&files).iter().map(|message| message.parse().unwrap()).collect();
    assert_eq!(kept, (lines - kept.len() as u64..lines).collect::<Vec<_>>(), "no line is missing, doubled or divided");
    assert_eq!(fixture.errors(), 0.0);
}

#[test]
fn files_are_rotated_before_the_first_line_of_a_new_day() {
    let fixture = Fixture::new(|file| file.rotate_every(Every::Day));
    fixture.clock.advance(Duration::from_secs(13 * 3_600));
    let _ = fixture.line("23:30");
    fixture.clock.advance(Duration::from_secs(29 * 60));
    let _ = fixture.line("23:59");
    assert_eq!(fixture.rotated().len(), 0);
    fixture.clock.advance(Duration::from_secs(61));
    let _ = fixture.line("00:00");
    let rotated = fixture.rotated();
    assert_eq!(rotated, [fixture.folder.path().join("orders.log.20250123T000001.000Z")]);
    assert_eq!(
        (messages(&rotated[0]), messages(&fixture.path())),
        (vec!["23:30".into(), "23:59".into()], vec!["00:00".into()])
    );
}

#[test]
fn file_of_an_earlier_process_is_rotated_by_the_age_of_its_last_line() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), ManualClock::new());
    let path = folder.path().join(NAME);
    fs::write(&path, "{\"message\":\"yesterday\"}\n").unwrap();
    let yesterday = clock.clock().wall() - Duration::from_secs(86_400);
    File::options().write(true).open(&path).unwrap().set_modified(yesterday).unwrap();
    let fixture = Fixture::start(FileSink::new(&path).rotate_every(Every::Day), clock, folder);
    let _ = fixture.line("today");
    assert_eq!((all_messages(&fixture.rotated()), messages(&path)), (vec!["yesterday".into()], vec!["today".into()]));
}

#[test]
fn lines_are_not_glued_to_what_a_killed_process_left_behind() {
    let fixture = Fixture::new(|file| file);
    fs::write(fixture.path(), "{\"message\":\"broken o").unwrap();
    let _ = fixture.line("whole");
    let text = fs::read_to_string(fixture.path()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "{\"message\":\"broken o"));
    assert!(lines[1].starts_with('{') && lines[1].contains("whole"), "{text}");
}

#[test]
fn file_that_is_moved_removed_or_truncated_is_followed_without_a_signal() {
    let fixture = Fixture::new(|file| file);
    let aside = fixture.folder.path().join("aside");
    let _ = fixture.line("first");
    fs::rename(fixture.path(), &aside).unwrap();
    let _ = fixture.line("second");
    assert_eq!((messages(&aside), messages(&fixture.path())), (vec!["first".into()], vec!["second".into()]));
    fs::remove_file(fixture.path()).unwrap();
    let _ = fixture.line("third");
    assert_eq!(messages(&fixture.path()), ["third"]);
    File::options().write(true).open(fixture.path()).unwrap().set_len(0).unwrap();
    let _ = fixture.line("fourth");
    assert_eq!(messages(&fixture.path()), ["fourth"]);
    fs::remove_dir_all(fixture.folder.path()).unwrap();
    assert_eq!(fixture.line("fifth"), Flushed { written: 5, lost: 0 });
    assert_eq!(messages(&fixture.path()), ["fifth"]);
    assert_eq!(fixture.errors(), 0.0);
}

#[test]
fn reopening_makes_the_new_file_also_when_nobody_logs() {
    let fixture = Fixture::new(|file| file);
    let aside = fixture.folder.path().join("aside");
    let _ = fixture.line("first");
    fs::rename(fixture.path(), &aside).unwrap();
    fixture.log.reopen();
    // The writer does it: this ends.
    while !fixture.path().exists() {
        std::thread::yield_now();
    }
    assert_eq!(fixture.line("second"), Flushed { written: 2, lost: 0 });
    assert_eq!((messages(&aside), messages(&fixture.path())), (vec!["first".into()], vec!["second".into()]));
}

#[test]
fn no_line_is_lost_doubled_or_divided_while_the_file_is_moved_and_reopened() {
    let fixture = Fixture::new(|file| file.rotate_at_bytes(FileSink::MIN_ROTATE_BYTES));
    let (threads, each) = (4_u64, 2_000_u64);
    let done = AtomicBool::new(false);
    let moved = |number: u32| fixture.folder.path().join(format!("moved-{number}"));
    let moves = std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut moves = 0;
            while !done.load(Ordering::Relaxed) {
                // It may not be there yet.
                if fs::rename(fixture.path(), moved(moves)).is_ok() {
                    moves += 1;
                    fixture.log.reopen();
                }
                std::thread::yield_now();
            }
            moves
        });
        let logging: Vec<_> = (0..threads)
            .map(|thread| {
                let log = &fixture.log;
                scope.spawn(move || {
                    for line in 0..each {
                        log.emit(Level::ERROR, &format!("{thread}-{line}"), &[]);
                        if line % 50 == 0 {
                            let _ = log.flush(PATIENCE);
                        }
                    }
                })
            })
            .collect();
        let logged: Vec<_> = logging.into_iter().map(|thread| thread.join()).collect();
        let flushed = fixture.log.flush(PATIENCE);
        // Whatever comes of it, the mover ends.
        done.store(true, Ordering::Relaxed);
        assert!(logged.iter().all(Result::is_ok));
        assert_eq!(flushed, Flushed { written: threads * each, lost: 0 });
        mover.join().unwrap()
    });
    assert!(moves > 0);
    let mut files = fixture.rotated();
    files.extend(fixture.path().exists().then(|| fixture.path()));
    let mut found = all_messages(&files);
    found.sort();
    let mut expected: Vec<_> = (0..threads).flat_map(|t| (0..each).map(move |line| format!("{t}-{line}"))).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn two_logs_with_one_file_lose_nothing_when_both_rotate_it() {
    let limit = FileSink::MIN_ROTATE_BYTES;
    let one = Fixture::new(|file| file.rotate_at_bytes(limit));
    let sink = FileSink::new(one.path()).rotate_at_bytes(limit);
    let other = Fixture::start(sink, ManualClock::new(), tempfile::tempdir().unwrap());
    for round in 0..50 {
        for log in [&one.log, &other.log] {
            for line in 0..40 {
                log.emit(Level::INFO, &format!("{round}-{line}"), &[("padding", &"x".repeat(100))]);
            }
        }
        assert_eq!(one.log.flush(PATIENCE).lost + other.log.flush(PATIENCE).lost, 0);
    }
    let mut files = one.rotated();
    assert!(files.len() > 3, "{files:?}");
    files.push(one.path());
    assert_eq!(all_messages(&files).len(), 50 * 40 * 2);
}

#[test]
fn symbolic_link_stays_and_what_it_leads_to_is_rotated() {
    let fixture = Fixture::at("link.log", |file| file.rotate_every(Every::Hour));
    let (link, volume) = (fixture.folder.path().join("link.log"), fixture.folder.path().join("volume"));
    fs::create_dir(&volume).unwrap();
    symlink(volume.join("real.log"), &link).unwrap();
    let _ = fixture.line("first");
    fixture.clock.advance(Duration::from_secs(3_600));
    let _ = fixture.line("second");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(messages(&volume.join("real.log")), ["second"]);
    assert_eq!(messages(&volume.join("real.log.20250122T113000.000Z")), ["first"]);
}

#[test]
fn what_is_no_file_costs_the_lines_until_it_is_one() {
    let fixture = Fixture::new(|file| file);
    fs::create_dir(fixture.path()).unwrap();
    assert_eq!(fixture.line("lost"), Flushed { written: 0, lost: 1 });
    assert_eq!(fixture.errors(), 1.0);
    fs::remove_dir(fixture.path()).unwrap();
    // The line, and the one that tells of the lost one.
    assert_eq!(fixture.line("written"), Flushed { written: 2, lost: 1 });
    assert_eq!(messages(&fixture.path()), ["written", "log lines were dropped"]);
}

#[test]
fn file_that_cannot_be_rotated_is_written_on_and_told_of_once_until_it_is_tried_again() {
    let fixture = Fixture::new(|file| file.rotate_every(Every::Hour));
    let _ = fixture.line("first");
    fixture.clock.advance(Duration::from_secs(3_600));
    // The last name that a rotation at this moment could take is there: not even root can take another.
    let last = fixture.folder.path().join(format!("orders.log.20250122T113000.000Z.{}", u32::MAX));
    fs::write(&last, "").unwrap();
    for message in ["second", "third", "fourth"] {
        assert_eq!(fixture.line(message).lost, 0);
    }
    let told = "log file was not rotated or replaced";
    assert_eq!(messages(&fixture.path()), ["first", "second", "third", told, "fourth"]);
    assert_eq!(fixture.errors(), 1.0);
    fixture.clock.advance(AFTER_RETRY);
    assert_eq!(fixture.line("fifth").lost, 0);
    assert_eq!(messages(&fixture.path()), ["fifth"]);
    assert_eq!(fixture.errors(), 1.0);
    assert!(fs::read(last).unwrap().is_empty(), "nothing was replaced");
}

#[test]
fn file_that_was_moved_and_cannot_be_replaced_is_written_on() {
    let fixture = Fixture::new(|file| file);
    let aside = fixture.folder.path().join("aside");
    let _ = fixture.line("first");
    fs::rename(fixture.path(), &aside).unwrap();
    fs::create_dir(fixture.path()).unwrap();
    assert_eq!(fixture.line("second"), Flushed { written: 2, lost: 0 });
    fs::remove_dir(fixture.path()).unwrap();
    fixture.clock.advance(AFTER_RETRY);
    let _ = fixture.line("third");
    assert_eq!(messages(&aside), ["first", "second"]);
    assert_eq!(messages(&fixture.path()), ["third", "log file was not rotated or replaced"]);
    assert_eq!(fixture.errors(), 1.0);
}

#[test]
fn devices_and_pipes_are_written_to_and_not_rotated() {
    let fixture = Fixture::new(|file| file.rotate_every(Every::Hour).rotate_at_bytes(FileSink::MIN_ROTATE_BYTES));
    symlink("/dev/null", fixture.path()).unwrap();
    for _ in 0..2 {
        assert_eq!(fixture.line("into nothing").lost, 0);
        fixture.clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(fixture.rotated(), [] as [PathBuf; 0]);
    let device = |path: &Path| fs::metadata(path).unwrap().rdev();
    assert_eq!(device(&fixture.path()), device(Path::new("/dev/null")));
}
