//! Alarms for CloudWatch: the rules as inputs of `PutMetricAlarm` and as a template of CloudFormation.
//!
//! Equal rules and options give equal bytes. What the alarms expect to find in CloudWatch is [`Publication`]'s to say; a rule
//! that CloudWatch cannot serve is refused with its [`Refusal`] and never made into an alarm that means something else.
//!
//! ```text
//! BoundRule -> Scope (values of labels) -> Math (metrics and expression) -> Alarm -> check (limits) -> JSON
//! ```
//!
//! # How a rule becomes an alarm
//!
//! | the rule says | the alarm has |
//! |---|---|
//! | a rise, or events, of counters in a window | `Sum` over a period as long as the window; of histograms, `SampleCount` |
//! | the same of the worst replica | `Maximum` of what each replica publishes, in so many of the window's periods as it must last |
//! | a ratio, with enough traffic | metric math: `IF((m1 >= 5) AND (m2 > 0), 100 * m1 / m2, 0)` |
//! | a percentile | `ExtendedStatistic`; if the rule asks for traffic, periods with few samples are ignored |
//! | what gauges show | `Maximum`, `Minimum`, `Average` or `Sum` of a period |
//! | the age of a timestamp | metric math: `EPOCH(m1) - m1` |
//! | series that are gone | `SampleCount` below 1, and missing data is breaching: a process that is gone publishes nothing |
//! | how long it must last | so many periods; of a window, which slides by the minute, the nearest number of whole windows |
//! | an excuse | metric math: nothing while it is true |
//!
//! CloudWatch cannot say that an alarm clears elsewhere than it fires, or that it goes on firing: those parts of a rule are
//! left out. What is held while its series are gone stays as it is for as long as they are.

mod alarm;
mod document;
mod error;
mod limit;
mod math;
mod metric;
mod options;
mod refusal;
mod scope;
mod span;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use alarm::Alarm;
pub use error::CloudWatchError;
pub use limit::Limit;
pub use metric::{Form, Publication, Selection, Wanted};
pub use options::{CloudWatchOptions, STANDARD_DEPENDENCIES};
pub use refusal::{Refusal, Refused};
use scope::Scope;
pub use template::MOST_ALARMS;

use crate::alert::{BoundRule, RuleSet};

/// The alarms of a set of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarms {
    options: CloudWatchOptions,
    alarms: Vec<Alarm>,
    refused: Vec<Refused>,
    publications: BTreeSet<Publication>,
}

/// Makes alarms of rules.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::alert::Alerts;
/// use aistm7_monitoring::ops::cloudwatch::{CloudWatchOptions, alarms};
///
/// let monitoring = Monitoring::builder("orders").environment("prod").build()?;
/// let rules = Alerts::new().bind(&monitoring.catalog())?;
/// let alarms = alarms(&rules, &CloudWatchOptions::new("orders", "prod"))?;
/// let names: Vec<_> = alarms.alarms().iter().map(|alarm| alarm.name()).collect();
/// assert!(names.contains(&"aistm7-orders-prod-ServiceAbsent"));
/// assert!(alarms.refused().iter().any(|refused| refused.rule == "Watchdog"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`CloudWatchError`] when the options do not fit CloudWatch or the rules, or when there are more alarms than a template
/// may have. A rule that does not fit is in [`Alarms::refused`] instead.
pub fn alarms(rules: &RuleSet, options: &CloudWatchOptions) -> Result<Alarms, CloudWatchError> {
    options.check()?;
    let mut made =
        Alarms { options: options.clone(), alarms: Vec::new(), refused: Vec::new(), publications: BTreeSet::new() };
    let mut keys = BTreeSet::new();
    for rule in rules.rules() {
        scope::check_identity(rule, options)?;
        match of_rule(rule, options).and_then(|alarms| made.without_doubles(alarms)) {
            Ok(alarms) => {
                for mut alarm in alarms {
                    alarm.set_key(&mut keys);
                    made.publications.extend(alarm.plan().publications.iter().cloned());
                    made.alarms.push(alarm);
                }
            }
            Err(reason) => made.refused.push(Refused { rule: rule.name().to_owned(), reason }),
        }
    }
    match made.alarms.len() {
        alarms if alarms > MOST_ALARMS => Err(CloudWatchError::TooManyAlarms { alarms, most: MOST_ALARMS }),
        _ => Ok(made),
    }
}

/// The alarms of one rule.
fn of_rule(rule: &BoundRule, options: &CloudWatchOptions) -> Result<Vec<Alarm>, Refusal> {
    let scopes = Scope::all(rule, options)?;
    let alarm = |scope: &Scope<'_>| {
        let alarm = Alarm::new(scope, math::plan(scope)?);
        limit::check(&alarm)?;
        Ok(alarm)
    };
    scopes.iter().map(alarm).collect()
}

impl Alarms {
    /// Rolled up, a rule by a label can be the same as one without: then it tells nothing new.
    fn without_doubles(&self, alarms: Vec<Alarm>) -> Result<Vec<Alarm>, Refusal> {
        let doubles = alarms.iter().filter(|alarm| !alarm.rolled_up().is_empty());
        let known = doubles.filter_map(|alarm| self.alarms.iter().find(|known| known.plan() == alarm.plan())).next();
        known.map_or(Ok(alarms), |known| Err(Refusal::SameAs { alarm: known.name().to_owned() }))
    }

    /// Each alarm, in the order of the rules.
    pub fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// The rules that CloudWatch cannot serve, and why.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// What has to be published for these alarms, sorted.
    pub fn publications(&self) -> impl Iterator<Item = &Publication> {
        self.publications.iter()
    }

    /// The same as a file.
    pub fn publications_json(&self) -> String {
        document::publications(self)
    }

    /// The inputs of `PutMetricAlarm`, by name of the file: each for one
    /// `aws cloudwatch put-metric-alarm --cli-input-json file://…`.
    pub fn inputs(&self) -> impl Iterator<Item = (String, String)> {
        let actions = |alarm: &Alarm| alarm.input(self.options.topic_of(alarm.severity()));
        self.alarms.iter().map(move |alarm| (format!("{}.json", alarm.key()), document::text(&actions(alarm))))
    }

    /// All of them as a template of CloudFormation, with a parameter for the SNS topic of each severity. A topic of the
    /// options is the parameter's default; an empty one tells nobody.
    pub fn template(&self) -> String {
        document::text(&template::template(self))
    }
}
