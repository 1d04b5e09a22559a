//! What `/metrics` shows at one moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::http;

/// All samples of a scrape.
#[derive(Debug)]
pub(crate) struct Scrape {
    text: String,
    samples: Vec<Sample>,
}

/// One line of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    /// The name, with the suffix of a histogram's parts.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Scrape {
    /// Asks for `/metrics`.
    ///
    /// # Panics
    /// When the answer is not a text exposition.
    #[track_caller]
    pub(crate) fn of(admin: SocketAddr) -> Self {
        let response = http::get(admin, "/metrics", &[]).expect("the admin port answers");
        assert_eq!(response.status, 200);
        let text = response.text().to_owned();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| parse(line).unwrap_or_else(|| panic!("no sample: {line}"))).collect();
        Self { text, samples }
    }

    /// As it came.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The value of the only sample with this name and, among others, these labels; `None` if there is none.
    ///
    /// # Panics
    /// When there are several.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<&Sample> = self.matching(name, labels).collect();
        assert!(found.len() < 2, "several samples of {name} with {labels:?}: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// The sum of all samples with this name and, among others, these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |sample| {
            sample.name == name
                && labels.iter().all(|(name, value)| sample.labels.get(*name).is_some_and(|v| v == value))
        })
    }
}

/// Reads `name{label="value",…} number`; a value may hold braces, commas and, escaped, quotes.
fn parse(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: BTreeMap::new(), value });
    };
    let mut rest = rest.strip_suffix('}')?;
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = rest.split_once("=\"")?;
        let (text, after) = unescaped(after)?;
        labels.insert(label.to_owned(), text);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The text up to the closing quote, and what comes after it.
fn unescaped(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => text.push(match chars.next()?.1 {
                'n' => '\n',
                escaped => escaped,
            }),
            char => text.push(char),
        }
    }
    None
}

#[test]
fn samples_are_read_with_all_that_a_label_may_hold() {
    let sample = parse(r#"a_total{route="/p/{id}",odd="q\"b\\,n\n"} 7"#).unwrap();
    assert_eq!((sample.name.as_str(), sample.value), ("a_total", 7.0));
    assert_eq!((sample.labels["route"].as_str(), sample.labels["odd"].as_str()), ("/p/{id}", "q\"b\\,n\n"));
    assert_eq!(parse("up 1").unwrap().labels.len(), 0);
    assert_eq!(parse(r#"cut_off{a="b"#), None);
}
