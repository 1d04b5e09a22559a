//! Node-exporter's textfile collector.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::destination::sealed::Deliver;
use super::destination::{Delivering, Destination, Origin, Replace};
use super::error::PushError;
use super::instruments::JOB_NAME;
use super::page::Page;
use crate::error::InvalidValue;

/// A file that node-exporter reads: `*.prom` in the directory of its flag `--collector.textfile.directory`.
///
/// It is replaced as a whole, so that no reader sees a part of it, and can be read by everybody (mode 644). If it cannot be
/// written the old one stays. Each job has a file of its own; when it was last written is node-exporter's
/// `node_textfile_mtime_seconds`.
///
/// ```
/// use aistm7_monitoring::push::Textfile;
///
/// assert!(Textfile::new("/var/lib/prometheus/node-exporter/nightly-var.prom").is_ok());
/// assert!(Textfile::new("nightly-var.txt").is_err()); // node-exporter would not read it
/// ```
#[derive(Clone, Debug)]
pub struct Textfile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// One writer at a time, so that the start of a run that is held up does not come over its end.
    writing: Mutex<()>,
}

impl Textfile {
    /// The file at `path`. Nothing is touched before a job runs.
    ///
    /// # Errors
    /// When its name does not end in `.prom`.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, InvalidValue> {
        let path = path.into();
        if path.extension() != Some(OsStr::new("prom")) {
            let rule = "a path of a file whose name ends in .prom, or node-exporter does not read it";
            return Err(InvalidValue::new("textfile", path.display(), rule));
        }
        Ok(Self(Arc::new(Inner { path, writing: Mutex::new(()) })))
    }
}

impl Destination for Textfile {}

#[allow(private_interfaces, reason = "sealed: nobody outside calls it")]
impl Deliver for Textfile {
    fn shown(&self) -> String {
        self.0.path.display().to_string()
    }

    fn deliver(&self, origin: &Origin, page: Page, replace: Replace) -> Delivering<'_> {
        let own = [(JOB_NAME, &*origin.job), ("service", &origin.service), ("environment", &origin.environment)];
        let page = page.clear_of(&own).labelled(&own);
        let file = Arc::clone(&self.0);
        // A network's file system can hang, and nothing but a thread can be left hanging.
        let writing = tokio::task::spawn_blocking(move || file.write(page, replace));
        Box::pin(async { writing.await.unwrap_or(Err(PushError::Interrupted)) })
    }
}

impl Inner {
    fn write(&self, page: Page, replace: Replace) -> Result<(), PushError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let page = page.over(match replace {
            // A success says most of it by itself, so it does not fail for what cannot be read.
            Replace::Everything => self.read().unwrap_or_default().lasting(),
            Replace::Families => self.read()?,
        });
        let scratch = Scratch::beside(&self.path)?;
        scratch.fill(page.to_string().as_bytes())?;
        scratch.rename_to(&self.path)
    }

    fn read(&self) -> Result<Page, PushError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Page::parse(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Page::default()),
            Err(source) => Err(failed("read", &self.path)(source)),
        }
    }
}

/// A file with a name that node-exporter does not read. It is removed unless it gets its final name.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    /// In the same directory, since a file can be renamed within one file system only.
    fn beside(path: &Path) -> Result<Self, PushError> {
        let mut name = path.as_os_str().to_owned();
        // By chance: a process id is the same for each run in a container, and a run that was killed leaves its file.
        name.push(format!(".{:016x}.tmp", fastrand::u64(..)));
        let path = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed("create", &path))?;
        Ok(Self { path, file })
    }

    fn fill(&self, bytes: &[u8]) -> Result<(), PushError> {
        readable_by_all(&self.file).map_err(failed("set the mode of", &self.path))?;
        // Before it is renamed: else a crash may leave an empty file under the final name.
        let filled = (&self.file).write_all(bytes).and_then(|()| self.file.sync_all());
        filled.map_err(failed("write", &self.path))
    }

    fn rename_to(self, path: &Path) -> Result<(), PushError> {
        fs::rename(&self.path, path).map_err(failed("replace", path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is there any more under this name once it is renamed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Node-exporter runs as another user, and the umask of a batch job may shut that one out.
#[cfg(unix)]
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_: &File) -> io::Result<()> {
    Ok(())
}

fn failed(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PushError {
    let path = path.to_owned();
    move |source| PushError::File { step, path, source }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn page(text: &str) -> Page {
        Page::parse(text)
    }

    fn inner(path: PathBuf) -> Arc<Inner> {
        Textfile::new(path).unwrap().0
    }

    #[test]
    fn name_that_node_exporter_does_not_read_is_refused() {
        for name in ["", "a", "a.txt", "a.PROM", "a.prom.tmp"] {
            assert!(Textfile::new(name).is_err(), "{name}");
        }
        assert!(Textfile::new("a.b.prom").is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn written_file_is_readable_by_all_and_nothing_else_is_left() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.prom");
        inner(path.clone()).write(page("# TYPE a gauge\na 1\n"), Replace::Everything).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        let names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.prom"]);
    }

    #[test]
    fn families_that_are_not_shown_again_stay_until_everything_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.prom");
        let file = inner(path.clone());
        file.write(page("# TYPE a gauge\na 1\n"), Replace::Families).unwrap();
        file.write(page("# TYPE b gauge\nb 2\n"), Replace::Families).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# TYPE a gauge\na 1\n# TYPE b gauge\nb 2\n");
        file.write(page("# TYPE c gauge\nc 3\n"), Replace::Everything).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "# TYPE c gauge\nc 3\n");
    }

    #[test]
    fn reader_never_sees_a_part_of_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.prom");
        let file = inner(path.clone());
        let text = |value: u8| format!("# TYPE a gauge\n{}", format!("a{{x=\"y\"}} {value}\n").repeat(2_000));
        file.write(page(&text(1)), Replace::Everything).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..50 {
                    file.write(page(&text(1 + round % 2)), Replace::Everything).unwrap();
                }
                done.store(true, Ordering::Release);
            });
            let (one, two) = (text(1), text(2));
            while !done.load(Ordering::Acquire) {
                let seen = fs::read_to_string(&path).unwrap();
                assert!(seen == one || seen == two, "{} bytes of {}", seen.len(), one.len());
            }
        });
    }

    #[test]
    fn missing_directory_is_a_typed_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing/a.prom");
        let error = inner(path).write(page("# TYPE a gauge\na 1\n"), Replace::Everything).unwrap_err();
        let PushError::File { step: "create", source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn file_that_cannot_be_replaced_stays_and_no_scratch_is_left() {
        let directory = tempfile::tempdir().unwrap();
        // A directory cannot be replaced by a file, not even by root.
        let path = directory.path().join("a.prom");
        fs::create_dir(&path).unwrap();
        let error = inner(path.clone()).write(page("# TYPE a gauge\na 1\n"), Replace::Everything).unwrap_err();
        assert!(matches!(&error, PushError::File { step: "replace", path: at, .. } if *at == path), "{error:?}");
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
