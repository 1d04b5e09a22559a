//! A log in memory, for tests that read what was written.

#![allow(dead_code, reason = "some read all lines, some those since the last time")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;

#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while locked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Memory {
    /// What was written, as it was.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while locked").clone()
    }

    /// All lines.
    pub(crate) fn lines(&self) -> Vec<Value> {
        parsed(&self.bytes())
    }

    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<Value> {
        parsed(&std::mem::take(&mut *self.0.lock().expect("no panic while locked")))
    }
}

fn parsed(bytes: &[u8]) -> Vec<Value> {
    let text = str::from_utf8(bytes).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
