//! One round: what is due is asked for, and all that is known is given.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::chosen::{Choice, Chosen};
use super::connection::Connection;
use super::facts::PostgresFacts;
use super::metrics::{Metrics, Row, rows};
use super::sections::{Needs, Pace, SECTION_COUNT, SECTIONS, Section, rows_of};
use super::server::Server;
use super::statements::with_fingerprints;
use crate::clock::Clock;
use crate::database::DatabaseOptions;
use crate::metrics::{CollectFailure, Collection, Collector, LabelValue, Rest, Resting};
use crate::store::postgres::{PostgresError, PostgresSession};

/// How long a round may take. Chosen: far less than is between two of them.
const ROUND_LIMIT: Duration = Duration::from_secs(20);

/// Chosen: a server that comes back is seen within minutes, and one that is in trouble is left alone meanwhile.
const LONGEST_REST: Duration = Duration::from_secs(600);

/// Collects what a server tells.
pub(super) struct FactsCollector<S> {
    pub(super) database: LabelValue,
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) runtime: Handle,
    state: State<S>,
}

struct State<S> {
    connection: Connection<S>,
    rest: Rest,
    chosen: Chosen,
    slow_interval: Duration,
    slow_asked: Option<Instant>,
    /// Of each section, what was found last.
    found: [Option<Found>; SECTION_COUNT],
}

/// What came of a section.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Rows(Vec<Row>),
    Missing(String),
}

/// Why a round has no result.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Resting(#[from] Resting),
    #[error("the server gave no answer within {ROUND_LIMIT:?}")]
    TooSlow,
    #[error("the server answered what PostgreSQL does not")]
    Unreadable,
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

impl<S: PostgresSession> FactsCollector<S> {
    pub(super) fn new(
        database: LabelValue,
        facts: PostgresFacts<S>,
        metrics: Metrics,
        clock: Clock,
        runtime: Handle,
    ) -> Self {
        let chosen = Chosen {
            tables: Choice::of_at_most(facts.tables),
            indexes: Choice::of_at_most(facts.indexes),
            statements: facts.statements,
        };
        let state = State {
            connection: Connection::new(facts.url, facts.statement_timeout),
            rest: Rest::new(facts.interval, LONGEST_REST),
            chosen,
            slow_interval: facts.slow_interval,
            slow_asked: None,
            found: [const { None }; SECTION_COUNT],
        };
        Self { database, metrics, clock, runtime, state }
    }
}

impl<S: PostgresSession> Collector for FactsCollector<S> {
    fn collect(&mut self, collection: &mut Collection) -> Result<(), CollectFailure> {
        let Self { state, clock, database, .. } = self;
        let now = clock.now();
        state.rest.is_over(now).map_err(RoundError::from)?;
        // Here the clock is the runtime's: a test that holds ours waits for a real server all the same.
        let round = async { tokio::time::timeout(ROUND_LIMIT, state.round(database.as_str(), now)).await };
        let ended = self.runtime.block_on(round).unwrap_or(Err(RoundError::TooSlow));
        if let Err(error) = ended {
            state.connection.close();
            state.rest.begin(clock.now());
            return Err(error.into());
        }
        state.rest.end();
        for (at, found) in state.found.iter().enumerate() {
            let rows = match found {
                Some(Found::Rows(rows)) => Some(rows.as_slice()),
                Some(Found::Missing(_)) | None => None,
            };
            self.metrics.give(database, at, rows, collection);
        }
        Ok(())
    }
}

impl<S: PostgresSession> State<S> {
    async fn round(&mut self, database: &str, now: Instant) -> Result<(), RoundError> {
        let answer = self.connection.ask_first(Server::QUERY).await?;
        let server = answer.as_deref().and_then(Server::read).ok_or(RoundError::Unreadable)?;
        let is_slow_due =
            self.slow_asked.is_none_or(|asked| now.saturating_duration_since(asked) >= self.slow_interval);
        if is_slow_due {
            self.choose(now).await?;
        }
        for (at, section) in SECTIONS.iter().enumerate() {
            if section.pace == Pace::Slow && !is_slow_due {
                continue;
            }
            let found = self.ask(section, &server).await?;
            tell_missing(database, section, self.found[at].as_ref(), &found);
            self.found[at] = Some(found);
        }
        if is_slow_due {
            self.slow_asked = Some(now);
        }
        Ok(())
    }

    async fn choose(&mut self, now: Instant) -> Result<(), RoundError> {
        let Self { connection, chosen, .. } = self;
        let (tables, indexes) = (chosen.tables_query(), chosen.indexes_query());
        for (choice, query) in [(&mut chosen.tables, tables), (&mut chosen.indexes, indexes)] {
            if !choice.is_due(now) {
                continue;
            }
            match connection.ask(&query).await {
                Ok(answer) => choice.make(answer.as_deref(), now),
                // What was chosen stays, and next time it is due still.
                Err(PostgresError::Server { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn ask(&mut self, section: &Section, server: &Server) -> Result<Found, RoundError> {
        if !section.needs.are_met_by(server) {
            return Ok(Found::Missing(section.needs.advice().to_owned()));
        }
        let queries = (section.queries)(server, &self.chosen);
        match self.connection.ask(&rows_of(&queries)).await {
            Ok(answer) => {
                let rows = answer.as_deref().and_then(rows).ok_or(RoundError::Unreadable)?;
                Ok(Found::Rows(match section.needs {
                    Needs::Statements => with_fingerprints(rows),
                    Needs::Nothing | Needs::ReadAllStats | Needs::Monitor => rows,
                }))
            }
            // One section is missing then, and the others are not.
            Err(PostgresError::Server { sqlstate, message }) => {
                Ok(Found::Missing(format!("{message} (SQLSTATE {sqlstate})")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Says in the log what a section lacks, when that is news.
fn tell_missing(database: &str, section: &Section, before: Option<&Found>, found: &Found) {
    if let Found::Missing(why) = found
        && before != Some(found)
    {
        let section = section.name;
        tracing::warn!(target: DatabaseOptions::TARGET, parent: None, database, section, why, "PostgreSQL's facts are partial");
    }
}
