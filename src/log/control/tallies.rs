//! What was logged in the last day: lines by level, and which callsites warned and failed for which reasons.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tracing::Level;

use super::hours::{Hour, Hours};
use super::source::{Key, Place, Source};
use super::summary::{Reason, Site, Summary};
use crate::log::fields::Fields;
use crate::log::per_level::PerLevel;
use crate::log::spread::BuildSpread;

/// How many callsites are kept. Chosen: more than fail in a day that somebody can still read about.
const MOST_SITES: usize = 256;

/// How many reasons are kept of each. With all of both the counts take some 1.5 MB.
const MOST_REASONS: usize = 16;

/// How much of a reason tells it from others. Chosen: longer than names of errors, shorter than messages with numbers.
const REASON_BYTES: usize = 64;

/// How much of a message is shown.
const MESSAGE_BYTES: usize = 200;

/// The fields that say why, the first of them that a line has. The last two are those of our own lines.
const REASON_FIELDS: [&[u8]; 4] = [b"reason", b"error", b"panic", b"problem"];

/// Counts for one log. A line costs an addition; a WARN or ERROR line a lock and a look into a table.
#[derive(Debug)]
pub(in crate::log) struct Tallies {
    began: SystemTime,
    /// Since the log began.
    lines: PerLevel<AtomicU64>,
    /// The hour of the latest mark.
    marked: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What `lines` was when each of the last hours began.
    marks: Vec<(Hour, PerLevel<u64>)>,
    sites: HashMap<Key, Counts, BuildSpread>,
    /// Lines of callsites that found no place.
    others: Hours,
}

/// What is counted of one callsite.
#[derive(Debug)]
struct Counts {
    place: Place,
    /// As the inside of a JSON string, cut: the first in the window.
    message: Vec<u8>,
    lines: Hours,
    held_back: Hours,
    /// As JSON, cut.
    reasons: Vec<(Vec<u8>, Hours)>,
    /// Those that found no place.
    other_reasons: Hours,
}

impl Tallies {
    pub(in crate::log) fn new(began: SystemTime) -> Self {
        let lines = PerLevel::new(|_| AtomicU64::new(0));
        Self { began, lines, marked: AtomicU64::new(0), state: Mutex::default() }
    }

    /// Counts a line that was made.
    pub(in crate::log) fn made(&self, level: Level, wall: SystemTime) {
        let hour = Hour::of(wall);
        // Ordering: counts that somebody reads later; nothing else hangs on them. Two threads at the turn of an hour
        // both come to the lock.
        if hour.number() > self.marked.load(Ordering::Relaxed) {
            self.mark(hour);
        }
        self.lines.of(level).fetch_add(1, Ordering::Relaxed);
    }

    /// Counts why a line of WARN or ERROR was made.
    pub(in crate::log) fn noted(&self, source: &Source<'_>, wall: SystemTime, message: &[u8], fields: &Fields) {
        if source.level <= Level::WARN {
            let hour = Hour::of(wall);
            self.state().with_site(source, hour, message, |counts| {
                counts.lines.add(hour, 1);
                if let Some(reason) = reason(fields) {
                    counts.add_reason(reason, hour);
                }
            });
        }
    }

    /// Counts a line that was not made because its callsite repeats itself.
    pub(super) fn held_back(&self, source: &Source<'_>, wall: SystemTime) {
        if source.level <= Level::WARN {
            let hour = Hour::of(wall);
            self.state().with_site(source, hour, &[], |counts| {
                counts.held_back.add(hour, 1);
            });
        }
    }

    /// What was counted in the present hour and the 23 before it.
    pub(in crate::log) fn summary(&self, wall: SystemTime) -> Summary {
        let state = self.state();
        let hour = Hour::of(wall);
        let first = hour.first_of_window();
        let before = state.marks.iter().find(|(marked, _)| *marked >= first).map(|(_, lines)| lines);
        let lines = PerLevel::new(|level| {
            // Ordering: as in `made`.
            let now = self.lines.of(level).load(Ordering::Relaxed);
            before.map_or(0, |before| now - before.of(level))
        });
        let mut sites: Vec<_> = state.sites.values().filter_map(|counts| counts.site(hour)).collect();
        sites.sort_by(|a, b| {
            let key = |site: &Site| (site.level, std::cmp::Reverse(site.lines + site.suppressed));
            (key(a), &a.target, &a.callsite, &a.message).cmp(&(key(b), &b.target, &b.callsite, &b.message))
        });
        let since = first.start().max(self.began);
        Summary { since, until: wall, lines, sites, other_sites: state.others.sum(hour) }
    }

