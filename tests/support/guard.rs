//! No orphans: what happens to a server when the test process dies without running its destructors.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, which is the end of the test process. Then asks every process that works in the
/// directory to end, kills those that have not after a second, and removes the directory.
///
/// (`PR_SET_PDEATHSIG` would end a server with the thread that started it, and its children not at all.)
const WATCH: &str = r#"
home=$1
signal() {
    for link in /proc/[0-9]*/cwd; do
        case $(readlink "$link") in
            "$home" | "$home"/*) pid=${link%/cwd} && kill "$1" "${pid#/proc/}" ;;
        esac
    done
}
read -r _
signal -CONT
signal -INT
sleep 1
signal -KILL
rm -rf -- "$home"
"#;

/// A small process that outlives this one, for an interrupted or aborted test. Dropping it calls it off.
pub(crate) struct Guard {
    watcher: Child,
}

impl Guard {
    /// Watches over a directory and whoever works in it.
    pub(crate) fn watch(home: &Path) -> Self {
        let watcher = Command::new("/bin/sh")
            .args(["-c", WATCH, "guard"])
            // As the kernel shows it.
            .arg(home.canonicalize().expect("the directory exists"))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::support::poll::eventually;

    #[test]
    fn orphan_goes_with_its_directory() {
        let home = tempfile::tempdir().unwrap();
        let inside = home.path().join("data");
        std::fs::create_dir(&inside).unwrap();
        let mut orphan = Command::new("sleep").arg("600").current_dir(&inside).spawn().unwrap();
        let mut guard = Guard::watch(home.path());
        assert_eq!(orphan.try_wait().unwrap(), None);

        // As at the death of the test process.
        drop(guard.watcher.stdin.take());
        assert!(!orphan.wait().unwrap().success());
        let gone = || if home.path().exists() { Err("the directory is still there") } else { Ok(()) };
        eventually(Duration::from_secs(20), gone);
    }
}
