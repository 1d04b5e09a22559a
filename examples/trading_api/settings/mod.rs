//! What the service is told from outside: environment and command line, read through parameters.

mod alerting;
mod environment;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use aistm7_monitoring::redact::Secret;
use axum::http::Uri;
use sqlx::postgres::PgConnectOptions;

pub(crate) use self::alerting::{AlertSettings, Slack};
use self::environment::{Environment, http_url, scheme_of};

/// Shown for `--help`.
pub(crate) const USAGE: &str = "\
trading_api: an example service, monitored by aistm7-monitoring.

Usage: trading_api [--demo | --operations DIR] [--help]

  --demo            drive traffic at itself, so that there is something to see
  --operations DIR  write alert rules and runbooks for Prometheus, and end
  --help            show this text

Environment (unset or empty: the default):
  LISTEN_ADDR     address of the API                127.0.0.1:8080
  ADMIN_ADDR      address of /metrics and details   127.0.0.1:9464
  DATABASE_URL    postgres://user:password@host/db  an embedded SQLite
  REDIS_URL       redis://host:6379                 a cache in this process
  IBKR_URL        https://localhost:5000/v1/api     a stand-in in this process
  SOLANA_RPC_URL  https://host/path                 a stand-in in this process
  RUST_LOG        levels of the log                 info
  LOG_TOKEN       who may change them, on /log/*    nobody
  CHECK_SECONDS   from a health check to the next   what each check has by default

Alert rules are evaluated in the process; GET /alerts on the admin address shows them. Who is told, which
by several replicas (AISTM7_REPLICAS) can be an Alertmanager but neither PagerDuty nor Slack:
  PAGERDUTY_KEY       an integration key of PagerDuty            nobody
  SLACK_TOKEN         a bot of Slack, for #incidents, #monitoring nobody
  SLACK_WEBHOOK_URL   an incoming webhook in place of a bot      nobody
  ALERTMANAGER_URL    http://host:9093, in place of all these    nobody
  HEARTBEAT_URL       called each minute, as long as rules are evaluated
  ALERT_SPOOL         a file that remembers over restarts who was told of what
  ALERT_SECONDS       from an evaluation to the next             15
  ALERT_LASTING       for how long a rule must hold: ApiLatencyHigh=60,ApiErrorRateHigh=60
  PAGERDUTY_URL, SLACK_URL  a proxy before them
LOG_TOKEN, PAGERDUTY_KEY, SLACK_TOKEN, SLACK_WEBHOOK_URL and HEARTBEAT_URL are secrets: a name that ends in _FILE
(PAGERDUTY_KEY_FILE) is a file to read the value from.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Invocation {
    Help,
    Serve(Box<Settings>),
}

/// How to serve.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) database: Backend<PgConnectOptions>,
    pub(crate) redis: Backend<redis::Client>,
    pub(crate) ibkr: Backend<Uri>,
    pub(crate) solana: Backend<Uri>,
    pub(crate) traffic: Traffic,
    /// What opens the routes of the log on the admin address; `None` is no such routes.
    pub(crate) log_token: Option<Secret<String>>,
    /// From a health check to the next; `None` is what each check has by default.
    pub(crate) check_interval: Option<Duration>,
    pub(crate) alerts: AlertSettings,
    /// Where to write what operators need, instead of serving.
    pub(crate) operations: Option<PathBuf>,
}

/// Something the service needs: given by its address, or the default that comes with the example.
#[derive(Clone, Debug)]
pub(crate) enum Backend<T> {
    Given(T),
    Embedded,
}

/// Where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// From clients.
    Clients,
    /// From clients and from the service itself.
    Demo,
}

/// A setting outside its rule. One line; names the setting and the rule, and repeats no value that can hold a password.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("{name}={value:?} is not an address such as {example}")]
    Address { name: &'static str, value: String, example: &'static str },
    #[error("{name} (value withheld, scheme {scheme:?}) is not a URL such as {example}")]
    Url { name: &'static str, scheme: String, example: &'static str },
    #[error("{name} is not valid UTF-8")]
    NotUnicode { name: &'static str },
    #[error("{name}={value:?} is not {rule}")]
    Value { name: &'static str, value: String, rule: &'static str },
    #[error("the file that {name} names cannot be read: {kind}")]
    File { name: &'static str, kind: io::ErrorKind },
    #[error("{0} and {1} are both set: choose one")]
    Both(&'static str, &'static str),
    #[error("--operations needs a directory")]
    NoDirectory,
    #[error("LISTEN_ADDR and ADMIN_ADDR are both {0}: the API and its metrics need a port each")]
    SameAddress(SocketAddr),
    #[error("unknown argument {0:?}; --help shows the known ones")]
    UnknownArgument(String),
}

impl Invocation {
    /// Reads the command line and, through `variable`, the environment.
    pub(crate) fn read(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingsError> {
        let mut traffic = Traffic::Clients;
        let mut operations = None;
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--demo") => traffic = Traffic::Demo,
                Some("--operations") => {
                    operations = Some(arguments.next().ok_or(SettingsError::NoDirectory)?.into());
                }
                Some("--help" | "-h") => return Ok(Self::Help),
                _ => {
                    return Err(SettingsError::UnknownArgument(argument.to_string_lossy().into_owned()));
                }
            }
        }
        let settings = Settings::read(&Environment { variable }, traffic)?;
        Ok(Self::Serve(Box::new(Settings { operations, ..settings })))
    }
}

impl Settings {
    fn read(
        environment: &Environment<impl Fn(&str) -> Option<OsString>>,
        traffic: Traffic,
    ) -> Result<Self, SettingsError> {
        let listen = environment.address("LISTEN_ADDR", "127.0.0.1:8080")?;
        let admin = environment.address("ADMIN_ADDR", "127.0.0.1:9464")?;
        // Port 0 means "any free one", twice if need be.
        if listen == admin && listen.port() != 0 {
            return Err(SettingsError::SameAddress(listen));
        }
        Ok(Self {
            listen,
            admin,
            database: environment.url("DATABASE_URL", "postgres://user@host/db", |url| {
                let known = matches!(scheme_of(url), "postgres" | "postgresql");
                if known { PgConnectOptions::from_str(url).ok() } else { None }
            })?,
            redis: environment.url("REDIS_URL", "redis://host:6379", |url| redis::Client::open(url).ok())?,
            ibkr: environment.url("IBKR_URL", "https://localhost:5000/v1/api", http_url)?,
            solana: environment.url("SOLANA_RPC_URL", "https://host/path", http_url)?,
            traffic,
            log_token: environment.secret(["LOG_TOKEN", "LOG_TOKEN_FILE"])?,
            check_interval: environment.seconds("CHECK_SECONDS")?,
            alerts: AlertSettings::read(environment)?,
            operations: None,
        })
    }
}

impl Settings {
    /// Says in the log what is not the real thing: nobody should find out from the numbers.
    pub(crate) fn warn_of_embedded(&self) {
        let warn = |variable, embedded| {
            tracing::warn!(variable, embedded, "Not configured, an embedded default is used");
        };
        if matches!(self.database, Backend::Embedded) {
            warn("DATABASE_URL", "SQLite in memory");
        }
        if matches!(self.redis, Backend::Embedded) {
            warn("REDIS_URL", "cache in this process");
        }
        if matches!(self.ibkr, Backend::Embedded) {
            warn("IBKR_URL", "stand-in in this process");
        }
        if matches!(self.solana, Backend::Embedded) {
            warn("SOLANA_RPC_URL", "stand-in in this process");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Invocation, SettingsError> {
        Invocation::read(arguments.iter().map(OsString::from), |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    fn error(variables: &[(&str, &str)]) -> String {
        read(&[], variables).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_environment_gives_the_embedded_defaults() {
        for variables in [&[][..], &[("DATABASE_URL", ""), ("LISTEN_ADDR", "")]] {
            let Ok(Invocation::Serve(settings)) = read(&[], variables) else { panic!("not served") };
            assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
            assert_eq!(settings.admin.to_string(), "127.0.0.1:9464");
            assert!(matches!(settings.database, Backend::Embedded));
            assert!(matches!(settings.redis, Backend::Embedded));
            assert!(matches!(settings.ibkr, Backend::Embedded));
            assert!(matches!(settings.solana, Backend::Embedded));
            assert_eq!(settings.traffic, Traffic::Clients);
            assert_eq!(settings.log_token, None);
        }
    }

    #[test]
    fn given_urls_are_used() {
        let Ok(Invocation::Serve(settings)) = read(
            &["--demo"],
            &[
                ("LISTEN_ADDR", "[::1]:0"),
                ("ADMIN_ADDR", "[::1]:0"),
                ("DATABASE_URL", "postgresql://u:p@db.internal:6432/trading"),
                ("REDIS_URL", "redis://cache.internal/1"),
                ("IBKR_URL", "https://localhost:5000/v1/api"),
                ("SOLANA_RPC_URL", "https://rpc.example/?api-key=abc"),
                ("LOG_TOKEN", "hunter2hunter2hunter2"),
            ],
        ) else {
            panic!("not served")
        };
        assert!(matches!(settings.database, Backend::Given(ref options) if options.get_host() == "db.internal"));
        assert!(matches!(settings.redis, Backend::Given(_)));
        assert!(matches!(settings.ibkr, Backend::Given(_)));
        assert!(matches!(settings.solana, Backend::Given(_)));
        assert_eq!(settings.traffic, Traffic::Demo);
        assert_eq!(settings.log_token, Some(Secret::new("hunter2hunter2hunter2".to_owned())));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_bad_value_is_named_with_its_rule() {
        assert_eq!(
            error(&[("LISTEN_ADDR", "localhost")]),
            r#"LISTEN_ADDR="localhost" is not an address such as 127.0.0.1:8080"#
        );
        assert_eq!(
            error(&[("DATABASE_URL", "mysql://root:hunter2@db/x")]),
            r#"DATABASE_URL (value withheld, scheme "mysql") is not a URL such as postgres://user@host/db"#
        );
        for (name, value) in [
            ("REDIS_URL", "hunter2"),
            ("IBKR_URL", "localhost:5000"),
            ("IBKR_URL", "ftp://hunter2"),
            ("SOLANA_RPC_URL", "https:///?api-key=hunter2"),
        ] {
            let message = error(&[(name, value)]);
            assert!(message.starts_with(name) && !message.contains("hunter2"), "{message}");
        }
        assert!(error(&[("LISTEN_ADDR", "127.0.0.1:9464")]).contains("a port each"));
        assert!(!error(&[("LISTEN_ADDR", "a\nb")]).contains('\n'), "one line");
    }

    #[test]
    fn arguments_are_known_or_refused() {
        assert!(matches!(read(&["--help"], &[("LISTEN_ADDR", "nonsense")]), Ok(Invocation::Help)));
        assert_eq!(read(&["--dmeo"], &[]).unwrap_err(), SettingsError::UnknownArgument("--dmeo".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_outside_unicode_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let result = Invocation::read([], |_| Some(OsString::from_vec(vec![0xff])));
        assert_eq!(result.unwrap_err(), SettingsError::NotUnicode { name: "LISTEN_ADDR" });
    }
}
