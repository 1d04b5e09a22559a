//! The probe and the leases for the pools of sqlx 0.9.

use super::postgres::{FromUrl, PoolState, PostgresAddress, PostgresError, PostgresServer, invalid_url};
use crate::error::InvalidValue;

postgres_probe_for_sqlx!(sqlx_0_9);
// Its contract says that nothing foreign is in the statement.
postgres_session_for_sqlx!(sqlx_0_9, |statement| sqlx_0_9::raw_sql(sqlx_0_9::AssertSqlSafe(statement.to_owned())));
// Every text in the statement is a hexadecimal literal.
lease_store_for_sqlx!(sqlx_0_9, |statement| sqlx_0_9::raw_sql(sqlx_0_9::AssertSqlSafe(statement)));
