//! How a run ended.

/// The `outcome` label of `job_last_outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It returned `Ok`.
    Ok,
    /// It returned `Err`.
    Failed,
    /// It panicked.
    Panicked,
    /// Its future was dropped before it was done.
    Cancelled,
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Ok, Self::Failed, Self::Panicked, Self::Cancelled];

    /// Of work that may have panicked.
    pub(super) fn of<T, E>(ended: &std::thread::Result<Result<T, E>>) -> Self {
        match ended {
            Ok(Ok(_)) => Self::Ok,
            Ok(Err(_)) => Self::Failed,
            Err(_) => Self::Panicked,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        }
    }
}
