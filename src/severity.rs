//! How urgent something is, for checks and alerts alike.

/// How urgently a person should hear of it. Decides alerts and log levels, never an HTTP answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Somebody is woken.
    Critical,
    /// Somebody looks at it in working hours.
    #[default]
    Warning,
    /// Nobody is called; it can be looked up.
    Info,
}

impl Severity {
    /// Every severity, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Warning, Self::Info];

    /// The word in detailed bodies and in the label `severity`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}
