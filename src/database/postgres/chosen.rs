//! Which tables and indexes have series of their own: chosen once a day, so that series last.

use std::time::{Duration, Instant};

/// How long a choice lasts.
const LASTS: Duration = Duration::from_secs(24 * 3600);

/// The chosen tables and indexes, and how many statements are shown.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) tables: Choice,
    pub(super) indexes: Choice,
    pub(super) statements: u16,
}

/// Some of many, by their ids.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    at_most: u16,
    ids: Vec<u32>,
    made: Option<Instant>,
}

impl Choice {
    pub(super) fn of_at_most(at_most: u16) -> Self {
        Self { at_most, ids: Vec::new(), made: None }
    }

    /// Whether to choose anew: once a day, and as long as there is room for what is created.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let is_over = self.made.is_none_or(|made| now.saturating_duration_since(made) >= LASTS);
        is_over || self.ids.len() < usize::from(self.at_most)
    }

    /// Reads the answer to one of the queries below; what is no id is left out.
    pub(super) fn make(&mut self, answer: Option<&str>, now: Instant) {
        self.ids = answer.unwrap_or_default().split(',').filter_map(|id| id.parse().ok()).collect();
        self.made = Some(now);
    }

    /// As an array of the server's.
    pub(super) fn array(&self) -> String {
        let ids: Vec<_> = self.ids.iter().map(u32::to_string).collect();
        format!("'{{{}}}'::oid[]", ids.join(","))
    }
}

impl Chosen {
    /// In turns the largest tables and those of which most rows are read or written.
    pub(super) fn tables_query(&self) -> String {
        choice(
            self.tables.at_most,
            "SELECT s.relid AS id, row_number() OVER (ORDER BY c.relpages DESC, s.relid) AS by_size,
                row_number() OVER (ORDER BY s.seq_tup_read + coalesce(s.idx_tup_fetch, 0) + s.n_tup_ins + s.n_tup_upd
                    + s.n_tup_del DESC, s.relid) AS by_use
            FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid",
        )
    }

    /// In turns the largest indexes and those that are scanned most; first those that are invalid.
    pub(super) fn indexes_query(&self) -> String {
        choice(
            self.indexes.at_most,
            "SELECT s.indexrelid AS id,
                row_number() OVER (ORDER BY i.indisvalid, c.relpages DESC, s.indexrelid) AS by_size,
                row_number() OVER (ORDER BY i.indisvalid, s.idx_scan DESC, s.indexrelid) AS by_use
            FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid) JOIN pg_class c ON c.oid = s.indexrelid",
        )
    }
}

/// The ids of those that are first in either order.
fn choice(at_most: u16, ranked: &str) -> String {
    format!(
        "(SELECT string_agg(id::text, ',') FROM (SELECT id FROM ({ranked}) AS ranked
            ORDER BY least(by_size, by_use), by_size, id LIMIT {at_most}) AS chosen)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn choice_lasts_a_day_unless_there_is_room() {
        let held = ManualClock::new();
        let mut choice = Choice::of_at_most(2);
        assert!(choice.is_due(held.clock().now()));
        choice.make(Some("7"), held.clock().now());
        assert!(choice.is_due(held.clock().now()), "another may have been created");
        choice.make(Some("7,16384"), held.clock().now());
        assert_eq!(choice.array(), "'{7,16384}'::oid[]");
        held.advance(LASTS - Duration::from_secs(1));
        assert!(!choice.is_due(held.clock().now()));
        held.advance(Duration::from_secs(1));
        assert!(choice.is_due(held.clock().now()));
    }

    #[test]
    fn nothing_but_ids_comes_into_a_statement() {
        let held = ManualClock::new();
        let mut choice = Choice::of_at_most(2);
        choice.make(Some("1); DROP TABLE x; --,2"), held.clock().now());
        assert_eq!(choice.array(), "'{2}'::oid[]");
        choice.make(None, held.clock().now());
        assert_eq!(choice.array(), "'{}'::oid[]");
    }
}
