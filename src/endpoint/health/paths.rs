//! Where the health routes are.

use crate::error::InvalidValue;

/// Where the health routes are: a path, with `live`, `ready`, `startup` and the checks below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthPaths {
    root: Option<String>,
}

impl Default for HealthPaths {
    /// `/health`, as in the guide.
    fn default() -> Self {
        Self { root: Some("/health".to_owned()) }
    }
}

impl HealthPaths {
    /// Health routes at and below `root`.
    ///
    /// # Errors
    /// When `root` is not a path of plain segments, such as `/status` or `/internal/health`.
    pub fn at(root: impl Into<String>) -> Result<Self, InvalidValue> {
        let root = root.into();
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let segment = |segment: &str| !segment.is_empty() && segment.bytes().all(plain);
        let segments = root.strip_prefix('/').is_some_and(|rest| rest.split('/').all(segment));
        if segments {
            Ok(Self { root: Some(root) })
        } else {
            Err(InvalidValue::new("health path", root, "'/' and segments of letters, digits, '-', '_' and '.'"))
        }
    }

    /// No health routes.
    pub fn off() -> Self {
        Self { root: None }
    }

    pub(super) fn root(&self) -> Option<&str> {
        self.root.as_deref()
    }

    /// The templates of the routes, so that nobody measures them.
    pub(crate) fn templates(&self) -> Vec<String> {
        let below = |root: &str| [root.to_owned(), live(root), ready(root), startup(root), one(root)];
        self.root().into_iter().flat_map(below).collect()
    }
}

pub(super) fn live(root: &str) -> String {
    format!("{root}/live")
}

pub(super) fn ready(root: &str) -> String {
    format!("{root}/ready")
}

pub(super) fn startup(root: &str) -> String {
    format!("{root}/startup")
}

/// Of one check.
pub(super) fn one(root: &str) -> String {
    format!("{root}/{{check}}")
}

#[cfg(test)]
mod tests {
    use super::HealthPaths;

    #[test]
    fn roots_are_plain_paths() {
        assert_eq!(HealthPaths::at("/internal/health").unwrap().templates()[1], "/internal/health/live");
        assert!(HealthPaths::off().templates().is_empty());
        for bad in ["", "/", "health", "/health/", "/{x}", "/a b", "//a"] {
            assert!(HealthPaths::at(bad).is_err(), "{bad:?}");
        }
    }
}