    #[cold]
    fn mark(&self, hour: Hour) {
        let mut state = self.state();
        if state.marks.last().is_some_and(|(latest, _)| *latest >= hour) {
            return;
        }
        // Ordering: as in `made`.
        let lines = PerLevel::new(|level| self.lines.of(level).load(Ordering::Relaxed));
        state.marks.push((hour, lines));
        state.forget_before(hour.first_of_window());
        self.marked.store(hour.number(), Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes room, once an hour, so that a storm of new callsites and reasons finds what there is and no more.
    fn forget_before(&mut self, first: Hour) {
        self.marks.retain(|(marked, _)| *marked >= first);
        self.sites.retain(|_, counts| counts.lines.latest().max(counts.held_back.latest()) >= first);
        for counts in self.sites.values_mut() {
            counts.reasons.retain(|(_, lines)| lines.latest() >= first);
        }
    }

    fn with_site(&mut self, source: &Source<'_>, hour: Hour, message: &[u8], count: impl FnOnce(&mut Counts)) {
        if let Some(counts) = self.sites.get_mut(&source.key) {
            if counts.message.is_empty() {
                counts.message = cut(message, MESSAGE_BYTES).to_vec();
            }
            return count(counts);
        }
        if self.sites.len() >= MOST_SITES {
            return self.others.add(hour, 1);
        }
        let new = Counts::new(source.to_place(), message);
        count(self.sites.entry(source.key).or_insert(new));
    }
}

impl Counts {
    fn new(place: Place, message: &[u8]) -> Self {
        Self {
            place,
            message: cut(message, MESSAGE_BYTES).to_vec(),
            lines: Hours::default(),
            held_back: Hours::default(),
            reasons: Vec::new(),
            other_reasons: Hours::default(),
        }
    }

    fn add_reason(&mut self, reason: &[u8], hour: Hour) {
        let reason = cut(reason, REASON_BYTES);
        if let Some((_, lines)) = self.reasons.iter_mut().find(|(known, _)| known == reason) {
            return lines.add(hour, 1);
        }
        if self.reasons.len() >= MOST_REASONS {
            return self.other_reasons.add(hour, 1);
        }
        let mut lines = Hours::default();
        lines.add(hour, 1);
        self.reasons.push((reason.to_vec(), lines));
    }

    fn is_in_window(&self, hour: Hour) -> bool {
        self.lines.sum(hour) + self.held_back.sum(hour) > 0
    }

    /// `None` if nothing was counted in the window.
    fn site(&self, hour: Hour) -> Option<Site> {
        let counted = |(reason, lines): &(Vec<u8>, Hours)| Reason { reason: decoded(reason), lines: lines.sum(hour) };
        let mut reasons: Vec<_> = self.reasons.iter().map(counted).filter(|reason| reason.lines > 0).collect();
        reasons.sort_by(|a, b| b.lines.cmp(&a.lines).then_with(|| a.reason.cmp(&b.reason)));
        self.is_in_window(hour).then(|| Site {
            level: self.place.level,
            target: self.place.target.clone(),
            callsite: self.place.callsite.clone(),
            message: decoded(&[b"\"", &self.message[..]].concat()),
            lines: self.lines.sum(hour),
            suppressed: self.held_back.sum(hour),
            reasons,
            other_reasons: self.other_reasons.sum(hour),
        })
    }
}

/// What the line says of why, as JSON, redacted as the line is.
fn reason(fields: &Fields) -> Option<&[u8]> {
    fields.value_of_first(&REASON_FIELDS)
}

fn cut(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// A text for people of JSON that may have been cut anywhere: a string without its quotes and escapes, all else as it is.
fn decoded(json: &[u8]) -> String {
    let Some(inside) = json.strip_prefix(b"\"") else {
        return String::from_utf8_lossy(json).into_owned();
    };
    let inside = inside.strip_suffix(b"\"").filter(|rest| !rest.ends_with(b"\\")).unwrap_or(inside);
    /// The longest piece of JSON that a cut leaves unreadable: `\u202` of an escape.
    const LONGEST_PIECE: usize = 5;
    let readable = (0..=LONGEST_PIECE).find_map(|cut| {
        let whole = inside.get(..inside.len().checked_sub(cut)?)?;
        serde_json::from_slice([b"\"", whole, b"\""].concat().as_slice()).ok()
    });
    readable.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_anywhere_is_read_as_far_as_it_goes() {
        for (json, text) in [
            (&b"\"whole\""[..], "whole"),
            (b"\"cut", "cut"),
            (b"\"cut \\", "cut "),
            (b"\"cut \\u202", "cut "),
            (b"\"a \\\"quote\\\"", "a \"quote\""),
            (b"\"ends with \\\\\"", "ends with \\"),
            ("\"é".as_bytes(), "é"),
            (&"\"é".as_bytes()[..2], ""),
            (b"\"", ""),
            (b"503", "503"),
            (b"", ""),
        ] {
            assert_eq!(decoded(json), text, "{json:?}");
        }
    }
}
