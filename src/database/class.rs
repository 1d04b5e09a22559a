//! What kind of error a query ended with, in closed words.

use std::convert::Infallible;

use crate::work::closed_label;

closed_label! {
    /// The kind of an error of a database: the `outcome` label of queries that failed.
    pub enum ErrorClass {
        /// There is no such row, where one was asked for.
        NotFound = "not_found",
        /// The query was ended by a limit of the server's or of the caller's.
        Timeout = "timeout",
        /// The pool gave no connection in time.
        PoolTimeout = "pool_timeout",
        /// The service has closed the pool.
        PoolClosed = "pool_closed",
        /// The server cannot be reached, or the connection broke.
        Connection = "connection",
        /// No TLS connection as the settings ask for.
        Tls = "tls",
        /// User or password are refused.
        Auth = "auth",
        /// The server has no place left for another connection.
        TooManyConnections = "too_many_connections",
        /// The server starts up or shuts down.
        Unavailable = "unavailable",
        /// Another transaction waited for this one, which waited for it.
        Deadlock = "deadlock",
        /// The transaction does not fit those beside it: it is to be tried again.
        Serialization = "serialization",
        /// A lock was not to be had in time.
        LockTimeout = "lock_timeout",
        /// A constraint of the schema is against it.
        Constraint = "constraint",
        /// A value cannot be converted, or is none that the server takes.
        Data = "data",
        /// The server refuses the statement: syntax, unknown names, missing rights.
        Rejected = "rejected",
        /// The server or the transaction takes no writes.
        ReadOnly = "read_only",
        /// The server is out of disk, memory or another resource.
        Resources = "resources",
        /// Anything else.
        Other = "other",
    }
}

impl ErrorClass {
    /// The class of an error that a server sent, by its SQLSTATE (PostgreSQL's manual, appendix A).
    ///
    /// ```
    /// use aistm7_monitoring::database::ErrorClass;
    ///
    /// assert_eq!(ErrorClass::of_sqlstate("40P01"), ErrorClass::Deadlock);
    /// assert_eq!(ErrorClass::of_sqlstate("23505"), ErrorClass::Constraint);
    /// assert_eq!(ErrorClass::of_sqlstate("?"), ErrorClass::Other);
    /// ```
    pub fn of_sqlstate(sqlstate: &str) -> Self {
        match sqlstate {
            // query_canceled, and the timeouts of transactions and of sessions that are idle in one.
            "57014" | "25P03" | "25P04" => return Self::Timeout,
            "40P01" => return Self::Deadlock,
            "55P03" => return Self::LockTimeout,
            "25006" => return Self::ReadOnly,
            "53300" => return Self::TooManyConnections,
            _ => {}
        }
        match sqlstate.get(..2).unwrap_or_default() {
            "02" => Self::NotFound,
            "08" => Self::Connection,
            "22" => Self::Data,
            "23" => Self::Constraint,
            "28" => Self::Auth,
            "40" => Self::Serialization,
            "53" | "54" | "58" => Self::Resources,
            "57" => Self::Unavailable,
            "0A" | "26" | "34" | "3D" | "3F" | "42" => Self::Rejected,
            _ => Self::Other,
        }
    }
}

/// An error that says what kind it is. Implemented for those of the drivers by the features named after them.
///
/// The error's text never becomes a label: it may hold a value of a row.
///
/// ```
/// use aistm7_monitoring::database::{ErrorClass, QueryError};
///
/// enum RepositoryError<D> {
///     Driver(D),
///     CorruptRow,
/// }
///
/// impl<D: QueryError> QueryError for RepositoryError<D> {
///     fn class(&self) -> ErrorClass {
///         match self {
///             Self::Driver(error) => error.class(),
///             Self::CorruptRow => ErrorClass::Data,
///         }
///     }
/// }
/// # let _ = RepositoryError::<std::convert::Infallible>::CorruptRow.class();
/// ```
pub trait QueryError {
    /// What kind of error it is.
    fn class(&self) -> ErrorClass;
}

/// For queries that cannot fail.
impl QueryError for Infallible {
    fn class(&self) -> ErrorClass {
        match *self {}
    }
}

impl<E: QueryError + ?Sized> QueryError for &E {
    fn class(&self) -> ErrorClass {
        (**self).class()
    }
}

impl<E: QueryError + ?Sized> QueryError for Box<E> {
    fn class(&self) -> ErrorClass {
        (**self).class()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_sqlstates_are_those_of_the_manual() {
        for (sqlstate, class) in [
            ("57014", ErrorClass::Timeout),
            ("57P03", ErrorClass::Unavailable),
            ("40001", ErrorClass::Serialization),
            ("40P01", ErrorClass::Deadlock),
            ("55P03", ErrorClass::LockTimeout),
            ("08006", ErrorClass::Connection),
            ("28P01", ErrorClass::Auth),
            ("53300", ErrorClass::TooManyConnections),
            ("53100", ErrorClass::Resources),
            ("42P01", ErrorClass::Rejected),
            ("42501", ErrorClass::Rejected),
            ("22P02", ErrorClass::Data),
            ("25006", ErrorClass::ReadOnly),
            ("P0001", ErrorClass::Other),
            ("", ErrorClass::Other),
            ("é", ErrorClass::Other),
        ] {
            assert_eq!(ErrorClass::of_sqlstate(sqlstate), class, "{sqlstate}");
        }
    }
}
