//! How a buffer of lines is divided to be written.
//!
//! It is known from the lines as they come, so that the thread that writes need not look for their ends: what it reads, the
//! processor of who logs has to fetch back before it is written over.

use super::CHUNK_BYTES;

/// Parts that are written one after the other, from the first to the last byte of a buffer: progress is seen while a slow sink
/// takes a large batch, and a file can be rotated behind each.
#[derive(Debug, Default)]
pub(super) struct Chunks(Vec<Chunk>);

/// Whole lines of up to 64 KiB, or one longer line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) bytes: usize,
    pub(super) lines: u64,
}

impl Chunks {
    /// A line of so many bytes came to the end of the buffer.
    pub(super) fn add(&mut self, line: usize) {
        match self.0.last_mut() {
            Some(last) if last.bytes + line <= CHUNK_BYTES => {
                last.bytes += line;
                last.lines += 1;
            }
            _ => self.0.push(Chunk { bytes: line, lines: 1 }),
        }
    }

    /// The buffer is empty.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Chunk> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_lines() {
        for (lines, expected) in [
            (vec![100; 3], vec![(300, 3)]),
            (vec![1_000; 100], vec![(65_000, 65), (35_000, 35)]),
            (vec![200_000, 10], vec![(200_000, 1), (10, 1)]),
            (vec![10, 200_000], vec![(10, 1), (200_000, 1)]),
            (vec![CHUNK_BYTES; 2], vec![(CHUNK_BYTES, 1), (CHUNK_BYTES, 1)]),
            (vec![], vec![]),
        ] {
            let mut chunks = Chunks::default();
            lines.into_iter().for_each(|line| chunks.add(line));
            assert_eq!(chunks.iter().map(|chunk| (chunk.bytes, chunk.lines)).collect::<Vec<_>>(), expected);
        }
    }
}
