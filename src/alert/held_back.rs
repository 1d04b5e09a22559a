//! Why nobody is told of an alert that fires.

/// Why people are not told of an alert, although it fires. Who was told of it before is told of its end as usual.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldBack {
    /// A cause fires that it follows from.
    Inhibited {
        /// The rule of the cause.
        by: String,
    },
    /// A silence holds.
    Silenced,
    /// It is time for maintenance.
    Maintenance {
        /// The name of the interval.
        interval: String,
    },
}

impl HeldBack {
    /// The word in `GET /alerts`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Inhibited { .. } => "inhibited",
            Self::Silenced => "silenced",
            Self::Maintenance { .. } => "maintenance",
        }
    }

    /// What holds it back, by name, if that has one.
    pub fn by(&self) -> Option<&str> {
        match self {
            Self::Inhibited { by: name } | Self::Maintenance { interval: name } => Some(name),
            Self::Silenced => None,
        }
    }
}
