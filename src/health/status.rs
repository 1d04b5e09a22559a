//! The words of the model: what a check says, and what its word is for.

/// What is known of a check, or of all checks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It works.
    Healthy,
    /// It works, but a person should know something.
    Degraded,
    /// It does not work.
    Unhealthy,
    /// Nothing is known yet, or what was known is too old.
    Unknown,
}

impl Status {
    /// Every status, in the order of their gauges.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Degraded, Self::Unhealthy, Self::Unknown];

    /// The word on the wire: in health bodies and in the label `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

/// The worst that an unhealthy check does to the overall status on `/health`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Impact {
    /// The whole is degraded: HTTP 200.
    #[default]
    Degraded,
    /// The whole is unhealthy: HTTP 503.
    Unhealthy,
}

impl Impact {
    /// The word in detailed bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// Whether a check can take the process out of its load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gates {
    /// It cannot. Right for everything that all replicas share: when it fails, taking all of them out helps nobody.
    #[default]
    None,
    /// While it is unhealthy or not yet known, `/health/ready` says no, for [`GATE_LIMIT`](super::GATE_LIMIT) at most.
    Ready,
}

impl Gates {
    /// The word in detailed bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ready => "ready",
        }
    }
}

/// What sort of thing a check looks at: the words of the IETF draft on health checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ComponentKind {
    /// A service, or a part of this one.
    #[default]
    Component,
    /// Something that keeps data.
    Datastore,
    /// The machine: disks, certificates, clocks.
    System,
}

impl ComponentKind {
    /// The word in detailed bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Datastore => "datastore",
            Self::System => "system",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_status_has_its_own_place() {
        for (index, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, index);
        }
    }
}
