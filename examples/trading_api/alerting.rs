//! Who is told when something is wrong: alert rules, evaluated in this process or written for Prometheus.

use std::io;
use std::path::Path;

use aistm7_monitoring::Monitoring;
use aistm7_monitoring::alert::evaluate::{EvaluateError, Evaluation};
use aistm7_monitoring::alert::notify::{
    Alertmanager, Delivery, DeliveryBuilder, DeliveryError, EndpointError, Heartbeat, Notifier, PagerDuty, Replicas,
    Route, SlackBot, SlackWebhook,
};
use aistm7_monitoring::alert::{Alerts, Pace, Severity, Switch};
use aistm7_monitoring::ops::prometheus::RuleOptions;
use aistm7_monitoring::ops::{BundleError, BundleOptions};
use aistm7_monitoring::redact::Secret;

use crate::settings::{AlertSettings, Slack};

/// Why nobody would hear of an alert.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AlertingError {
    #[error("{variable} cannot be used")]
    Destination { variable: &'static str, source: EndpointError },
    #[error("alerts cannot be delivered")]
    Delivery(#[from] DeliveryError),
    #[error("alert rules cannot be evaluated")]
    Evaluate(#[from] EvaluateError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("the files for operators cannot be written")]
    Write(#[from] io::Error),
}

/// Evaluates the rules from now on, and tells whom the settings name. To be called when every metric is registered.
pub(crate) fn start(monitoring: &Monitoring, settings: &AlertSettings) -> Result<(), AlertingError> {
    let mut evaluation = Evaluation::new();
    if let Some(every) = settings.every {
        evaluation = evaluation.every(every);
    }
    if let Some(delivery) = destinations(monitoring, settings)? {
        let delivery = match &settings.spool {
            Some(path) => delivery.spool(path),
            None => delivery,
        };
        evaluation = evaluation.deliver_to(&delivery.build(&monitoring.meter())?);
    }
    // It goes on for as long as the monitoring does.
    monitoring.evaluate(&rules(settings), evaluation)?;
    Ok(())
}

/// Writes the same rules for a Prometheus, with tests and runbooks.
pub(crate) fn write(monitoring: &Monitoring, settings: &AlertSettings, directory: &Path) -> Result<(), AlertingError> {
    // Nobody is told: it only makes known what is counted of telling people, which a rule looks at.
    let _delivery =
        destinations(monitoring, settings)?.map(|delivery| delivery.build(&monitoring.meter())).transpose()?;
    let pace = settings.every.map_or(Pace::DEFAULT, |every| Pace::DEFAULT.every(every));
    let options = BundleOptions::new().alerts(rules(settings)).rules(RuleOptions::new().pace(pace));
    monitoring.operations_bundle(options)?.write_to(directory)?;
    Ok(())
}

/// The rules of the crate, as the settings have them.
fn rules(settings: &AlertSettings) -> Alerts {
    let switched = |alerts: Alerts, (rule, time): &(String, _)| alerts.switch(rule, Switch::new().lasting(*time));
    settings.lasting.iter().fold(Alerts::new(), switched)
}

/// Destinations and the guide's routes to those of them that there are; `None` if there is none.
fn destinations(monitoring: &Monitoring, settings: &AlertSettings) -> Result<Option<DeliveryBuilder>, AlertingError> {
    // Of several replicas, each tells what it sees: only who brings that together may be told, such as an Alertmanager.
    let replicas = if monitoring.identity().replicas > 1 { Replicas::Several } else { Replicas::One };
    let mut told = Told { builder: Delivery::builder(replicas), names: Vec::new() };
    if let Some(url) = &settings.heartbeat {
        told = told.and("heartbeat", Heartbeat::new(url.clone()).map_err(unusable("HEARTBEAT_URL"))?);
    }
    if let Some(url) = &settings.alertmanager {
        told = told.and("alertmanager", Alertmanager::new(url).map_err(unusable("ALERTMANAGER_URL"))?);
    }
    if let Some(key) = &settings.pagerduty {
        told = told.and("pager", pagerduty(key, settings.pagerduty_url.as_deref())?);
    }
    match &settings.slack {
        None => {}
        Some(Slack::Webhook(url)) => {
            told = told.and("slack", SlackWebhook::new(url.clone()).map_err(unusable("SLACK_WEBHOOK_URL"))?);
        }
        Some(Slack::Token(token)) => {
            for (name, channel) in [("incidents", "#incidents"), ("monitoring", "#monitoring")] {
                told = told.and(name, slack(token, channel, settings.slack_url.as_deref())?);
            }
        }
    }
    Ok(told.routed())
}

/// Destinations by name.
struct Told {
    builder: DeliveryBuilder,
    names: Vec<&'static str>,
}

impl Told {
    fn and(mut self, name: &'static str, notifier: impl Notifier) -> Self {
        self.names.push(name);
        Self { builder: self.builder.destination(name, notifier), ..self }
    }

    /// The guide's routes, each to those of its destinations that there are.
    fn routed(self) -> Option<DeliveryBuilder> {
        let Self { builder, names } = self;
        let to = |wanted: &[&'static str]| Route::to(wanted.iter().copied().filter(|name| names.contains(name)));
        let builder = builder.routes([
            to(&["heartbeat", "alertmanager"]).rule("Watchdog"),
            to(&["alertmanager", "monitoring", "slack"]).outside_of("prod"),
            to(&["alertmanager", "pager", "incidents", "slack"]).severity(Severity::Critical),
            to(&["alertmanager", "pager", "monitoring", "slack"]).severity(Severity::Warning),
            to(&["alertmanager", "monitoring", "slack"]),
        ]);
        // Whoever cannot be called is written to.
        let written_to = ["incidents", "slack"].into_iter().find(|name| names.contains(name));
        let builder = match written_to.filter(|_| names.contains(&"pager")) {
            Some(slack) => builder.fallback("pager", slack),
            None => builder,
        };
        (!names.is_empty()).then_some(builder)
    }
}

fn unusable(variable: &'static str) -> impl Fn(EndpointError) -> AlertingError {
    move |source| AlertingError::Destination { variable, source }
}

fn pagerduty(key: &Secret<String>, url: Option<&str>) -> Result<PagerDuty, AlertingError> {
    let pager = PagerDuty::events(key.clone()).map_err(unusable("PAGERDUTY_KEY"))?;
    match url {
        Some(url) => pager.url(url).map_err(unusable("PAGERDUTY_URL")),
        None => Ok(pager),
    }
}

fn slack(token: &Secret<String>, channel: &str, url: Option<&str>) -> Result<SlackBot, AlertingError> {
    let bot = SlackBot::new(token.clone(), channel).map_err(unusable("SLACK_TOKEN"))?;
    match url {
        Some(url) => bot.url(url).map_err(unusable("SLACK_URL")),
        None => Ok(bot),
    }
}
