//! The private directory of a child process and the user it runs as.

use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::guard::Guard;

/// A directory that belongs to one server and goes with this value, or with the test process if that is killed.
pub(crate) struct Home {
    // In this order: called off before there is nothing left to watch.
    _guard: Guard,
    directory: TempDir,
    user: Option<User>,
}

impl Home {
    /// An empty directory for a server, which becomes an unprivileged user if we are root.
    pub(crate) fn of_server(name: &str) -> Self {
        Self::new(name, server_user())
    }

    /// An empty directory for a program of ours, which runs as the user that we are.
    pub(crate) fn of_program(name: &str) -> Self {
        Self::new(name, None)
    }

    fn new(name: &str, user: Option<User>) -> Self {
        let directory = tempfile::Builder::new()
            .prefix(&format!("aistm7-test-{name}-"))
            .tempdir_in(base(user.is_some()))
            .expect("a temporary directory can be made");
        let home = Self { _guard: Guard::watch(directory.path()), directory, user };
        home.give(home.path());
        home
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file of the server's.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("a file can be written in the server's directory");
        self.give(&path);
        path
    }

    /// A command that runs as its user in this directory, with none of the developer's environment but the `PATH`.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("LC_ALL", "C")
            .env("PATH", env::var_os("PATH").unwrap_or_default());
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    fn give(&self, path: &Path) {
        if let Some(user) = &self.user {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("root can give a file away");
        }
    }
}

/// Whom to become: PostgreSQL and PgBouncer refuse to run as root. `None` when we are nobody special ourselves.
fn server_user() -> Option<User> {
    geteuid().is_root().then(|| {
        User::from_name("nobody").expect("the user database can be read").expect("every system has the user `nobody`")
    })
}

/// Where directories are made: the usual place, unless its parents shut out the user whom we become.
fn base(as_other_user: bool) -> PathBuf {
    let usual = env::temp_dir();
    if as_other_user && !open_to_all(&usual) {
        return PathBuf::from("/tmp");
    }
    usual
}

/// Whether everybody may pass through the directory and all above it.
fn open_to_all(path: &Path) -> bool {
    path.ancestors().all(|above| fs::metadata(above).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0))
}
