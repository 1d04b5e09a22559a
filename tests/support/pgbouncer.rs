//! A private PgBouncer.

use super::home::Home;
use super::postgres::Postgres;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::PGBOUNCER, ready: "process up: PgBouncer" };

/// A PgBouncer with transaction pooling: a client's next transaction may run on another connection of the server.
pub(crate) struct PgBouncer {
    server: Server,
}

impl PgBouncer {
    /// Starts a PgBouncer whose clients reach this PostgreSQL as its superuser.
    #[track_caller]
    pub(crate) fn in_front_of(postgres: &Postgres) -> Self {
        Self::with_settings(postgres, &[])
    }

    /// The same with these lines in its `pgbouncer.ini`, such as `("default_pool_size", "1")`.
    #[track_caller]
    pub(crate) fn with_settings(postgres: &Postgres, settings: &[(&str, &str)]) -> Self {
        let mut more = String::new();
        for (name, value) in settings {
            more.push_str(&format!("{name} = {value}\n"));
        }
        let server = Server::start(LAUNCH, Home::of_server("pgbouncer"), |home, port| {
            let users = home.write("users.txt", "\"postgres\" \"\"\n");
            let text = format!(
                "[databases]\n\
                 * = host=127.0.0.1 port={backend}\n\
                 [pgbouncer]\n\
                 listen_addr = 127.0.0.1\n\
                 listen_port = {port}\n\
                 unix_socket_dir =\n\
                 auth_type = trust\n\
                 auth_file = {users}\n\
                 pool_mode = transaction\n\
                 # What drivers ask for at connect, and PgBouncer does not forward.\n\
                 ignore_startup_parameters = extra_float_digits\n\
                 {more}",
                backend = postgres.port(),
                users = users.display(),
            );
            vec![home.write("pgbouncer.ini", &text).into()]
        });
        Self { server }
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.server.port())
    }

    /// What the server has printed since its last start.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// SIGSTOP.
    pub(crate) fn freeze(&mut self) {
        self.server.freeze();
    }

    /// SIGCONT after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&mut self) {
        self.server.thaw();
    }

    /// Starts it again on the same port.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}
