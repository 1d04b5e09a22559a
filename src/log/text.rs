//! A line for a person at a terminal: `time LEVEL message key=value … traceId=short`.

use tracing::Level;

use super::escape::Fit;
use super::line::Head;
use super::scratch::Scratch;

/// Whether the level is coloured. Nothing else ever is, and no value can send a terminal a command: values keep the
/// escapes of their JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Paint {
    Plain,
    Coloured,
}

/// How much of a trace id is shown: enough to tell the requests of one session apart.
const SHOWN_TRACE_DIGITS: usize = 8;

pub(super) fn compose(paint: Paint, head: Head, scratch: &mut Scratch, cap: usize) -> Fit {
    let Scratch { message, fields, line, timestamps, .. } = scratch;
    line.extend_from_slice(&timestamps.at(head.wall));
    line.push(b' ');
    level(line, paint, head.level);
    if !message.bytes.is_empty() {
        line.push(b' ');
        unquoted(line, &message.bytes);
    }
    let mut tail = Vec::new();
    if let Some(trace) = head.trace {
        tail.extend_from_slice(b" traceId=");
        tail.extend_from_slice(&trace.to_hex()[..SHOWN_TRACE_DIGITS]);
    }
    const CUT: &[u8] = b" truncated=true";
    let end = cap - tail.len() - CUT.len() - 1;
    let mut fit = message.fit;
    for piece in fields.pieces() {
        let before = line.len();
        pair(line, piece.key, b"", piece.value);
        if let Some((suffix, value)) = piece.companion {
            pair(line, piece.key, suffix.as_str().as_bytes(), value);
        }
        if line.len() > end {
            line.truncate(before);
            fit = Fit::Cut;
        } else if piece.cut {
            fit = Fit::Cut;
        }
    }
    if fit == Fit::Cut {
        line.extend_from_slice(CUT);
    }
    line.extend_from_slice(&tail);
    line.push(b'\n');
    fit
}

fn level(line: &mut Vec<u8>, paint: Paint, level: Level) {
    let colour: &[u8] = match level {
        Level::ERROR => b"\x1b[31m",
        Level::WARN => b"\x1b[33m",
        Level::INFO => b"\x1b[32m",
        Level::DEBUG => b"\x1b[34m",
        Level::TRACE => b"\x1b[35m",
    };
    let padded = format!("{:<5}", level.as_str());
    match paint {
        Paint::Plain => line.extend_from_slice(padded.as_bytes()),
        Paint::Coloured => {
            line.extend_from_slice(colour);
            line.extend_from_slice(padded.as_bytes());
            line.extend_from_slice(b"\x1b[0m");
        }
    }
}

fn pair(line: &mut Vec<u8>, key: &[u8], suffix: &[u8], value: &[u8]) {
    line.push(b' ');
    line.extend_from_slice(key);
    line.extend_from_slice(suffix);
    line.push(b'=');
    match value {
        [b'"', inside @ .., b'"'] if is_word(inside) => line.extend_from_slice(inside),
        value => line.extend_from_slice(value),
    }
}

/// Whether a string can stand without its quotes and still be told from what follows.
fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && !text.iter().any(|byte| matches!(byte, b' ' | b'=' | b'"' | b'\\'))
}

/// A message reads better without escaped quotes; all other escapes stay.
fn unquoted(line: &mut Vec<u8>, escaped: &[u8]) {
    let mut bytes = escaped.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(b'"')) => {}
            (b'\\', Some(&next)) => {
                line.extend_from_slice(&[byte, next]);
                bytes.next();
            }
            _ => line.push(byte),
        }
    }
}
