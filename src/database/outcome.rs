//! How a query ended.

use tokio::time::error::Elapsed;

use super::class::{ErrorClass, QueryError};

/// How a query ended: its `outcome` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It gave its result.
    Ok,
    /// It failed: the label is the class of its error.
    Failed(ErrorClass),
    /// Its future or stream was dropped before its end.
    Cancelled,
    /// It panicked.
    Panicked,
}

impl Outcome {
    /// How many there are.
    pub(super) const COUNT: usize = 3 + ErrorClass::ALL.len();

    /// The value of the label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(class) => class.as_str(),
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::Ok => 0,
            Self::Cancelled => 1,
            Self::Panicked => 2,
            // Classes are numbered from 0, in the order of `ALL`.
            Self::Failed(class) => 3 + class as usize,
        }
    }
}

/// What a query's future gives: says how the query ended.
///
/// Implemented for results whose error is a [`QueryError`], and for those within the limit of `tokio::time::timeout`.
pub trait QueryResult {
    /// How the query ended.
    fn outcome(&self) -> Outcome;
}

impl<T, E: QueryError> QueryResult for Result<T, E> {
    fn outcome(&self) -> Outcome {
        match self {
            Ok(_) => Outcome::Ok,
            Err(error) => Outcome::Failed(error.class()),
        }
    }
}

impl<R: QueryResult> QueryResult for Result<R, Elapsed> {
    fn outcome(&self) -> Outcome {
        self.as_ref().map_or(Outcome::Failed(ErrorClass::Timeout), R::outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_place_and_a_word_of_its_own() {
        let all = || {
            let failed = ErrorClass::ALL.iter().copied().map(Outcome::Failed);
            [Outcome::Ok, Outcome::Cancelled, Outcome::Panicked].into_iter().chain(failed)
        };
        assert_eq!(all().map(Outcome::as_str).collect::<HashSet<_>>().len(), Outcome::COUNT);
        assert!(all().map(Outcome::index).eq(0..Outcome::COUNT));
    }
}
