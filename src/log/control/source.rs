//! Where an event comes from: its callsite, or the place in code that a record of the `log` crate names.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use tracing::{Event, Level, Metadata};
use tracing_log::NormalizeEvent as _;

/// What is told of a place in code, and what tells it from others.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) struct Source<'a> {
    pub(super) key: Key,
    pub(super) level: Level,
    /// `None` for a line of our own.
    pub(super) target: Option<&'a str>,
    pub(super) file: Option<&'a str>,
    pub(super) line: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// The address of static metadata, which never moves.
    Callsite(usize),
    /// The hash of a text, for what has no callsite of its own.
    Text(u64),
}

/// Nobody outside knows it, so nobody makes two texts meet.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

impl<'a> Source<'a> {
    /// All records of the `log` crate share a callsite for each level, so they are told apart by what they say.
    pub(in crate::log) fn of(event: &'a Event<'_>) -> Self {
        match event.normalized_metadata() {
            Some(record) => {
                let place = (record.target(), record.file(), record.line());
                Self::at(Key::Text(HASHES.hash_one(place)), &record)
            }
            None => {
                let metadata = event.metadata();
                Self::at(Key::Callsite(std::ptr::from_ref(metadata).addr()), metadata)
            }
        }
    }

    /// A line of our own, known by its message.
    pub(in crate::log) fn own(level: Level, message: &str) -> Self {
        Self { key: Key::Text(HASHES.hash_one(message)), level, target: None, file: None, line: None }
    }

    fn at(key: Key, metadata: &Metadata<'a>) -> Self {
        Self {
            key,
            level: *metadata.level(),
            target: Some(metadata.target()),
            file: metadata.file(),
            line: metadata.line(),
        }
    }

    pub(super) fn to_place(self) -> Place {
        let target = self.target.unwrap_or(env!("CARGO_CRATE_NAME")).to_owned();
        let callsite = self.file.map(|file| match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        });
        Place { level: self.level, target, callsite }
    }
}

/// What is kept of a source.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) level: Level,
    pub(super) target: String,
    /// File and line.
    pub(super) callsite: Option<String>,
}
