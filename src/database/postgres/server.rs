//! What has to be known of a server before it is asked for anything else.

use std::time::Duration;

use serde_json::Value;

/// A server, and what the role may see there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// As `server_version_num`: 150018 is 15.18.
    pub(super) version: u64,
    /// Whether the role sees what other roles do.
    pub(super) reads_all_stats: bool,
    /// Whether the role may look at the server's files.
    pub(super) is_monitor: bool,
    /// Where the statements are, if the extension pg_stat_statements is in this database.
    pub(super) statements: Option<Statements>,
}

/// The view of pg_stat_statements, whose version need not be the server's: an upgrade leaves it as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statements {
    /// Its name with its schema, quoted.
    pub(super) view: String,
    /// Whether it tells what clients sent from what functions did of it.
    pub(super) tells_top_level: bool,
}

impl Server {
    /// What [`read`](Self::read) reads the answer to.
    pub(super) const QUERY: &str = "json_build_object(\
        'version', current_setting('server_version_num')::int, \
        'reads_all_stats', pg_has_role(current_user, 'pg_read_all_stats', 'usage'), \
        'is_monitor', pg_has_role(current_user, 'pg_monitor', 'usage'), \
        'statements', (SELECT json_build_object(\
            'view', quote_ident(n.nspname) || '.pg_stat_statements', \
            'tells_top_level', EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                WHERE c.relnamespace = n.oid AND c.relname = 'pg_stat_statements' AND a.attname = 'toplevel')) \
            FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'))";

    /// `None` for what is no answer of PostgreSQL's.
    pub(super) fn read(answer: &str) -> Option<Self> {
        let answer: Value = serde_json::from_str(answer).ok()?;
        Some(Self {
            version: answer.get("version")?.as_u64()?,
            reads_all_stats: answer.get("reads_all_stats")?.as_bool()?,
            is_monitor: answer.get("is_monitor")?.as_bool()?,
            statements: match answer.get("statements")? {
                Value::Null => None,
                found => Some(Statements {
                    view: found.get("view")?.as_str()?.to_owned(),
                    tells_top_level: found.get("tells_top_level")?.as_bool()?,
                }),
            },
        })
    }

    /// Whether the server is of this major version or a later one.
    pub(super) fn is_since(&self, major: u64) -> bool {
        self.version >= major * 10_000
    }
}

/// A message of the simple protocol that gives the value of an expression as text, within limits, and disturbs nobody.
///
/// Several statements in one message are one transaction, so `SET LOCAL` holds for it and ends with it. Names are looked
/// for in the system's schema only, so no object of a user's stands in for one of them.
pub(in crate::database) fn message(expression: &str, statement_timeout: Duration) -> String {
    let milliseconds = statement_timeout.as_millis();
    format!(
        "SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = 200; SET LOCAL jit = off; \
         SET LOCAL search_path = pg_catalog; SELECT {MARK} ({expression})::text"
    )
}

/// By which our own statements are known in pg_stat_statements.
pub(super) const MARK: &str = "/* aistm7-monitoring */";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_what_the_server_is_and_the_role_may_see() {
        let answer = r#"{"version":150018,"reads_all_stats":true,"is_monitor":false,
            "statements":{"view":"\"My\".pg_stat_statements","tells_top_level":true}}"#;
        let server = Server::read(answer).unwrap();
        let statements = Some(Statements { view: "\"My\".pg_stat_statements".to_owned(), tells_top_level: true });
        let expected = Server { version: 150_018, reads_all_stats: true, is_monitor: false, statements };
        assert_eq!(server, expected);
        assert!(server.is_since(15) && !server.is_since(16));
        let without = answer.split_once("\"statements\"").unwrap().0.to_owned() + "\"statements\":null}";
        assert_eq!(Server::read(&without), Some(Server { statements: None, ..expected }));
        for nonsense in ["", "{}", "SHOW", "{\"version\":1}", &answer.replace("view", "views")] {
            assert_eq!(Server::read(nonsense), None);
        }
    }
}
