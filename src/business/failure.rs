//! Why something failed, and whose fault that is.

use std::convert::Infallible;

use super::known::Known;
use crate::diagnostics::Problem;
use crate::error::check_name;
use crate::metrics::{Counter, Family, LabelValue};
use crate::work::{Base, closed_label};

closed_label! {
    /// Whose fault a failure is: the `fault` label. It decides who is told.
    pub enum Fault {
        /// The service's own: somebody is paged.
        Ours = "ours",
        /// That of data which was stored or delivered: a warning.
        Data = "data",
        /// The user's, such as too short a history of their own: nobody is told.
        User = "user",
    }
}

/// An error that says in closed words why something failed.
///
/// The error's text never becomes a label: it may hold a user's data, and it has no bound.
///
/// ```
/// use aistm7_monitoring::business::{FailureReason, Fault};
///
/// enum NoFigure {
///     UserTooNew,
///     MissingPrice { instrument: String },
/// }
///
/// impl FailureReason for NoFigure {
///     fn reason(&self) -> &'static str {
///         match self {
///             Self::UserTooNew => "insufficient-data",
///             Self::MissingPrice { .. } => "missing-price",
///         }
///     }
///
///     fn fault(&self) -> Fault {
///         match self {
///             Self::UserTooNew => Fault::User,
///             Self::MissingPrice { .. } => Fault::Data,
///         }
///     }
/// }
///
/// assert_eq!(NoFigure::UserTooNew.reason(), "insufficient-data");
/// # let _ = NoFigure::MissingPrice { instrument: String::new() }.fault();
/// ```
pub trait FailureReason {
    /// The `reason` label: 1 to 63 of `a-z`, `0-9`, `-`, `_` and `.`. Anything else is recorded as `_other`.
    fn reason(&self) -> &'static str;

    /// Whose fault it is.
    fn fault(&self) -> Fault;
}

/// For work that cannot fail.
impl FailureReason for Infallible {
    fn reason(&self) -> &'static str {
        match *self {}
    }

    fn fault(&self) -> Fault {
        match *self {}
    }
}

impl<E: FailureReason + ?Sized> FailureReason for &E {
    fn reason(&self) -> &'static str {
        (**self).reason()
    }

    fn fault(&self) -> Fault {
        (**self).fault()
    }
}

impl<E: FailureReason + ?Sized> FailureReason for Box<E> {
    fn reason(&self) -> &'static str {
        (**self).reason()
    }

    fn fault(&self) -> Fault {
        (**self).fault()
    }
}

/// The failures of one subject, by reason and fault.
#[derive(Debug)]
pub(super) struct Failures {
    base: Base,
    /// Labels: the subject, `reason`, `fault`.
    family: Family<Counter, 3>,
    subject: LabelValue,
    known: Known<(&'static str, Fault)>,
}

impl Failures {
    pub(super) fn new(base: &Base, family: &Family<Counter, 3>, subject: LabelValue) -> Self {
        Self { base: base.clone(), family: family.clone(), subject, known: Known::new() }
    }

    /// The counter of a reason, at 0 when it is new. Past [`Known::CAPACITY`] reasons a new one is `_other`.
    pub(super) fn of(&self, reason: &'static str, fault: Fault) -> Counter {
        if let Some(counter) = self.known.find((reason, fault)) {
            return counter;
        }
        // No lock is held from here on: the hook of the diagnostics is the user's code.
        if !self.known.has_room() {
            self.base.diagnostics.report(Problem::UnknownLabelValue, "there are too many failure reasons");
            return self.series(LabelValue::OTHER.into(), fault);
        }
        let value = LabelValue::checked(reason, check_name("failure reason", reason), &self.base.diagnostics);
        let counter = self.series(value, fault);
        self.known.keep((reason, fault), &counter);
        counter
    }

    fn series(&self, reason: LabelValue, fault: Fault) -> Counter {
        self.family.series([self.subject.clone(), reason, fault.into()])
    }
}
