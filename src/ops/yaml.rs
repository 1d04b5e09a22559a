//! As much of YAML as the files need: equal values give equal bytes.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// Quoted, unless it has several lines, which stand as they are.
    Text(String),
    /// A number, a duration or a word that is not quoted.
    Bare(String),
    List(Vec<Yaml>),
    /// In this order.
    Map(Vec<(String, Yaml)>),
}

impl Yaml {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn bare(word: impl ToString) -> Self {
        Self::Bare(word.to_string())
    }

    pub(super) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub(super) fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// With an entry more, if this is a map.
    pub(super) fn with(mut self, key: &str, value: Self) -> Self {
        if let Self::Map(entries) = &mut self {
            entries.push((key.to_owned(), value));
        }
        self
    }

    /// As a document, with what comes before it.
    pub(super) fn document(&self, header: &str) -> String {
        let mut out = String::new();
        for line in header.lines() {
            out.push_str(format!("# {line}").trim_end());
            out.push('\n');
        }
        self.write(&mut out, 0);
        out
    }

    /// Writes a value that begins on a line of its own.
    fn write(&self, out: &mut String, indent: usize) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        pad(out, indent);
                    }
                    out.push_str(key);
                    out.push(':');
                    value.write_after(out, indent);
                }
            }
            Self::List(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        pad(out, indent);
                    }
                    out.push_str("- ");
                    item.write(out, indent + 2);
                }
            }
            _ => self.write_scalar(out, indent),
        }
    }

    /// Writes a value behind its key.
    fn write_after(&self, out: &mut String, indent: usize) {
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                self.write(out, indent + 2);
            }
            Self::List(items) if !items.is_empty() => {
                out.push('\n');
                pad(out, indent + 2);
                self.write(out, indent + 2);
            }
            _ => {
                out.push(' ');
                self.write_scalar(out, indent);
            }
        }
    }

    fn write_scalar(&self, out: &mut String, indent: usize) {
        match self {
            Self::Text(text) if text.contains('\n') => {
                out.push_str("|-\n");
                for line in text.lines() {
                    if !line.is_empty() {
                        pad(out, indent + 2);
                        out.push_str(line);
                    }
                    out.push('\n');
                }
                return;
            }
            Self::Text(text) => out.push_str(&quoted(text)),
            Self::Bare(word) => out.push_str(word),
            Self::List(_) => out.push_str("[]"),
            Self::Map(_) => out.push_str("{}"),
        }
        out.push('\n');
    }
}

/// A text in double quotes, as JSON has it: PromQL and YAML read the same.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::Yaml;

    #[test]
    fn maps_lists_and_texts_nest() {
        let inner = Yaml::map([("a", Yaml::text("x: \"y\"")), ("b", Yaml::text("one\n\ntwo"))]);
        let yaml = Yaml::map([("top", Yaml::List(vec![inner, Yaml::bare(5)])), ("none", Yaml::List(Vec::new()))]);
        assert_eq!(
            yaml.with("m", Yaml::map([("n", Yaml::texts(["z"]))])).document("Hello\n\nthere"),
            "# Hello\n#\n# there\ntop:\n  - a: \"x: \\\"y\\\"\"\n    b: |-\n      one\n\n      two\n  - 5\nnone: []\nm:\n  n:\n    - \"z\"\n"
        );
    }
}
