//! What the server is asked, and what its answers mean.

use std::time::Duration;

use crate::health::{CheckFailure, CheckReport};

/// Several statements in one simple query are one transaction, so `SET LOCAL` holds for it and ends with it, also when
/// a statement fails. An explicit `BEGIN` would leave the pool a broken transaction if the check is aborted half-way.
macro_rules! limited {
    ($limit:literal, $query:literal) => {
        concat!("SET LOCAL statement_timeout = '", $limit, "'; SET LOCAL lock_timeout = '200ms'; ", $query)
    };
}

macro_rules! role_within {
    ($limit:literal) => {
        limited!($limit, "SELECT pg_is_in_recovery()::text || ' ' || current_setting('transaction_read_only')")
    };
}

/// Asks for the role.
pub(super) const ROLE: &str = role_within!("1s");
/// The same, for a check that must find out by itself why there is no answer: a server gives up before the check does.
pub(super) const ROLE_BEHIND_POOLER: &str = role_within!("500ms");

/// Asks a replica how old its data may be: how many receivers of its primary's log run, and how many seconds ago the
/// primary committed what was replayed last. While all that was received is replayed, that is 0, however long ago: a
/// primary may have nothing to say. (After a restart the receiver counts from the start of a segment, so it may be
/// behind what is replayed.)
pub(super) const REPLICATION: &str = limited!(
    "1s",
    "SELECT (SELECT count(*) FROM pg_stat_wal_receiver) || ' ' || coalesce(CASE \
     WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0 \
     ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::text, 'unknown')"
);

/// Makes the server write a temporary file of 280 kB and remove it, on a primary as on a replica.
pub(super) const SPILL: &str =
    limited!("1s", "SET LOCAL work_mem = '64kB'; SELECT count(*)::text FROM generate_series(1, 20000)");

/// What a server is to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostgresRole {
    /// It takes writes.
    Primary,
    /// It follows a primary.
    Replica,
}

/// What a server says of its role.
pub(super) struct Standing {
    pub(super) role: PostgresRole,
    writable: bool,
}

impl Standing {
    /// Reads the answer to [`ROLE`].
    pub(super) fn read(answer: &str) -> Result<Self, CheckFailure> {
        let (role, writable) = match answer {
            "false off" => (PostgresRole::Primary, true),
            "false on" => (PostgresRole::Primary, false),
            "true on" | "true off" => (PostgresRole::Replica, false),
            _ => return Err(CheckFailure::new("query_failed", "the server does not say what its role is")),
        };
        Ok(Self { role, writable })
    }

    pub(super) const fn word(&self) -> &'static str {
        match self.role {
            PostgresRole::Primary => "primary",
            PostgresRole::Replica => "replica",
        }
    }

    pub(super) fn judge(&self, expected: Option<PostgresRole>) -> Result<(), CheckFailure> {
        match expected {
            Some(PostgresRole::Primary) if !self.writable => {
                let role = self.word();
                Err(CheckFailure::new("read_only", format_args!("a primary is expected; this {role} refuses writes")))
            }
            Some(PostgresRole::Replica) if self.role == PostgresRole::Primary => {
                Err(CheckFailure::new("not_a_replica", "a replica is expected; this is a primary"))
            }
            _ => Ok(()),
        }
    }
}

/// How far a replica is behind.
pub(super) struct Replication {
    /// Whether a primary sends it anything.
    connected: bool,
    /// How old its data may be; `None` when it has replayed nothing since it started.
    lag: Option<Duration>,
}

impl Replication {
    /// Reads the answer to [`REPLICATION`].
    pub(super) fn read(answer: &str) -> Result<Self, CheckFailure> {
        let unreadable = || CheckFailure::new("query_failed", "the replica does not say how far it is behind");
        let (receivers, lag) = answer.split_once(' ').ok_or_else(unreadable)?;
        let lag = match lag {
            "unknown" => None,
            // Below 0 when the primary's clock is ahead.
            seconds => {
                let seconds: f64 = seconds.parse().map_err(|_| unreadable())?;
                Some(Duration::try_from_secs_f64(seconds.max(0.0)).map_err(|_| unreadable())?)
            }
        };
        Ok(Self { connected: receivers != "0", lag })
    }

    /// Adds the lag to the report, unless it is too long.
    pub(super) fn judge(&self, limit: Duration, report: CheckReport) -> Result<CheckReport, CheckFailure> {
        let (reason, message) = match (self.lag, self.connected) {
            // Without a primary its data still was right so long ago.
            (Some(lag), _) if lag <= limit => return Ok(report.with_data("replica_lag_seconds", lag)),
            (_, true) => ("replica_lag", "the replica is further behind than it may be"),
            (_, false) => ("replication_stopped", "no primary sends the replica anything: what it serves is old"),
        };
        let failure = CheckFailure::new(reason, message);
        Err(match self.lag {
            Some(lag) => failure.with_data("replica_lag_seconds", lag),
            None => failure,
        })
    }
}
