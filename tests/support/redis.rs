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

/// A Redis Sentinel.
pub(crate) struct Sentinel {
    server: Server,
}

const SENTINEL: Launch = Launch { tool: tool::REDIS_SERVER, ready: "Sentinel ID is" };

impl Sentinel {
    /// Starts one that watches over a primary under this name and needs the consent of one other. It soon believes that a
    /// primary is down, and soon gives a failover up that does not end: not before three of the seconds in which it
    /// connects and asks, or it would believe it of a new primary to which it has not connected yet, and go back.
    #[track_caller]
    pub(crate) fn start_for(name: &str, primary: &Redis) -> Self {
        let watched = primary.port();
        let server = Server::start(SENTINEL, Home::of_server("sentinel"), |home, port| {
            let text = format!(
                "bind 127.0.0.1\n\
                 port {port}\n\
                 sentinel monitor {name} 127.0.0.1 {watched} 2\n\
                 sentinel down-after-milliseconds {name} 3000\n\
                 sentinel failover-timeout {name} 10000\n"
            );
            vec![home.write("sentinel.conf", &text).into(), "--sentinel".into()]
        });
        Self { server }
    }

    /// Where clients connect.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.server.port())
    }

    /// What it has printed since its last start.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same port, with what it knew.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.server.restart();
    }
}
