//! A file that is only ever appended to or replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::checksum::crc32;
use super::record::{Entry, Subject, decoded, encoded};

/// The records of one process.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: File,
    /// Held as long as this value lives, by the file beside, since the spool itself is replaced.
    _lock: File,
    /// The newest record of each subject that is not forgotten.
    live: BTreeMap<Subject, Vec<u8>>,
    live_bytes: u64,
    /// Where the next record goes. What lies behind is of a write that failed.
    end: u64,
    limit: u64,
}

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum SpoolError {
    /// It would be longer than it may be.
    Full,
    Io(io::Error),
}

/// What a file begins with.
const MAGIC: &[u8] = b"aistm7 alert spool 1\n";
/// Length and checksum.
const HEAD: usize = 8;
/// Longer than a record can be, an alert's texts being bounded.
const LONGEST_RECORD: usize = 256 * 1024;
/// Chosen: a file of this length is not worth replacing.
const SMALL: u64 = 256 * 1024;

impl Spool {
    /// Opens a spool, or makes one; with how many bytes at its end were torn and are dropped. Subjects that are not
    /// `wanted` are forgotten.
    ///
    /// # Errors
    /// When the system refuses, another process has it ([`io::ErrorKind::WouldBlock`]), or the file is no spool
    /// ([`io::ErrorKind::InvalidData`]).
    pub(crate) fn open(path: &Path, limit: u64, wanted: impl Fn(&Subject) -> bool) -> io::Result<(Self, u64)> {
        let lock = locked(path)?;
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(mut file) => drop(file.read_to_end(&mut bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if !bytes.is_empty() && !bytes.starts_with(MAGIC) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let (mut live, read) = read(&bytes);
        live.retain(|subject, _| wanted(subject));
        let live_bytes = live.values().map(|record| framed_length(record)).sum();
        // Written anew, so that nothing is ever appended to what is torn.
        let (file, end) = replaced(path, &live)?;
        let torn = (bytes.len() - read) as u64;
        Ok((Self { path: path.to_owned(), file, _lock: lock, live, live_bytes, end, limit }, torn))
    }

    /// What is known at the moment.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Subject, Entry)> {
        self.live.values().filter_map(|record| decoded(record)).filter_map(|(subject, entry)| Some((subject, entry?)))
    }

    /// Writes what is new of some subjects, and waits until it is on the disk. Without an entry a subject is forgotten.
    ///
    /// # Errors
    /// When it is not there; what was there before still is.
    pub(crate) fn write(&mut self, news: impl IntoIterator<Item = (Subject, Option<Entry>)>) -> Result<(), SpoolError> {
        let mut frames = Vec::new();
        let mut records = Vec::new();
        for (subject, entry) in news {
            if entry.is_none() && !self.live.contains_key(&subject) {
                continue;
            }
            let record = encoded(&subject, entry.as_ref());
            push_framed(&mut frames, &record);
            records.push((subject, entry.is_some().then_some(record)));
        }
        if records.is_empty() {
            return Ok(());
        }
        let growing = records.iter().any(|(_, record)| record.is_some());
        if growing && self.live_bytes + frames.len() as u64 > self.limit {
            return Err(SpoolError::Full);
        }
        self.append(&frames).map_err(SpoolError::Io)?;
        records.into_iter().for_each(|(subject, record)| self.keep(subject, record));
        if self.end > SMALL.max(2 * self.live_bytes) {
            // If that fails, the old file is as good.
            (self.file, self.end) = replaced(&self.path, &self.live).map_err(SpoolError::Io)?;
        }
        Ok(())
    }

    /// How long the file is.
    pub(crate) const fn bytes(&self) -> u64 {
        self.end
    }

    fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(frames)?;
        self.file.sync_data()?;
        self.end += frames.len() as u64;
        Ok(())
    }

    fn keep(&mut self, subject: Subject, record: Option<Vec<u8>>) {
        let old = match record {
            Some(record) => {
                self.live_bytes += framed_length(&record);
                self.live.insert(subject, record)
            }
            None => self.live.remove(&subject),
        };
        self.live_bytes -= old.map_or(0, |old| framed_length(&old));
    }
}

fn framed_length(record: &[u8]) -> u64 {
    (HEAD + record.len()) as u64
}

fn push_framed(out: &mut Vec<u8>, record: &[u8]) {
    // The cast is exact: records are bounded by what an alert can be.
    out.extend_from_slice(&(record.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32(record).to_le_bytes());
    out.extend_from_slice(record);
}

/// The newest record of each subject, and how many bytes are whole records.
fn read(bytes: &[u8]) -> (BTreeMap<Subject, Vec<u8>>, usize) {
    let mut live = BTreeMap::new();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else { return (live, 0) };
    while let Some((record, after)) = first_record(rest) {
        let Some((subject, entry)) = decoded(record) else { break };
        match entry {
            Some(_) => drop(live.insert(subject, record.to_vec())),
            None => drop(live.remove(&subject)),
        }
        rest = after;
    }
    (live, bytes.len() - rest.len())
}

/// The first record, if it is whole, and what is behind it.
fn first_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= LONGEST_RECORD)?;
    let (record, after) = rest.split_at_checked(length)?;
    (crc32(record) == u32::from_le_bytes(*sum)).then_some((record, after))
}

