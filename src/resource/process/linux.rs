//! What Linux says of the process in `/proc/self`.

use std::time::Duration;

use rustix::fs::{PROC_SUPER_MAGIC, statfs};

use super::Process;
use crate::resource::files::{ReadError, Root};
use crate::resource::text::{keyed, keyed_kibibytes, limit, number, ticks};

/// Reads `/proc/self`.
#[derive(Debug)]
pub(super) struct Reader {
    root: Root,
    /// When the machine started, in Unix seconds. Read once, so that a clock that is set does not move the past.
    booted: Option<u64>,
}

impl Reader {
    pub(super) fn new(root: &Root) -> Self {
        Self { root: root.clone(), booted: None }
    }

    pub(super) fn read(&mut self) -> Result<Process, ReadError> {
        let stat = self.root.parse("proc/self/stat", Stat::parse)?;
        let status = self.root.find("proc/self/status").unwrap_or_default();
        let limits = self.root.find("proc/self/limits").unwrap_or_default();
        // Closed to a process that may not be traced, such as one that gave its privileges up.
        let io = self.root.find("proc/self/io").unwrap_or_default();
        Ok(Process {
            cpu: Some(stat.cpu),
            open_fds: self.open_fds(),
            max_fds: soft_limit(&limits, "Max open files"),
            virtual_bytes: Some(stat.virtual_bytes),
            virtual_max_bytes: soft_limit(&limits, "Max address space"),
            resident_bytes: keyed_kibibytes(&status, "VmRSS"),
            // Exact for any time that a clock shows.
            started: self.booted().map(|booted| booted as f64 + stat.started_after_boot.as_secs_f64()),
            threads: Some(stat.threads),
            minor_faults: Some(stat.minor_faults),
            major_faults: Some(stat.major_faults),
            storage_read_bytes: keyed(&io, "read_bytes"),
            storage_written_bytes: keyed(&io, "write_bytes"),
        })
    }

    fn open_fds(&self) -> Option<u64> {
        let folder = self.root.path("proc/self/fd");
        let is_of_the_kernel = statfs(&folder).ok()?.f_type == PROC_SUPER_MAGIC;
        // Since Linux 6.2 the folder's size is the number of its entries, which saves listing them.
        let counted = folder.metadata().ok()?.len();
        if is_of_the_kernel && counted > 0 {
            return Some(counted);
        }
        let listed = folder.read_dir().ok()?.count();
        // Without the descriptor that lists them, if it is among them. The cast widens.
        Some(listed.saturating_sub(usize::from(is_of_the_kernel)) as u64)
    }

    fn booted(&mut self) -> Option<u64> {
        if self.booted.is_none() {
            self.booted = keyed(&self.root.find("proc/stat")?, "btime");
        }
        self.booted
    }
}

/// The parts of `/proc/self/stat` that count.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu: Duration,
    minor_faults: u64,
    major_faults: u64,
    threads: u64,
    started_after_boot: Duration,
    virtual_bytes: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // A program's name may hold anything, also `) R 1`; what follows its last parenthesis is numbers.
        let (_, behind_name) = text.rsplit_once(')')?;
        let fields: Vec<_> = behind_name.split_whitespace().collect();
        // Numbered as proc_pid_stat(5) does: the state, which follows the name, is 3.
        let field = |number_in_manual: usize| number(fields.get(number_in_manual - 3)?);
        Some(Self {
            cpu: ticks(field(14)?.saturating_add(field(15)?)),
            minor_faults: field(10)?,
            major_faults: field(12)?,
            threads: field(20)?,
            started_after_boot: ticks(field(22)?),
            virtual_bytes: field(23)?,
        })
    }
}

/// The soft limit in a row of `/proc/self/limits`.
fn soft_limit(limits: &str, row: &str) -> Option<u64> {
    let behind = limits.lines().find_map(|line| line.strip_prefix(row))?;
    behind.split_whitespace().next().and_then(limit)
}
