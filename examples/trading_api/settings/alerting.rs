//! Who is told of alerts, and how often rules are looked at.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use aistm7_monitoring::redact::Secret;

use super::SettingsError;
use super::environment::{Environment, seconds_of};

/// Where alerts go. Nobody is told unless somebody is named.
#[derive(Debug, Default)]
pub(crate) struct AlertSettings {
    /// An integration key.
    pub(crate) pagerduty: Option<Secret<String>>,
    /// In place of PagerDuty's own.
    pub(crate) pagerduty_url: Option<String>,
    pub(crate) slack: Option<Slack>,
    /// In place of Slack's own.
    pub(crate) slack_url: Option<String>,
    pub(crate) alertmanager: Option<String>,
    pub(crate) heartbeat: Option<Secret<String>>,
    /// What remembers over restarts who was told of what.
    pub(crate) spool: Option<PathBuf>,
    /// From an evaluation to the next.
    pub(crate) every: Option<Duration>,
    /// How long rules must hold, by name.
    pub(crate) lasting: Vec<(String, Duration)>,
}

/// The way into Slack.
#[derive(Debug)]
pub(crate) enum Slack {
    Token(Secret<String>),
    Webhook(Secret<String>),
}

impl AlertSettings {
    pub(super) fn read(environment: &Environment<impl Fn(&str) -> Option<OsString>>) -> Result<Self, SettingsError> {
        let token = environment.secret(["SLACK_TOKEN", "SLACK_TOKEN_FILE"])?;
        let webhook = environment.secret(["SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL_FILE"])?;
        let slack = match (token, webhook) {
            (Some(_), Some(_)) => return Err(SettingsError::Both("SLACK_TOKEN", "SLACK_WEBHOOK_URL")),
            (token, webhook) => token.map(Slack::Token).or(webhook.map(Slack::Webhook)),
        };
        let settings = Self {
            pagerduty: environment.secret(["PAGERDUTY_KEY", "PAGERDUTY_KEY_FILE"])?,
            pagerduty_url: environment.value("PAGERDUTY_URL")?,
            slack,
            slack_url: environment.value("SLACK_URL")?,
            alertmanager: environment.value("ALERTMANAGER_URL")?,
            heartbeat: environment.secret(["HEARTBEAT_URL", "HEARTBEAT_URL_FILE"])?,
            spool: environment.value("ALERT_SPOOL")?.map(PathBuf::from),
            every: environment.seconds("ALERT_SECONDS")?,
            lasting: environment.value("ALERT_LASTING")?.as_deref().map_or(Ok(Vec::new()), lasting)?,
        };
        // An Alertmanager tells them itself.
        match (&settings.alertmanager, &settings.pagerduty, &settings.slack) {
            (Some(_), Some(_), _) => Err(SettingsError::Both("ALERTMANAGER_URL", "PAGERDUTY_KEY")),
            (Some(_), None, Some(_)) => {
                Err(SettingsError::Both("ALERTMANAGER_URL", "SLACK_TOKEN or SLACK_WEBHOOK_URL"))
            }
            _ => Ok(settings),
        }
    }
}

/// Reads `RULE=SECONDS,…`.
fn lasting(text: &str) -> Result<Vec<(String, Duration)>, SettingsError> {
    let pair = |pair: &str| {
        let (rule, seconds) = pair.split_once('=')?;
        Some((rule.trim().to_owned(), seconds_of(seconds.trim())?))
    };
    text.split(',').map(pair).collect::<Option<_>>().ok_or_else(|| SettingsError::Value {
        name: "ALERT_LASTING",
        value: text.to_owned(),
        rule: "rules with seconds from 1 to 3600, such as ApiLatencyHigh=60,ApiErrorRateHigh=60",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<AlertSettings, SettingsError> {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        AlertSettings::read(&Environment { variable })
    }

    #[test]
    fn nobody_is_told_unless_named_and_secrets_come_from_files_too() {
        let settings = read(&[]).unwrap();
        assert!(settings.pagerduty.is_none() && settings.slack.is_none() && settings.alertmanager.is_none());
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\n").unwrap();
        let path = file.path().to_str().unwrap();
        let settings = read(&[("PAGERDUTY_KEY_FILE", path), ("SLACK_WEBHOOK_URL", "hunter2")]).unwrap();
        assert_eq!(settings.pagerduty, Some(Secret::new("hunter2".to_owned())));
        assert!(matches!(settings.slack, Some(Slack::Webhook(_))));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn rules_last_as_long_as_is_said() {
        let settings = read(&[("ALERT_LASTING", "A=60, B=1"), ("ALERT_SECONDS", "1")]).unwrap();
        let seconds = Duration::from_secs;
        assert_eq!(settings.lasting, [("A".to_owned(), seconds(60)), ("B".to_owned(), seconds(1))]);
        assert_eq!(settings.every, Some(seconds(1)));
    }

    #[test]
    fn what_cannot_be_is_refused_without_secrets() {
        for variables in [
            &[("ALERT_LASTING", "A")][..],
            &[("ALERT_LASTING", "A=0")],
            &[("ALERT_SECONDS", "fast")],
            &[("PAGERDUTY_KEY_FILE", "/nowhere/key")],
            &[("PAGERDUTY_KEY", "hunter2"), ("PAGERDUTY_KEY_FILE", "/nowhere/key")],
            &[("SLACK_TOKEN", "hunter2"), ("SLACK_WEBHOOK_URL", "hunter2")],
            &[("ALERTMANAGER_URL", "http://a:9093"), ("PAGERDUTY_KEY", "hunter2")],
        ] {
            let told = read(variables).unwrap_err().to_string();
            assert!(told.contains(variables[0].0) && !told.contains("hunter2"), "{told}");
        }
    }
}
