//! How a piece of work ended.

use super::label::closed_label;

closed_label! {
    /// How a piece of work ended: the `outcome` label of everything that is tried.
    pub enum Outcome {
        /// It returned `Ok`.
        Ok = "ok",
        /// It returned `Err`.
        Failed = "failed",
        /// Its future was dropped before it was done.
        Cancelled = "cancelled",
        /// Its [`Timer`](super::Timer) was dropped without a verdict, as an early return does.
        Abandoned = "abandoned",
        /// It panicked.
        Panicked = "panicked",
    }
}

impl Outcome {
    /// The outcome of work that came to its end.
    ///
    /// ```
    /// use aistm7_monitoring::business::Outcome;
    ///
    /// assert_eq!(Outcome::of(&"7".parse::<u8>()), Outcome::Ok);
    /// assert_eq!(Outcome::of(&"x".parse::<u8>()).as_str(), "failed");
    /// ```
    pub fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Ok } else { Self::Failed }
    }
}
