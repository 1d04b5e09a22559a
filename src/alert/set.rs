//! All rules of a service: this crate's and its own, switched and checked.

use std::collections::BTreeMap;

use super::packs::{self, Settings};
use super::rule::{BoundRule, Match, Matcher, Pack, Rule, RuleError, RuleFault, Switch, bind};
use crate::catalog::Catalog;
use crate::severity::Severity;

/// How urgent this crate's rules are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// Only what somebody has to get up for is critical; at most [`MOST_PAGES`] rules a service.
    #[default]
    OnCall,
    /// Each of the guide's twelve lines is critical, as the guide has them.
    Guide,
}

/// How many rules of the service pack may page in [`Profile::OnCall`]. Chosen: what somebody can know by heart.
pub const MOST_PAGES: usize = 12;

/// Of requests to routes with an objective, the share that is to meet it unless [`Alerts::objective`] says otherwise.
pub const DEFAULT_OBJECTIVE: f64 = 0.99;

/// What a service wants to be alerted of: this crate's rules as far as it has their metrics, and its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use aistm7_monitoring::Monitoring;
/// use aistm7_monitoring::alert::{Alerts, Quantity, Severity, Switch};
///
/// let monitoring = Monitoring::builder("orders").build()?;
/// let rules = Alerts::new()
///     .switch("ApiLatencyHigh", Switch::new().threshold(Quantity::seconds(0.8)).clear_at(0.7))
///     .switch("CpuHigh", Switch::new().off())
///     .bind(&monitoring.catalog())?;
/// assert_eq!(rules.rule("ApiLatencyHigh").map(|rule| rule.severity()), Some(Severity::Critical));
/// assert_eq!(rules.rule("CpuHigh"), None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "alerts do nothing until they are bound to a catalog"]
pub struct Alerts {
    profile: Profile,
    settings: Settings,
    own: Vec<Rule>,
    switches: BTreeMap<String, Switch>,
    service: Option<String>,
}

impl Alerts {
    /// This crate's rules.
    pub fn new() -> Self {
        let settings = Settings { objective: DEFAULT_OBJECTIVE, routes: Vec::new() };
        Self { profile: Profile::default(), settings, own: Vec::new(), switches: BTreeMap::new(), service: None }
    }

    /// How urgent this crate's rules are. Default: [`Profile::OnCall`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The share of the requests to a route with an objective that is to meet it. Default: [`DEFAULT_OBJECTIVE`].
    pub fn objective(mut self, share: f64) -> Self {
        self.settings.objective = share;
        self
    }

    /// The routes that have an objective: they alert by it, and leave the rules on latency. `Monitoring` knows them.
    pub fn routes_with_objective(mut self, routes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.settings.routes = routes.into_iter().map(Into::into).collect();
        self
    }

    /// Rules of the service pack look at this service only. Default: they tell all services apart, so that one set of files
    /// does for all.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Adds a rule of the service.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.own.push(rule);
        self
    }

    /// Changes a rule, or leaves it out.
    pub fn switch(mut self, rule: impl Into<String>, switch: Switch) -> Self {
        self.switches.insert(rule.into(), switch);
        self
    }

    /// Checks everything against a catalog.
    ///
    /// # Errors
    /// At the first rule that makes no sense: see [`RuleFault`]. A rule of this crate's whose metrics the catalog does not
    /// have is left out instead.
    pub fn bind(&self, catalog: &Catalog) -> Result<RuleSet, RuleError> {
        let mut bound = RuleSet::default();
        let ours = packs::rules(&self.settings).into_iter().map(|rule| (self.urgent(rule), Origin::Crate));
        let rules = ours.chain(self.own.iter().cloned().map(|rule| (rule, Origin::Service)));
        let mut names = Vec::new();
        for (rule, origin) in rules {
            let name = rule.name.clone();
            let fail = |fault| RuleError { rule: name.clone(), fault };
            if names.contains(&name) {
                return Err(fail(RuleFault::Duplicate));
            }
            names.push(name.clone());
            let rule = self.of_service(rule);
            match (bind(rule, self.switches.get(&name), catalog), origin) {
                (Ok(rule), _) => bound.rules.extend(rule),
                (Err(RuleFault::UnknownMetric { metric }), Origin::Crate) => {
                    bound.left_out.push(LeftOut { rule: name, metric });
                }
                (Err(fault), _) => return Err(fail(fault)),
            }
        }
        if let Some(name) = self.switches.keys().find(|name| !names.contains(name)) {
            return Err(RuleError { rule: name.clone(), fault: RuleFault::NoSuchRule });
        }
        let page_too_many = bound.pages().nth(MOST_PAGES).filter(|_| self.profile == Profile::OnCall);
        if let Some(rule) = page_too_many {
            let fault = RuleFault::TooManyPages { most: MOST_PAGES };
            return Err(RuleError { rule: rule.name().to_owned(), fault });
        }
        Ok(bound)
    }

    fn of_service(&self, mut rule: Rule) -> Rule {
        if let (Pack::Service, Some(service)) = (rule.pack, &self.service) {
            let values = Match::OneOf(vec![service.clone()]);
            rule.matchers.push(Matcher { label: "service".to_owned(), values });
        }
        rule
    }

    fn urgent(&self, rule: Rule) -> Rule {
        match self.profile {
            Profile::Guide if !rule.guide.is_empty() => rule.severity(Severity::Critical),
            _ => rule,
        }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self::new()
    }
}

/// Whose rule it is.
#[derive(Clone, Copy)]
enum Origin {
    Crate,
    Service,
}

/// Rules that fit a catalog, in the order of their packs and topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet {
    rules: Vec<BoundRule>,
    left_out: Vec<LeftOut>,
}

/// A rule of this crate's that the catalog has no metrics for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Its name.
    pub rule: String,
    /// The metric that is not there.
    pub metric: String,
}

impl RuleSet {
    /// Each rule.
    pub fn rules(&self) -> &[BoundRule] {
        &self.rules
    }

    /// The rule of that name.
    pub fn rule(&self, name: &str) -> Option<&BoundRule> {
        self.rules.iter().find(|rule| rule.name() == name)
    }

    /// What is left out, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The rules of a service that wake somebody.
    fn pages(&self) -> impl Iterator<Item = &BoundRule> {
        self.rules.iter().filter(|rule| rule.pack() == Pack::Service && rule.severity() == Severity::Critical)
    }
}
