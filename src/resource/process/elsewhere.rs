//! What other systems than Linux say of the process without a call that is their own.

use std::convert::Infallible;

use super::Process;
use crate::resource::files::Root;

/// Asks the system.
#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    pub(super) fn new(_: &Root) -> Self {
        Self
    }

    #[cfg(unix)]
    pub(super) fn read(&mut self) -> Result<Process, Infallible> {
        use std::time::Duration;

        use rustix::process::{Resource, getrlimit};
        use rustix::time::{ClockId, clock_gettime};

        let used = clock_gettime(ClockId::ProcessCPUTime);
        let open = std::fs::read_dir("/dev/fd").ok().map(Iterator::count);
        Ok(Process {
            cpu: Duration::try_from(used).ok(),
            // Without the descriptor that lists them. The cast widens.
            open_fds: open.map(|open| open.saturating_sub(1) as u64),
            max_fds: getrlimit(Resource::Nofile).current,
            virtual_max_bytes: getrlimit(Resource::As).current,
            ..Process::default()
        })
    }

    #[cfg(not(unix))]
    pub(super) fn read(&mut self) -> Result<Process, Infallible> {
        Ok(Process::default())
    }
}
