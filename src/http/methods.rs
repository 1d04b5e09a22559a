//! Which methods are label values of a server's requests.

use http::Method;

use super::labels::MethodLabel;
use crate::error::InvalidValue;
use crate::metrics::LabelValue;

/// The methods that have a label of their own; any other is `_OTHER`.
#[derive(Clone, Debug)]
pub(super) struct KnownMethods(Vec<Method>);

/// The place of a method's label in tables of [`KnownMethods::count`] places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MethodSlot(usize);

impl KnownMethods {
    /// Chosen: what RFC 9110, its extensions and WebDAV have, and a bound for series.
    const MAX: usize = 40;

    /// The list that the service or its environment gives, instead of the usual one.
    ///
    /// # Errors
    /// When a name is no method, or there are too many.
    pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidValue> {
        let mut known = Vec::new();
        for name in names.into_iter().map(str::trim).filter(|name| !name.is_empty()) {
            let method = Method::from_bytes(name.as_bytes());
            let method = method.map_err(|_| InvalidValue::new("HTTP method", name, "a token of RFC 9110"))?;
            if !known.contains(&method) {
                known.push(method);
            }
        }
        if known.len() > Self::MAX {
            return Err(InvalidValue::new("number of known HTTP methods", known.len(), "at most 40"));
        }
        Ok(Self(known))
    }

    /// How many labels there are, `_OTHER` included.
    pub(super) fn count(&self) -> usize {
        self.0.len() + 1
    }

    /// Method names are case-sensitive: `get` is not `GET`.
    #[inline]
    pub(super) fn slot(&self, method: &Method) -> MethodSlot {
        MethodSlot(self.0.iter().position(|known| known == method).unwrap_or(self.0.len()))
    }

    pub(super) fn label(&self, slot: MethodSlot) -> LabelValue {
        self.0.get(slot.0).map_or("_OTHER".into(), |method| LabelValue::capped(method.as_str()))
    }
}

impl Default for KnownMethods {
    fn default() -> Self {
        let named = |name: &str| Method::from_bytes(name.as_bytes()).expect("OK because all of these are tokens");
        Self(MethodLabel::NAMES.into_iter().map(named).collect())
    }
}

impl MethodSlot {
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What a method says of the response to come, whatever its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Only the head.
    Head,
    /// A tunnel.
    Tunnel,
    /// Anything else.
    Whole,
}

impl Asked {
    #[inline]
    pub(super) fn by(method: &Method) -> Self {
        match *method {
            Method::HEAD => Self::Head,
            Method::CONNECT => Self::Tunnel,
            _ => Self::Whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(known: &KnownMethods, method: &str) -> String {
        known.label(known.slot(&Method::from_bytes(method.as_bytes()).unwrap())).as_str().to_owned()
    }

    #[test]
    fn unknown_methods_of_servers_are_one_label() {
        let known = KnownMethods::default();
        for (method, expected) in
            [("GET", "GET"), ("QUERY", "QUERY"), ("get", "_OTHER"), ("PROPFIND", "_OTHER"), ("E!V'I|L", "_OTHER")]
        {
            assert_eq!(label(&known, method), expected);
        }
    }

    #[test]
    fn list_replaces_the_usual_methods() {
        let known = KnownMethods::list(" GET,PROPFIND, ,GET,purge".split(',')).unwrap();
        assert_eq!(known.count(), 4);
        for (method, expected) in [("GET", "GET"), ("PROPFIND", "PROPFIND"), ("purge", "purge"), ("POST", "_OTHER")] {
            assert_eq!(label(&known, method), expected);
        }
        assert!(KnownMethods::list(["GE T"]).unwrap_err().to_string().contains("GE T"));
        let many: Vec<_> = (0..41).map(|number| format!("M{number}")).collect();
        assert!(KnownMethods::list(many.iter().map(String::as_str)).is_err());
    }
}
