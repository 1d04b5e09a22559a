//! Programs of Debian's packages.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A program and the Debian package that brings it.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const ALERTMANAGER: Tool = Tool::new("prometheus-alertmanager", "prometheus-alertmanager");
pub(crate) const AMTOOL: Tool = Tool::new("amtool", "prometheus-alertmanager");
pub(crate) const INITDB: Tool = Tool::new("initdb", "postgresql");
pub(crate) const NODE_EXPORTER: Tool = Tool::new("prometheus-node-exporter", "prometheus-node-exporter");
pub(crate) const PGBOUNCER: Tool = Tool::new("pgbouncer", "pgbouncer");
pub(crate) const PGBENCH: Tool = Tool::new("pgbench", "postgresql");
pub(crate) const PG_BASEBACKUP: Tool = Tool::new("pg_basebackup", "postgresql");
pub(crate) const POSTGRES: Tool = Tool::new("postgres", "postgresql");
pub(crate) const PROMETHEUS: Tool = Tool::new("prometheus", "prometheus");
pub(crate) const PROMTOOL: Tool = Tool::new("promtool", "prometheus");
pub(crate) const PSQL: Tool = Tool::new("psql", "postgresql");
pub(crate) const PUSHGATEWAY: Tool = Tool::new("prometheus-pushgateway", "prometheus-pushgateway");
pub(crate) const REDIS_BENCHMARK: Tool = Tool::new("redis-benchmark", "redis-tools");
pub(crate) const REDIS_SERVER: Tool = Tool::new("redis-server", "redis-server");

pub(crate) const UNSHARE: Tool = Tool::new("unshare", "util-linux");

impl Tool {
    const fn new(program: &'static str, package: &'static str) -> Self {
        Self { program, package }
    }

    /// The program's name.
    pub(crate) fn name(self) -> &'static str {
        self.program
    }

    /// Where the program is: in Debian's folder of the newest PostgreSQL, on the `PATH`, or where servers live.
    ///
    /// # Errors
    /// Names the package to install when it is nowhere.
    pub(crate) fn path(self) -> Result<PathBuf, String> {
        folders().into_iter().map(|folder| folder.join(self.program)).find(|path| path.is_file()).ok_or_else(|| {
            format!("`{}` is missing: install Debian's package `{}` (`tests/run` does it)", self.program, self.package)
        })
    }

    /// [`path`](Self::path) for a test that cannot go on without.
    ///
    /// # Panics
    /// When the program is missing.
    pub(crate) fn require(self) -> PathBuf {
        self.path().unwrap_or_else(|missing| panic!("{missing}"))
    }
}

impl Tool {
    /// Runs it to its end.
    ///
    /// # Errors
    /// What it printed, when it ends with a failure.
    pub(crate) fn judge<'a>(self, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<(), String> {
        let output = Command::new(self.require()).args(arguments).output().expect("what is installed can be run");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).trim_end().to_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }
}

/// Where programs are looked for, first wins.
fn folders() -> Vec<PathBuf> {
    let mut folders = postgres_folders();
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders.push(PathBuf::from("/usr/sbin"));
    folders
}

/// Debian keeps each PostgreSQL major in a folder of its own, off the `PATH`; the newest first.
fn postgres_folders() -> Vec<PathBuf> {
    let majors = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut majors: Vec<u32> = majors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    majors.into_iter().map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"))).collect()
}
