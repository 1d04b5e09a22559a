//! The line: the guide's six keys in their order, or a text for people, from the parts of one event.

use std::time::SystemTime;

use tracing::Level;

use super::escape::Fit;
use super::per_level::PerLevel;
use super::scratch::Scratch;
use super::text;
use crate::trace::TraceId;

/// Written first in `details` of a line that does not show everything. Its key is [`fields::MARKER`](super::fields::MARKER),
/// which no field has.
const MARKED: &[u8] = b",\"truncated\":true";

/// What a line says besides its event's own parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) wall: SystemTime,
    pub(super) level: Level,
    pub(super) trace: Option<TraceId>,
}

/// How an output's lines look.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    Json {
        /// `","level":"<level>","service":"<name>`, ready to copy.
        levels: PerLevel<Box<[u8]>>,
    },
    Text(text::Paint),
}

impl Layout {
    pub(super) fn json(service: &str) -> Self {
        let levels = PerLevel::new(|level| {
            let mut part = format!("\",\"level\":\"{level}\",\"service\":\"").into_bytes();
            super::escape::escape(&mut part, service, usize::MAX);
            part.into()
        });
        Self::Json { levels }
    }

    /// Puts the scratch's message and fields together into its `line`, of at most `cap` bytes, newline included.
    pub(super) fn compose(&self, head: Head, scratch: &mut Scratch, cap: usize) -> Fit {
        match self {
            Self::Json { levels } => json(levels.of(head.level), head, scratch, cap),
            Self::Text(paint) => text::compose(*paint, head, scratch, cap),
        }
    }
}

fn json(level_and_service: &[u8], head: Head, scratch: &mut Scratch, cap: usize) -> Fit {
    let Scratch { message, fields, line, timestamps, .. } = scratch;
    line.extend_from_slice(b"{\"timestamp\":\"");
    line.extend_from_slice(&timestamps.at(head.wall));
    line.extend_from_slice(level_and_service);
    if let Some(trace) = head.trace {
        line.extend_from_slice(b"\",\"traceId\":\"");
        line.extend_from_slice(&trace.to_hex());
    }
    line.extend_from_slice(b"\",\"message\":\"");
    line.extend_from_slice(&message.bytes);
    line.extend_from_slice(b"\",\"details\":{");
    let details = line.len();
    // Two braces and a newline follow; the first field gives its comma back.
    let room = (cap + 1).saturating_sub(details + 3);
    let mut fit = message.fit;
    match fields.regular() {
        Some(all) if fit == Fit::Whole && all.len() <= room => {
            line.extend_from_slice(all.get(1..).unwrap_or_default());
        }
        _ => {
            let all: usize = fields.pieces().map(|piece| piece.json.len()).sum();
            if all > room || fields.pieces().any(|piece| piece.cut) {
                fit = Fit::Cut;
            }
            if fit == Fit::Cut {
                line.extend_from_slice(MARKED);
            }
            for piece in fields.pieces() {
                if line.len() - details + piece.json.len() <= room {
                    line.extend_from_slice(piece.json);
                }
            }
            if line.len() > details {
                line.remove(details);
            }
        }
    }
    line.extend_from_slice(b"}}\n");
    fit
}
