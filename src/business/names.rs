//! Names that are known only from configuration: declared once, at the start, and looked up from then on.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostics::{Diagnostics, Problem};
use crate::error::InvalidValue;
use crate::metrics::Meter;
use crate::work::NameLabel;

/// Why names cannot be declared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclareError {
    /// A name breaks the rule of its kind.
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    /// There are more names of one kind than anybody reads: ids of users, most likely.
    #[error("more than {} names of the kind {what:?} are declared: labels are for few values", MOST_NAMES)]
    TooMany {
        /// The kind, such as `tier`.
        what: &'static str,
    },
}

/// Chosen: more than any service has tiers, books or tokens, and far fewer than it has users.
pub const MOST_NAMES: usize = 200;

/// The declared names of one kind. Cloning shares them.
///
/// A name that comes at run time, such as a tier from a row of the database, is *looked up* here and never becomes a
/// label by itself: one that was not declared is `_other`, and counted as `unknown_label_value`.
///
/// ```
/// use aistm7_monitoring::business::Names;
/// use aistm7_monitoring::business::token::{GraceCause, Tier, Token};
/// # use aistm7_monitoring::{clock::Clock, metrics::{Meter, Registry}};
/// # let registry = Registry::new();
/// # let meter = Meter::new(&registry);
/// # let token = Token::new(&meter, Clock::system())?;
/// # let configured = ["basic", "pro"].map(String::from);
///
/// // Or `Monitoring::builder(…).declare::<Tier>(configured)`, and then `monitoring.names::<Tier>()`.
/// let tiers = Names::<Tier>::declare(&meter, configured)?;
/// let grace = tiers.resolve(|tier| token.grace_periods(tier)); // once
/// let row = String::from("pro");
/// grace.of(&row).started(GraceCause::BalanceDropped);
/// grace.of("user123").started(GraceCause::BalanceDropped); // tier="_other"
/// # registry.snapshot().assert_sum("token_grace_periods_started_total", &[("tier", "pro")], 1);
/// # registry.snapshot().assert_sum("token_grace_periods_started_total", &[("tier", "_other")], 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Names<L> {
    /// Sorted.
    names: Arc<[&'static str]>,
    diagnostics: Diagnostics,
    label: PhantomData<fn() -> L>,
}

impl<L: NameLabel> Names<L> {
    /// Declares names. Each distinct one is kept for as long as the process runs.
    ///
    /// # Errors
    /// When a name breaks the rule of its kind, or there are more than [`MOST_NAMES`].
    pub fn declare(meter: &Meter, names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, DeclareError> {
        let mut declared = Declarations::default();
        declared.add::<L>(names);
        Ok(declared.checked()?.of(meter.diagnostics()))
    }

    /// The label of a name: the one that was declared, or `_other`, which is counted. Cost: a binary search.
    pub fn find(&self, name: &str) -> L {
        L::declared(self.place_of(name).map(|place| self.names[place]))
    }

    /// Every declared name, sorted.
    pub fn iter(&self) -> impl Iterator<Item = L> + '_ {
        self.names.iter().map(|name| L::declared(Some(name)))
    }

    /// Resolves a handle for each declared name and one for all others.
    pub fn resolve<H>(&self, mut handle: impl FnMut(L) -> H) -> PerDeclared<L, H> {
        let of_each = self.iter().map(&mut handle).collect();
        PerDeclared { names: self.clone(), of_each, of_others: handle(L::declared(None)) }
    }

    /// Where a name is; counts one that is not.
    fn place_of(&self, name: &str) -> Option<usize> {
        let place = self.names.binary_search_by(|declared| (*declared).cmp(name)).ok();
        if place.is_none() {
            // Not the name itself, which may be a user's.
            self.diagnostics.report(Problem::UnknownLabelValue, L::WHAT);
        }
        place
    }
}

impl<L> Clone for Names<L> {
    fn clone(&self) -> Self {
        Self { names: Arc::clone(&self.names), diagnostics: self.diagnostics.clone(), label: PhantomData }
    }
}

impl<L> fmt::Debug for Names<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names.iter()).finish()
    }
}

/// A handle for each declared name, resolved together, and one for all other names.
#[derive(Clone, Debug)]
pub struct PerDeclared<L, H> {
    names: Names<L>,
    /// In the order of the names.
    of_each: Arc<[H]>,
    of_others: H,
}

impl<L: NameLabel, H> PerDeclared<L, H> {
    /// The handle of a name; for one that was not declared, which is counted, that of `_other`. Cost: a binary search.
    pub fn of(&self, name: &str) -> &H {
        self.names.place_of(name).map_or(&self.of_others, |place| &self.of_each[place])
    }

    /// The handles of the declared names, in the order of these.
    pub fn iter(&self) -> impl Iterator<Item = &H> {
        self.of_each.iter()
    }
}

/// What a builder was told, before it is checked.
#[derive(Default)]
pub(crate) struct Declarations(Vec<Declaration>);

