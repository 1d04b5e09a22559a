//! What a log's settings say of the values in its lines.

use super::caps::Caps;
use super::redaction::Redaction;

/// How long values may become and what of them is hidden.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) caps: Caps,
    pub(super) redaction: Redaction,
}
