//! The probe for the pools of sqlx 0.9.

use super::postgres::{FromUrl, PoolState, PostgresAddress, PostgresError, PostgresServer, invalid_url};
use crate::error::InvalidValue;

postgres_probe_for_sqlx!(sqlx_0_9);
