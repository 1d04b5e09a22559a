//! Whose job it is: each replica's, or one replica's for all.

/// Whether each replica of a service does a job itself, or they share it.
///
/// Shared is right for what is the same from wherever it is looked at, and costs money, quota or a session each time: a
/// rate-limited API, a broker's gateway, facts of a database server. It is wrong for what each replica must reach itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Each replica does it.
    #[default]
    Instance,
    /// The replica that holds the lease does it and the others follow what it publishes. Without a lease, or while its
    /// store does not answer, each does it at an interval stretched by the number of replicas, so that all of them
    /// together do it as often.
    Shared,
}
