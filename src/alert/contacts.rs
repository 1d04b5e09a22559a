//! Who a page belongs to, and who is next if they do not answer.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Severity;
use crate::error::InvalidValue;

/// Whose an alert is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    owner: String,
    escalation: String,
}

impl Contact {
    /// The team that owns what the rule is about, and who is called if it does not answer, each in a line.
    ///
    /// # Errors
    /// When one of them is empty, has several lines or holds braces, which the templates of alerts would act on.
    pub fn new(owner: impl Into<String>, escalation: impl Into<String>) -> Result<Self, InvalidValue> {
        Ok(Self { owner: line("owner", owner.into())?, escalation: line("escalation", escalation.into())? })
    }

    /// The team.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Who is next.
    pub fn escalation(&self) -> &str {
        &self.escalation
    }
}

fn line(what: &'static str, text: String) -> Result<String, InvalidValue> {
    if text.trim().is_empty() || text.contains(['{', '}']) || text.contains(char::is_control) {
        return Err(InvalidValue::new(what, text, "one line of text without braces"));
    }
    Ok(text)
}

/// Contacts by rule, and by severity for all other rules.
///
/// ```
/// use aistm7_monitoring::alert::{Contact, Contacts, Severity};
///
/// let file = r#"{
///     "severities": { "critical": { "owner": "platform", "escalation": "head of platform" } },
///     "rules": { "TokenGraceNotEnforced": { "owner": "token", "escalation": "platform" } }
/// }"#;
/// let contacts = Contacts::from_json(file)?;
/// assert_eq!(contacts.of("TokenGraceNotEnforced", Severity::Critical).map(Contact::owner), Some("token"));
/// assert_eq!(contacts.of("DependencyDown", Severity::Critical).map(Contact::owner), Some("platform"));
/// assert_eq!(contacts.of("MemoryHigh", Severity::Warning), None);
/// # Ok::<(), aistm7_monitoring::alert::ContactsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    by_rule: BTreeMap<String, Contact>,
    by_severity: BTreeMap<&'static str, Contact>,
}

/// Why a file holds no contacts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContactsError {
    /// It is no JSON.
    #[error("contacts are JSON")]
    Json(#[from] serde_json::Error),
    /// It has another shape.
    #[error("{at}: {expected} was expected")]
    Shape {
        /// Where.
        at: String,
        /// What should be there.
        expected: &'static str,
    },
    /// A text cannot be shown.
    #[error("{at}")]
    Text {
        /// Where.
        at: String,
        /// What is wrong with it.
        source: InvalidValue,
    },
}

impl Contacts {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of the alerts of one rule.
    #[must_use]
    pub fn rule(mut self, name: impl Into<String>, contact: Contact) -> Self {
        self.by_rule.insert(name.into(), contact);
        self
    }

    /// Those of all rules of a severity that have none of their own.
    #[must_use]
    pub fn severity(mut self, severity: Severity, contact: Contact) -> Self {
        self.by_severity.insert(severity.as_str(), contact);
        self
    }

    /// Reads a file with `rules` and `severities`, each by name with `owner` and `escalation`.
    ///
    /// # Errors
    /// When it is no JSON, holds anything else, or a text that [`Contact::new`] refuses.
    pub fn from_json(text: &str) -> Result<Self, ContactsError> {
        let file: Value = serde_json::from_str(text)?;
        let shape = |at: &str, expected| ContactsError::Shape { at: at.to_owned(), expected };
        let mut contacts = Self::new();
        for (section, entries) in file.as_object().ok_or_else(|| shape("contacts", "an object"))? {
            for (name, entry) in entries.as_object().ok_or_else(|| shape(section, "an object"))? {
                let contact = contact(&format!("{section}: {name}"), entry)?;
                contacts = match section.as_str() {
                    "rules" => contacts.rule(name, contact),
                    "severities" => {
                        let severity = Severity::ALL.into_iter().find(|severity| severity.as_str() == name);
                        contacts.severity(severity.ok_or_else(|| shape(name, "critical, warning or info"))?, contact)
                    }
                    other => return Err(shape(other, "rules or severities")),
                };
            }
        }
        Ok(contacts)
    }

    /// That of an alert.
    pub fn of(&self, rule: &str, severity: Severity) -> Option<&Contact> {
        self.by_rule.get(rule).or_else(|| self.by_severity.get(severity.as_str()))
    }

    /// The rules that have one of their own.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &str> {
        self.by_rule.keys().map(String::as_str)
    }
}

fn contact(at: &str, entry: &Value) -> Result<Contact, ContactsError> {
    let shape = |expected| ContactsError::Shape { at: at.to_owned(), expected };
    let text = |field: &str| entry[field].as_str().map(str::to_owned);
    let named = text("owner").zip(text("escalation")).filter(|_| entry.as_object().is_some_and(|it| it.len() == 2));
    let (owner, escalation) = named.ok_or_else(|| shape("\"owner\" and \"escalation\", each a text,"))?;
    Contact::new(owner, escalation).map_err(|source| ContactsError::Text { at: at.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_says_something_else_is_refused_with_the_place() {
        for (file, place) in [
            ("[]", "contacts: an object was expected"),
            (r#"{"rules": 1}"#, "rules: an object was expected"),
            (r#"{"teams": {"a": {"owner": "a", "escalation": "b"}}}"#, "teams: rules or severities was expected"),
            (
                r#"{"severities": {"fatal": {"owner": "a", "escalation": "b"}}}"#,
                "fatal: critical, warning or info was expected",
            ),
            (
                r#"{"rules": {"X": {"owner": "a"}}}"#,
                "rules: X: \"owner\" and \"escalation\", each a text, was expected",
            ),
            (r#"{"rules": {"X": {"owner": "{{ 1 }}", "escalation": "b"}}}"#, "rules: X"),
        ] {
            assert_eq!(Contacts::from_json(file).unwrap_err().to_string(), place);
        }
        assert!(matches!(Contacts::from_json("{"), Err(ContactsError::Json(_))));
    }
}
