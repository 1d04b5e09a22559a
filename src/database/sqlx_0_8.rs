//! The errors and pools of sqlx 0.8.

use super::sqlx::SQLSTATE_LENGTH;
use super::{Acquire, ErrorClass, PoolCounts, PoolStats, QueryError};

database_for_sqlx!(sqlx_0_8);
