//! The probe and the leases for the pools of sqlx 0.8.

use super::postgres::{FromUrl, PoolState, PostgresAddress, PostgresError, PostgresServer, invalid_url};
use crate::error::InvalidValue;

postgres_probe_for_sqlx!(sqlx_0_8);
postgres_session_for_sqlx!(sqlx_0_8, |statement| sqlx_0_8::raw_sql(statement));
lease_store_for_sqlx!(sqlx_0_8, |statement| sqlx_0_8::raw_sql(&statement));
