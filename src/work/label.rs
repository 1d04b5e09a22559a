//! Label values as types: closed sets are enums, names are checked and written in code.

use std::marker::PhantomData;

use crate::metrics::ClosedLabel;
pub(crate) use crate::metrics::closed_label;

/// One handle for each value of a closed label, resolved together, so that every series exists from the start.
#[derive(Debug)]
pub(crate) struct PerValue<L, H> {
    handles: Box<[H]>,
    label: PhantomData<fn(L)>,
}

impl<L: ClosedLabel, H> PerValue<L, H> {
    pub(crate) fn resolve(handle: impl FnMut(L) -> H) -> Self {
        Self { handles: L::EVERY.iter().copied().map(handle).collect(), label: PhantomData }
    }

    pub(crate) fn of(&self, value: L) -> &H {
        // OK because there is one handle for each value, in the order of the indices.
        &self.handles[value.index()]
    }
}

/// A label whose values are names: written in code, or declared at the start by whoever knows them only then.
pub trait NameLabel: Copy + Eq + sealed::FromDeclared + 'static {}

pub(crate) mod sealed {
    use crate::error::InvalidValue;

    #[allow(unnameable_types, reason = "sealed: nobody outside implements or calls it")]
    pub trait FromDeclared {
        /// What it is, for people.
        const WHAT: &'static str;

        fn check(name: &str) -> Result<(), InvalidValue>;

        /// A name that keeps the rule, or none of those that were declared.
        fn declared(name: Option<&'static str>) -> Self;
    }
}

/// A type for a name that is written in code, or one of those that were declared.
macro_rules! name_label {
    ($(#[$meta:meta])* $vis:vis struct $name:ident, $what:literal, $check:path) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // `None` is a name that was not declared, which is counted when it is looked up.
        $vis struct $name(Option<&'static str>);

        impl $name {
            /// The name as it is written; it is checked when a handle is resolved with it.
            $vis const fn new(name: &'static str) -> Self {
                Self(Some(name))
            }

            /// The label's value: the name, or `_other` for one that breaks the rule, which is counted.
            pub(crate) fn resolve(
                self,
                diagnostics: &$crate::diagnostics::Diagnostics,
            ) -> $crate::metrics::LabelValue {
                match self.0 {
                    Some(name) => $crate::metrics::LabelValue::checked(name, $check($what, name), diagnostics),
                    None => $crate::metrics::LabelValue::OTHER.into(),
                }
            }
        }

        impl From<&'static str> for $name {
            fn from(name: &'static str) -> Self {
                Self::new(name)
            }
        }

        impl $crate::work::NameLabel for $name {}

        impl $crate::work::FromDeclared for $name {
            const WHAT: &'static str = $what;

            fn check(name: &str) -> Result<(), $crate::error::InvalidValue> {
                $check($what, name)
            }

            fn declared(name: Option<&'static str>) -> Self {
                Self(name)
            }
        }
    };
}
pub(crate) use name_label;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Diagnostics, Problem};
    use crate::metrics::LabelValue;
    use crate::work::Outcome;

    name_label! {
        /// Of these tests.
        pub(crate) struct Source, "source", crate::error::check_name
    }

    #[test]
    fn name_that_breaks_the_rule_is_other_and_counted() {
        let diagnostics = Diagnostics::new();
        assert_eq!(Source::from("price-feed").resolve(&diagnostics).as_str(), "price-feed");
        assert_eq!(diagnostics.total(Problem::UnknownLabelValue), 0);
        for bad in ["", "Price Feed", "_other", "a\nb"] {
            assert_eq!(Source::new(bad).resolve(&diagnostics).as_str(), "_other", "{bad:?}");
        }
        assert_eq!(diagnostics.total(Problem::UnknownLabelValue), 4);
    }

    #[test]
    fn closed_labels_find_the_handle_of_their_own_value() {
        let words = PerValue::resolve(Outcome::as_str);
        for outcome in Outcome::ALL {
            assert_eq!(*words.of(*outcome), outcome.as_str());
        }
        assert_eq!(LabelValue::from(Outcome::Failed).as_str(), "failed");
    }
}
