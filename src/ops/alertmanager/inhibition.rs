//! What mutes what, as Alertmanager is told.

use crate::alert::{INHIBITIONS, Inhibition, Labelled};
use crate::ops::yaml::Yaml;

pub(super) fn rules() -> Yaml {
    Yaml::List(INHIBITIONS.iter().map(written).collect())
}

fn written(inhibition: &Inhibition) -> Yaml {
    Yaml::map([
        ("source_matchers", Yaml::texts(inhibition.cause().map(matcher))),
        ("target_matchers", Yaml::texts(inhibition.follows().map(matcher))),
        ("equal", Yaml::texts(inhibition.equal.iter().copied())),
    ])
}

fn matcher(of: Labelled) -> String {
    match of {
        Labelled::Is(label, value) => format!("{label}={value:?}"),
        Labelled::IsNot(label, value) => format!("{label}!={value:?}"),
        Labelled::OneOf(label, values) => format!("{label}=~{:?}", values.join("|")),
    }
}