struct Declaration {
    kind: TypeId,
    what: &'static str,
    check: fn(&str) -> Result<(), InvalidValue>,
    names: Vec<String>,
}

impl Declarations {
    pub(crate) fn add<L: NameLabel>(&mut self, names: impl IntoIterator<Item = impl Into<String>>) {
        let names = names.into_iter().map(Into::into).collect();
        self.0.push(Declaration { kind: TypeId::of::<L>(), what: L::WHAT, check: L::check, names });
    }

    pub(crate) fn checked(self) -> Result<DeclaredNames, DeclareError> {
        let mut by_kind: BTreeMap<TypeId, BTreeSet<&'static str>> = BTreeMap::new();
        for Declaration { kind, what, check, names } in self.0 {
            let declared = by_kind.entry(kind).or_default();
            for name in names {
                check(&name)?;
                if declared.len() == MOST_NAMES && !declared.contains(&*name) {
                    return Err(DeclareError::TooMany { what });
                }
                declared.insert(kept(name));
            }
        }
        Ok(DeclaredNames(by_kind.into_iter().map(|(kind, names)| (kind, names.into_iter().collect())).collect()))
    }
}

/// The declared names of every kind.
#[derive(Debug, Default)]
pub(crate) struct DeclaredNames(BTreeMap<TypeId, Arc<[&'static str]>>);

impl DeclaredNames {
    pub(crate) fn of<L: NameLabel>(&self, diagnostics: &Diagnostics) -> Names<L> {
        let names = self.0.get(&TypeId::of::<L>()).cloned().unwrap_or_default();
        Names { names, diagnostics: diagnostics.clone(), label: PhantomData }
    }
}

/// The same text for as long as the process runs; a text that was kept before is not kept twice.
fn kept(name: String) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = texts.get(&*name) {
        return text;
    }
    let text: &'static str = name.leak();
    texts.insert(text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::business::Source;
    use crate::business::token::{Tier, TokenSymbol};
    use crate::metrics::{Registry, RegistryOptions};

    fn meter() -> Meter {
        Meter::new(&Registry::with(RegistryOptions::new().diagnostics(Diagnostics::new())))
    }

    #[test]
    fn name_that_was_not_declared_is_other_and_counted_each_time() {
        let meter = meter();
        let tiers = Names::<Tier>::declare(&meter, ["pro", "basic", "pro"]).unwrap();
        assert_eq!(tiers.iter().collect::<Vec<_>>(), [Tier::new("basic"), Tier::new("pro")]);
        assert_eq!(tiers.find(&String::from("pro")), Tier::new("pro"));
        assert_eq!(meter.diagnostics().total(Problem::UnknownLabelValue), 0);
        for user in ["user123", "", "Pro", "_other"] {
            assert_eq!(tiers.find(user).resolve(meter.diagnostics()).as_str(), "_other", "{user:?}");
        }
        assert_eq!(meter.diagnostics().total(Problem::UnknownLabelValue), 4);
    }

    #[test]
    fn handles_are_found_by_name() {
        let tiers = Names::<Tier>::declare(&meter(), ["pro", "basic"]).unwrap();
        let diagnostics = Diagnostics::new();
        let words = tiers.resolve(|tier| tier.resolve(&diagnostics));
        assert_eq!(["basic", "pro", "user123"].map(|name| words.of(name).as_str()), ["basic", "pro", "_other"]);
        assert_eq!(words.iter().count(), 2);
        assert_eq!(diagnostics.total(Problem::UnknownLabelValue), 0, "counted when it is looked up, and only then");
    }

    #[test]
    fn each_kind_has_its_rule_and_its_names() {
        assert!(Names::<TokenSymbol>::declare(&meter(), ["wstETH"]).is_ok());
        let refused = Names::<Tier>::declare(&meter(), ["wstETH"]).unwrap_err();
        assert!(matches!(&refused, DeclareError::Invalid(refused) if refused.what() == "tier"), "{refused}");
        let mut declarations = Declarations::default();
        declarations.add::<Tier>(["pro"]);
        let names = declarations.checked().unwrap();
        assert_eq!(names.of::<Source>(&Diagnostics::new()).iter().count(), 0);
        assert_eq!(names.of::<Tier>(&Diagnostics::new()).iter().count(), 1);
    }

    #[test]
    fn more_names_than_anybody_reads_are_refused() {
        let users = |count: usize| (0..count).map(|user| format!("user{user}"));
        assert!(Names::<Tier>::declare(&meter(), users(MOST_NAMES).chain(users(1))).is_ok());
        let refused = Names::<Tier>::declare(&meter(), users(MOST_NAMES + 1)).unwrap_err();
        assert_eq!(refused, DeclareError::TooMany { what: "tier" });
        assert!(refused.to_string().contains("200"), "{refused}");
    }

    #[test]
    fn text_is_kept_once_however_often_it_is_declared() {
        let [first, second] = [0, 1].map(|_| kept("kept-once".to_owned()));
        assert!(std::ptr::eq(first, second));
    }
}
