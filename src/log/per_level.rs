//! What there is one of for each level.

use tracing::Level;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PerLevel<T>([T; 5]);

impl<T> PerLevel<T> {
    /// One for each level.
    pub(super) fn new(make: impl FnMut(Level) -> T) -> Self {
        Self([Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE].map(make))
    }

    #[inline]
    pub(super) fn of(&self, level: Level) -> &T {
        let index = match level {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        &self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_its_own() {
        let names = PerLevel::new(|level| level.as_str());
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
            assert_eq!(*names.of(level), level.as_str());
        }
    }
}