/// A new file with these records in place of the one at the path, and where it ends.
fn replaced(path: &Path, live: &BTreeMap<Subject, Vec<u8>>) -> io::Result<(File, u64)> {
    let mut bytes = MAGIC.to_vec();
    live.values().for_each(|record| push_framed(&mut bytes, record));
    let scratch = beside(path, ".new");
    // Only its own user may read who was told of what.
    let mut file = private().write(true).create(true).truncate(true).open(&scratch)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&scratch, path)?;
    // Or the name may be that of the old file after a crash of the machine.
    if let Some(directory) = path.parent() {
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        File::open(directory)?.sync_all()?;
    }
    Ok((file, bytes.len() as u64))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Held until the file is closed, be it by the end of the process.
fn locked(path: &Path) -> io::Result<File> {
    let lock = private().write(true).create(true).truncate(false).open(beside(path, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use super::super::super::alert::{Alert, Origin};
    use super::*;
    use crate::alert::Severity;

    const LIMIT: u64 = 1 << 20;

    fn news(index: usize) -> (Subject, Option<Entry>) {
        let alert = Alert::firing(Origin::new("risk", "prod"), "A", Severity::Info, SystemTime::UNIX_EPOCH)
            .label("index", &index.to_string());
        let subject = Subject::Alert { destination: "pager".to_owned(), alert: alert.fingerprint() };
        (subject, Some(Entry::Alert(Arc::new(alert), None)))
    }

    fn open(path: &Path) -> (Spool, u64) {
        Spool::open(path, LIMIT, |_| true).unwrap()
    }

    fn known(spool: &Spool) -> Vec<(Subject, Option<Entry>)> {
        spool.entries().map(|(subject, entry)| (subject, Some(entry))).collect()
    }

    fn sorted(mut news: Vec<(Subject, Option<Entry>)>) -> Vec<(Subject, Option<Entry>)> {
        news.sort_by(|(one, _), (other, _)| one.cmp(other));
        news
    }

    #[test]
    fn what_was_written_is_there_wherever_the_file_was_torn() {
        let directory = tempfile::tempdir().unwrap();
        let (path, torn) = (directory.path().join("spool"), directory.path().join("torn"));
        let mut ends = Vec::new();
        {
            let (mut spool, _) = open(&path);
            for index in 0..4 {
                spool.write([news(index)]).unwrap();
                ends.push(spool.bytes());
            }
            spool.write([(news(0).0, None)]).unwrap();
            ends.push(spool.bytes());
        }
        let whole = fs::read(&path).unwrap();
        let near_ends = ends.iter().flat_map(|end| [end - 1, *end]).map(|length| length as usize);
        for length in (MAGIC.len()..whole.len()).step_by(61).chain(near_ends) {
            fs::write(&torn, &whole[..length]).unwrap();
            let written = ends.iter().filter(|end| **end <= length as u64).count();
            assert_eq!(known(&open(&torn).0).len(), [0, 1, 2, 3, 4, 3][written], "{length}");
        }
        // A bit that tips over costs what is behind it, and nothing that is made up comes of it.
        let all: Vec<_> = (0..4).map(news).collect();
        for at in (MAGIC.len()..whole.len()).step_by(97) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&torn, &damaged).unwrap();
            let (spool, dropped) = open(&torn);
            assert!(dropped > 0 && known(&spool).iter().all(|one| all.contains(one)), "{at}");
        }
    }

    #[test]
    fn file_that_is_no_spool_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool");
        fs::write(&path, "somebody's").unwrap();
        assert_eq!(Spool::open(&path, LIMIT, |_| true).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's");
    }

    #[test]
    fn file_stays_small_however_often_it_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool");
        let (mut spool, _) = open(&path);
        spool.write([news(1)]).unwrap();
        for _ in 0..10 {
            spool.write((0..400).map(|_| news(2))).unwrap();
        }
        assert!(fs::metadata(&path).unwrap().len() <= SMALL + 400 * 1024, "{}", spool.bytes());
        drop(spool);
        assert_eq!(known(&open(&path).0), sorted(vec![news(1), news(2)]));
    }

    #[test]
    fn spool_that_is_full_takes_nothing_but_what_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, _) = Spool::open(&directory.path().join("spool"), 1_000, |_| true).unwrap();
        let taken = (0..10).take_while(|index| spool.write([news(*index)]).is_ok()).count();
        assert!((1..10).contains(&taken));
        assert!(matches!(spool.write([news(99)]), Err(SpoolError::Full)));
        spool.write([(news(0).0, None)]).unwrap();
        spool.write([news(99)]).unwrap();
    }

    #[test]
    fn one_process_has_a_spool_and_who_is_not_wanted_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool");
        let (mut spool, torn) = open(&path);
        assert_eq!(torn, 0);
        spool.write([news(1)]).unwrap();
        assert_eq!(Spool::open(&path, LIMIT, |_| true).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(spool);
        let (spool, _) = Spool::open(&path, LIMIT, |subject| subject.destination() != "pager").unwrap();
        assert_eq!(spool.entries().count(), 0);
    }
}
