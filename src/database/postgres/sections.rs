//! The sections of what a server tells: what each needs, and how often it is asked for.

use super::chosen::Chosen;
use super::definitions;
use super::queries;
use super::server::Server;
use crate::metrics::Definition;

/// A part of what a server tells that is there or missing as a whole.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) pace: Pace,
    pub(super) needs: Needs,
    /// The metrics. Rows of the queries have their values in columns of the same names, and their labels in columns of
    /// theirs.
    pub(super) definitions: &'static [Definition],
    /// The queries.
    pub(super) queries: fn(&Server, &Chosen) -> Vec<String>,
}

/// How often a section is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// In each round.
    Fast,
    /// Seldom: it looks at every table, index or statement, or at files.
    Slow,
}

/// What a role needs to see a section as it is, and not as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    ReadAllStats,
    Monitor,
    /// The extension pg_stat_statements, and to see what other roles do.
    Statements,
}

impl Needs {
    pub(super) fn are_met_by(self, server: &Server) -> bool {
        match self {
            Self::Nothing => true,
            Self::ReadAllStats => server.reads_all_stats,
            Self::Monitor => server.is_monitor,
            Self::Statements => server.reads_all_stats && server.statements.is_some(),
        }
    }

    /// What a person would do.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::ReadAllStats | Self::Monitor => "GRANT pg_monitor to the role",
            Self::Statements => "GRANT pg_monitor to the role and CREATE EXTENSION pg_stat_statements in the database",
        }
    }
}

pub(super) const SECTION_COUNT: usize = 11;

pub(super) static SECTIONS: [Section; SECTION_COUNT] = [
    section("server", Pace::Fast, Needs::Nothing, &definitions::SERVER, queries::server),
    section("activity", Pace::Fast, Needs::ReadAllStats, &definitions::ACTIVITY, queries::activity),
    section("database", Pace::Fast, Needs::Nothing, &definitions::DATABASE, queries::database),
    section("locks", Pace::Fast, Needs::Nothing, &definitions::LOCKS, queries::locks),
    section("replication", Pace::Fast, Needs::ReadAllStats, &definitions::REPLICATION, queries::replication),
    section("writes", Pace::Fast, Needs::Nothing, &definitions::WRITES, queries::writes),
    section("size", Pace::Slow, Needs::Nothing, &definitions::SIZE, queries::size),
    section("wal", Pace::Slow, Needs::Monitor, &definitions::WAL, queries::wal),
    section("tables", Pace::Slow, Needs::Nothing, &definitions::TABLES, queries::tables),
    section("indexes", Pace::Slow, Needs::Nothing, &definitions::INDEXES, queries::indexes),
    section("statements", Pace::Slow, Needs::Statements, &definitions::STATEMENTS, queries::statements),
];

const fn section(
    name: &'static str,
    pace: Pace,
    needs: Needs,
    definitions: &'static [Definition],
    queries: fn(&Server, &Chosen) -> Vec<String>,
) -> Section {
    Section { name, pace, needs, definitions, queries }
}

/// The rows of several queries as one array.
pub(super) fn rows_of(queries: &[String]) -> String {
    queries.iter().map(|query| rows(query)).collect::<Vec<_>>().join(" || ")
}

/// The rows of a query as an array.
pub(in crate::database) fn rows(query: &str) -> String {
    format!("(SELECT coalesce(jsonb_agg(r), '[]') FROM ({query}) r)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::postgres::chosen::Choice;
    use crate::database::postgres::server::Statements;

    const MAJORS: [u64; 5] = [13, 14, 15, 16, 17];

    fn asked(major: u64, section: &Section) -> String {
        let statements = Statements { view: "public.pg_stat_statements".to_owned(), tells_top_level: major >= 14 };
        let server = Server {
            version: major * 10_000 + 5,
            reads_all_stats: true,
            is_monitor: true,
            statements: Some(statements),
        };
        let chosen = Chosen { tables: Choice::of_at_most(1), indexes: Choice::of_at_most(1), statements: 1 };
        (section.queries)(&server, &chosen).join("\n")
    }

    /// Views, columns and settings of some versions only, by the release notes, with the first and the last that have them.
    const OF_SOME: [(&str, u64, u64); 12] = [
        ("pg_stat_wal\n", 14, 17),
        ("waitstart", 14, 17),
        ("sessions_abandoned", 14, 17),
        ("sessions_killed", 14, 17),
        ("toplevel", 14, 17),
        ("confl_active_logicalslot", 16, 17),
        ("buffers_backend", 13, 16),
        ("checkpoints_timed", 13, 16),
        ("checkpoint_write_time", 13, 16),
        ("buffers_checkpoint", 13, 16),
        ("pg_stat_checkpointer", 17, 17),
        ("num_requested", 17, 17),
    ];

    #[test]
    fn each_version_is_asked_for_what_it_has() {
        for major in MAJORS {
            let all = SECTIONS.iter().map(|section| asked(major, section) + "\n").collect::<String>();
            for (word, first, last) in OF_SOME {
                assert_eq!(all.contains(word), (first..=last).contains(&major), "{word} of {major}");
            }
            // Whatever the version, a setting that may be missing is none.
            assert!(all.contains("current_setting('reserved_connections', true)"));
        }
    }

    #[test]
    fn each_metric_is_a_column_of_its_section_in_every_version_that_has_it() {
        for (major, section) in MAJORS.into_iter().flat_map(|major| SECTIONS.iter().map(move |one| (major, one))) {
            let asked = asked(major, section);
            for name in section.definitions.iter().map(Definition::name) {
                let since_14 =
                    matches!(name, "db_sessions_ended_total" | "db_wal_records_total" | "db_wal_bytes_total");
                let column = format!(" AS {name}");
                let is_asked = asked
                    .split(&column)
                    .skip(1)
                    .any(|rest| !rest.starts_with(|c: char| c == '_' || c.is_alphanumeric()));
                assert_eq!(is_asked, major >= 14 || !since_14, "{name} of {major}");
            }
        }
    }
}
