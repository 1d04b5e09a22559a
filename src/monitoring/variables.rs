//! The environment, as a parameter.

use std::collections::HashMap;
use std::fmt;

/// Where settings are looked up by name: the process's environment, or a list that a test holds.
///
/// ```
/// use aistm7_monitoring::monitoring::Variables;
///
/// let held = Variables::from([("AISTM7_ENVIRONMENT", "staging")]);
/// assert_eq!(held.get("AISTM7_ENVIRONMENT"), Some("staging".to_owned()));
/// assert_eq!(held.get("RUST_LOG"), None);
/// ```
#[derive(Clone, Default)]
pub struct Variables(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    Process,
    Held(HashMap<String, String>),
}

impl Variables {
    /// The environment of the process.
    pub fn process() -> Self {
        Self(Source::Process)
    }

    /// The value of a variable; empty and non-Unicode values count as unset.
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Source::Process => std::env::var(name).ok(),
            Source::Held(held) => held.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(Source::Held(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

impl fmt::Debug for Variables {
    /// Values of an environment are often secrets, so none is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Process => "Variables::Process",
            Source::Held(_) => "Variables::Held",
        })
    }
}
