//! A private PostgreSQL.

use std::fs;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::home::Home;
use super::server::{Launch, Server};
use super::tool::{self, Tool};

/// A primary goes on with "connections", a replica with "read-only connections".
const READY: &str = "database system is ready to accept";
const LAUNCH: Launch = Launch { tool: tool::POSTGRES, ready: READY };

/// The superuser needs no password, everybody else does.
const ACCESS: &str = "\
host replication postgres 127.0.0.1/32 trust
host all postgres 127.0.0.1/32 trust
host all all      127.0.0.1/32 scram-sha-256
";

/// Nothing outside the server's directory: the shared memory that outlives a killed server is a file of it too (but for
/// one System V segment, see `Drop`). What is committed survives `kill -9`, and need not survive a power cut.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
dynamic_shared_memory_type = mmap
shared_buffers = 16MB
fsync = off
full_page_writes = off
";

/// How long an immediate shutdown may take before the server is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A PostgreSQL server with the database `postgres` and the superuser `postgres`.
pub(crate) struct Postgres {
    server: Server,
}

impl Postgres {
    /// Starts a server with default settings.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with these lines in its `postgresql.conf`, such as `("max_connections", "5")`.
    #[track_caller]
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let home = Home::of_server("postgres");
        init_database(&home);
        home.write("data/pg_hba.conf", ACCESS);

        Self::start_in(home, settings)
    }

    /// Starts a replica that follows `primary`, with these lines in its `postgresql.conf`.
    #[track_caller]
    pub(crate) fn start_replica(primary: &Self, settings: &[(&str, &str)]) -> Self {
        let home = Home::of_server("postgres");
        copy_database(primary, &home);
        Self::start_in(home, settings)
    }

    #[track_caller]
    fn start_in(home: Home, settings: &[(&str, &str)]) -> Self {
        let text = configuration(settings);
        let server = Server::start(LAUNCH, home, |home, port| {
            home.write("data/postgresql.conf", &format!("{text}port = {port}\n"));
            vec!["-D".into(), home.path().join("data").into()]
        });
        Self { server }
    }

    /// Starts a server that has no more disk than this, as `tmpfs` writes sizes, in a mount namespace of its own.
    #[track_caller]
    pub(crate) fn start_on_disk_of(size: &str) -> Self {
        let postgres = tool::POSTGRES.require();
        let home = Home::of_server("postgres");
        init_database(&home);
        home.write("data/pg_hba.conf", ACCESS);
        let text = configuration(&[("min_wal_size", "32MB"), ("max_wal_size", "32MB")]);
        let script = format!(
            "mkdir -p small && mount -t tmpfs -o size={size} none small && cp -a data small/ && exec {} -D small/data",
            postgres.display()
        );
        let server = Server::start(Launch { tool: tool::UNSHARE, ready: READY }, home, |home, port| {
            home.write("data/postgresql.conf", &format!("{text}port = {port}\n"));
            let namespace = ["--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", &script];
            namespace.map(Into::into).into()
        });
        Self { server }
    }

    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where the superuser connects.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port())
    }

    /// Where another user connects, right password or wrong.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/postgres", self.port())
    }

    /// Runs SQL as the superuser and gives its output, a row a line with `|` between the columns.
    ///
    /// # Panics
    /// With the server's error.
    #[track_caller]
    pub(crate) fn psql(&self, sql: &str) -> String {
        psql(&self.url(), sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs pgbench as the superuser.
    ///
    /// # Panics
    /// With what it printed, when it fails.
    #[track_caller]
    pub(crate) fn pgbench(&self, arguments: &[&str]) {
        let output = Command::new(tool::PGBENCH.require())
            .env_clear()
            .args(arguments)
            .arg(self.url())
            .output()
            .expect("pgbench can be run");
        assert!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// What the server has printed since its last start.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// `kill -9` for the server and its backends.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// SIGSTOP for the server and its backends.
    pub(crate) fn freeze(&mut self) {
        self.server.freeze();
    }

    /// SIGCONT after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&mut self) {
        self.server.thaw();
    }

    /// Starts the server again on the same port and data.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }

    /// The System V shared memory segment of a server that runs or was killed, from the seventh line of its pid file.
    fn shared_memory_id(&self) -> Option<String> {
        let path = self.server.home().join("data/postmaster.pid");
        let text = fs::read_to_string(path).ok()?;
        let id = text.lines().nth(6)?.split_whitespace().nth(1)?;
        Some(id.to_owned())
    }
}

impl Drop for Postgres {
    /// A server that is asked to end removes its System V segment; that of a killed one would stay until a reboot.
    fn drop(&mut self) {
        let _ended = self.server.stop(Signal::SIGQUIT, STOP_LIMIT);
        self.server.kill();
        if let Some(id) = self.shared_memory_id() {
            let _removed = Command::new("ipcrm").args(["-m", &id]).output();
        }
    }
}

/// Runs SQL on any server that speaks PostgreSQL's protocol and gives its output, a row a line.
///
/// # Errors
/// What `psql` printed when the server refused.
pub(crate) fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(tool::PSQL.require())
        .env_clear()
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"])
        .args(["--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", sql])
        .output()
        .expect("psql can be run");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
    }
}

fn init_database(home: &Home) {
    let arguments = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    make_database(home, tool::INITDB, &arguments);
}

/// With the settings by which a server follows the one it was copied from.
fn copy_database(primary: &Postgres, home: &Home) {
    let arguments = ["--dbname", &primary.url(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"];
    make_database(home, tool::PG_BASEBACKUP, &arguments);
}

fn make_database(home: &Home, tool: Tool, arguments: &[&str]) {
    let output = home
        .command(&tool.require())
        .args(arguments)
        .arg("--pgdata")
        .arg(home.path().join("data"))
        .output()
        .expect("a program of PostgreSQL's can be run");
    assert!(output.status.success(), "{}: {}", tool.name(), String::from_utf8_lossy(&output.stderr));
}

fn configuration(settings: &[(&str, &str)]) -> String {
    let mut text = SETTINGS.to_owned();
    for (name, value) in settings {
        text.push_str(&format!("{name} = '{value}'\n"));
    }
    text
}
