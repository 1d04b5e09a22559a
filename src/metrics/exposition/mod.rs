//! The formats in which a [`Snapshot`](super::Snapshot) leaves the process.

pub mod text;
