//! No orphans: what happens to a server when the test process dies without running its destructors.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::unistd::Pid;

/// Waits for the end of its input, which is the end of the test process; then kills the server with its children and
/// removes its directory. (`PR_SET_PDEATHSIG` would end the server with the thread that started it.)
const WATCH: &str = r#"
read -r _
children=$(grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | cut -d/ -f3)
kill -KILL "$1" $children
rm -rf -- "$2"
"#;

/// A small process that outlives this one, for an interrupted or aborted test. Dropping it calls it off.
pub(crate) struct Guard {
    watcher: Child,
}

impl Guard {
    /// Watches over a server and its directory.
    pub(crate) fn watch(server: Pid, home: &Path) -> Self {
        let watcher = Command::new("/bin/sh")
            .args(["-c", WATCH, "guard", &server.to_string()])
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of the terminal's group, or Ctrl-C would end the watcher as well.
            .process_group(0)
            .spawn()
            .expect("a shell can be started");
        Self { watcher }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // First killed, and only then, by `wait`, told of the end of its input.
        let _killed = self.watcher.kill();
        let _reaped = self.watcher.wait();
    }
}
