//! What `INFO` says: lines of `name:value`, grouped under `# Headings`.

use std::collections::HashMap;

/// The facts of an answer whose lines are a name and a value each: `name:value`.
pub(crate) fn fields(text: &str) -> HashMap<&str, &str> {
    text.lines().filter_map(|line| line.trim_end().split_once(':')).collect()
}

/// The parts of a value such as `keys=5,expires=2,avg_ttl=0`.
pub(crate) fn parts(value: &str) -> impl Iterator<Item = (&str, &str)> {
    value.split(',').filter_map(|part| part.split_once('='))
}
