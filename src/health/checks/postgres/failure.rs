//! What errors mean: from a driver's kinds, a server's states and a pooler's texts to reasons.

use crate::health::CheckFailure;
use crate::store::postgres::{PoolState, PostgresError};

pub(super) fn failure_of(error: PostgresError) -> CheckFailure {
    let (reason, message) = match &error {
        PostgresError::Server { sqlstate, message } => return refused(sqlstate, message),
        PostgresError::PoolTimedOut => ("acquire_timeout", "the pool gave no connection in time"),
        PostgresError::PoolClosed => ("pool_closed", "the service has closed its pool"),
        PostgresError::Unreachable(_) => ("unreachable", "the server cannot be reached, or the connection broke"),
        PostgresError::Tls(_) => ("tls", "no TLS connection as the pool's settings ask for"),
        PostgresError::Other(_) => ("query_failed", "the query failed"),
    };
    CheckFailure::new(reason, message).with_source(error)
}

/// By SQLSTATE, appendix A of PostgreSQL's manual.
pub(super) fn refused(sqlstate: &str, message: &str) -> CheckFailure {
    let reason = match sqlstate {
        "28000" | "28P01" => "auth",
        // The server has one state for both; its text is the only difference.
        "57P03" if message.contains("shutting down") => "shutting_down",
        "57P03" => "starting_up",
        "57P01" | "57P02" => "shutting_down",
        "53300" => "too_many_connections",
        "53100" => "disk_full",
        "57014" => "query_timeout",
        "3D000" => "unknown_database",
        "25006" => "read_only",
        _ => said_by_pooler(message).unwrap_or("server_error"),
    };
    CheckFailure::new(reason, format_args!("{message} (SQLSTATE {sqlstate})"))
}

/// Poolers speak as if they were the server, and have no states for what is theirs: PgBouncer calls all of it a breach of
/// the protocol.
fn said_by_pooler(message: &str) -> Option<&'static str> {
    TEXTS_OF_POOLERS.iter().find(|(text, _)| message.contains(text)).map(|(_, reason)| *reason)
}

/// As PgBouncer and Amazon's RDS Proxy word it; parts that have been the same over their versions.
const TEXTS_OF_POOLERS: [(&str, &str); 10] = [
    ("query_wait_timeout", "pooler_queue_timeout"),
    ("aiting to acquire database connection", "pooler_queue_timeout"),
    ("server_login_retry", "pooler_up_backend_down"),
    ("cannot connect to server", "pooler_up_backend_down"),
    ("(server down)", "pooler_up_backend_down"),
    ("server conn crashed", "pooler_up_backend_down"),
    ("max_client_conn", "too_many_connections"),
    ("no such database", "unknown_database"),
    ("no such user", "auth"),
    ("authentication failed", "auth"),
];

pub(super) fn pool_exhausted(pool: PoolState) -> CheckFailure {
    CheckFailure::new("pool_exhausted", format_args!("all {} connections of the pool are in use", pool.max))
}

pub(super) fn unreachable() -> CheckFailure {
    CheckFailure::new("unreachable", "the server accepts no connection or stays silent on it")
}
