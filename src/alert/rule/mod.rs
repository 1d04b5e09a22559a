//! Rules as data: what must be true of which series, checked against the catalog. Who evaluates them is another matter.
//!
//! ```text
//! Rule (roles, names, thresholds) -> Switch -> naming -> BoundRule -> PromQL | metric math | snapshots
//! ```

mod bound;
mod declared;
mod error;
mod naming;
mod quantity;
mod selector;
mod switch;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub use bound::{BoundRule, SHORTEST_WINDOW};
pub use declared::{GuideLine, Missing, Pack, Rule, Runbook};
pub use error::{RuleError, RuleFault};
pub use quantity::{Measure, Quantity};
pub use selector::{IDENTITY, Match, Matcher, Role, Selector, Source, metric, probe, role, up};
pub use switch::Switch;
pub use template::Template;
pub(crate) use value::UNBORN_FOR;
pub use value::{Across, Condition, Order, Value};

use crate::catalog::Catalog;

/// A rule of somebody else's as a service has it: switched, then checked; `None` if it is off.
pub(super) fn bind(rule: Rule, switch: Option<&Switch>, catalog: &Catalog) -> Result<Option<BoundRule>, RuleFault> {
    let rule = match switch {
        Some(switch) => switch.applied(rule)?,
        None => Some(rule),
    };
    rule.map(|rule| BoundRule::new(rule, catalog)).transpose()
}
