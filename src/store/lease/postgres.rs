//! Leases in PostgreSQL: one row each, that expires by the server's clock.
//!
//! Each bid is one statement of the simple protocol, so it is atomic and passes any pooler. Not an advisory lock: behind a
//! transaction pooler nobody knows which session holds that, and a holder whose network is gone holds it until TCP gives
//! up.

use std::time::Duration;

use super::{Bid, LeaseError, Publication, Published, Standing, Wish};
use crate::store::postgres::{PostgresError, literal};

/// The table of leases, for a migration. Whoever bids needs `SELECT`, `INSERT` and `UPDATE` on it. A row a shared job,
/// written every few seconds; it may be `UNLOGGED`.
pub const POSTGRES_LEASE_TABLE: &str = "\
CREATE TABLE IF NOT EXISTS aistm7_leases (
    name text PRIMARY KEY,
    holder text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    result text,
    result_at timestamptz
) WITH (fillfactor = 50)";

/// The statement of a bid. Its only row, if there is one: the epoch if the bidder holds the lease, else an empty text;
/// the age of the result in milliseconds; the result.
///
/// `now()` is when the statement began. Had it to wait for another's bid, it thinks that others' leases last longer and
/// its own ends sooner than they do, never the other way round.
pub(in crate::store) fn statement_of(bid: &Bid) -> String {
    const SHOWN: &str = "(extract(epoch FROM now() - result_at) * 1000)::bigint::text, result";
    let (name, holder) = (literal(&bid.lease), literal(&bid.holder));
    if bid.wish == Wish::Yield {
        return format!(
            "WITH freed AS (
                UPDATE aistm7_leases SET expires_at = now()
                WHERE name = {name} AND holder = {holder} AND expires_at > now()
            )
            SELECT '', {SHOWN} FROM aistm7_leases WHERE name = {name}"
        );
    }
    let milliseconds = bid.ttl.as_millis();
    let is_ours = "l.holder = excluded.holder AND l.expires_at > now()";
    let (publishes, result) = match &bid.publication {
        Some(Publication { epoch, result }) => (format!("{is_ours} AND l.epoch = {epoch}"), literal(result)),
        None => ("false".to_owned(), "NULL".to_owned()),
    };
    format!(
        "WITH held AS (
            INSERT INTO aistm7_leases AS l (name, holder, epoch, expires_at)
            VALUES ({name}, {holder}, 1, now() + interval '{milliseconds} milliseconds')
            ON CONFLICT (name) DO UPDATE SET
                holder = excluded.holder,
                expires_at = excluded.expires_at,
                epoch = CASE WHEN {is_ours} THEN l.epoch ELSE l.epoch + 1 END,
                result = CASE WHEN {publishes} THEN {result} ELSE l.result END,
                result_at = CASE WHEN {publishes} THEN now() ELSE l.result_at END
            WHERE l.holder = excluded.holder OR l.expires_at <= now()
            RETURNING l.epoch::text AS epoch, l.result, l.result_at
        ), standing AS (
            SELECT epoch, result, result_at FROM held
            UNION ALL
            SELECT '', result, result_at FROM aistm7_leases WHERE name = {name} AND NOT EXISTS (SELECT FROM held)
        )
        SELECT epoch, {SHOWN} FROM standing"
    )
}

/// What the row says. None at all: somebody else was first to insert it, at this very moment.
pub(in crate::store) fn standing_of(
    row: Option<(String, Option<String>, Option<String>)>,
) -> Result<Standing, LeaseError> {
    let Some((epoch, age, result)) = row else {
        return Ok(Standing::default());
    };
    let unreadable = |answer: &str| LeaseError::Unreadable { answer: answer.to_owned() };
    let epoch = match epoch.as_str() {
        "" => None,
        held => Some(held.parse().map_err(|_| unreadable(held))?),
    };
    let published = match (age, result) {
        (Some(age), Some(result)) => {
            let age: i64 = age.parse().map_err(|_| unreadable(&age))?;
            // Negative where the statement of a publication began later and ended sooner than ours.
            Some(Published { result, age: Duration::from_millis(age.try_into().unwrap_or_default()) })
        }
        _ => None,
    };
    Ok(Standing { epoch, published })
}

impl From<PostgresError> for LeaseError {
    fn from(error: PostgresError) -> Self {
        match &error {
            // undefined_table
            PostgresError::Server { sqlstate, .. } if sqlstate == "42P01" => Self::MissingTable,
            _ => Self::store(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_bid_is_sql() {
        let hostile = "'); DROP TABLE aistm7_leases; -- \\";
        let bid = Bid {
            lease: hostile.to_owned(),
            holder: hostile.to_owned(),
            ttl: Duration::from_secs(1),
            wish: Wish::Hold,
            publication: Some(Publication { epoch: 1, result: hostile.to_owned() }),
        };
        for wish in [Wish::Hold, Wish::Yield] {
            let statement = statement_of(&Bid { wish, ..bid.clone() });
            assert!(!statement.contains("DROP") && !statement.contains(';'), "{statement}");
        }
    }

    #[test]
    fn rows_say_whose_the_lease_is_and_what_was_published() {
        let text = |text: &str| Some(text.to_owned());
        let published = |age| Some(Published { result: "r".to_owned(), age: Duration::from_millis(age) });
        for (row, epoch, expected) in [
            (None, None, None),
            (Some((String::new(), None, None)), None, None),
            (Some(("7".to_owned(), text("20"), text("r"))), Some(7), published(20)),
            (Some((String::new(), text("-3"), text("r"))), None, published(0)),
        ] {
            assert_eq!(standing_of(row).unwrap(), Standing { epoch, published: expected });
        }
        assert!(matches!(standing_of(Some(("x".to_owned(), None, None))), Err(LeaseError::Unreadable { .. })));
    }
}
