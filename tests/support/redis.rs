//! A private Redis.

use super::home::Home;
use super::server::{Launch, Server};
use super::tool;

const LAUNCH: Launch = Launch { tool: tool::REDIS_SERVER, ready: "Ready to accept connections" };

/// A Redis server that keeps its data in memory, and on disk when asked to `SAVE`.
pub(crate) struct Redis {
    server: Server,
    password: Option<String>,
}

impl Redis {
    /// Starts a server with default settings.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with these lines in its `redis.conf`, such as `("requirepass", "x")`.
    #[track_caller]
    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        for (name, value) in settings {
            text.push_str(&format!("{name} {value}\n"));
        }
        let server = Server::start(LAUNCH, Home::of_server("redis"), |home, port| {
            let fixed = format!("bind 127.0.0.1\nport {port}\nsave \"\"\n");
            vec![home.write("redis.conf", &(fixed + &text)).into()]
        });
        let password = settings.iter().find(|(name, _)| *name == "requirepass");
        let password = password.map(|(_, value)| (*value).to_owned());
        Self { server, password }
    }

    /// The server's port.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where clients connect, with the password if the server was given one.
    pub(crate) fn url(&self) -> String {
        match &self.password {
            Some(password) => self.url_as("", password),
            None => format!("redis://127.0.0.1:{}/", self.port()),
        }
    }

    /// Where a user connects (`""` is the default user), right password or wrong.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}/", self.port())
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

    /// Starts the server again on the same port and the data that it saved.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}
