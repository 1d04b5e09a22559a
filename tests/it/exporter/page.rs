//! A page of metrics as numbers, whoever wrote it.

use std::collections::BTreeMap;

/// The samples of a page, and what it says of its families.
#[derive(Debug)]
pub(crate) struct Page {
    /// By name and sorted labels: `name{a="1",b="2"}`.
    pub(crate) samples: BTreeMap<String, f64>,
    /// The `# HELP` and `# TYPE` lines.
    pub(crate) metadata: Vec<String>,
}

impl Page {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let (metadata, samples): (Vec<_>, Vec<_>) =
            text.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('#'));
        let mut metadata: Vec<_> = metadata.into_iter().map(str::to_owned).collect();
        metadata.sort_unstable();
        let count = samples.len();
        let samples: BTreeMap<_, _> = samples.into_iter().map(sample).collect();
        assert_eq!(samples.len(), count, "every series is shown once: {text}");
        Self { samples, metadata }
    }

    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }
}

#[track_caller]
fn sample(line: &str) -> (String, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a series and a value");
    let value = value.parse().unwrap_or_else(|_| panic!("no number in {line}"));
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), value);
    };
    let labels = labels.strip_suffix("\"}").unwrap_or_else(|| panic!("no end of labels in {line}"));
    // No value of these tests holds what separates labels.
    let mut labels: Vec<_> = labels.split("\",").map(|label| label.split_once("=\"").expect("a label")).collect();
    labels.sort_unstable();
    let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", bound(name, value))).collect();
    (format!("{name}{{{}}}", labels.join(",")), value)
}

/// A bucket's bound in one form: Prometheus takes `1` and `1.0` for the same too.
fn bound(name: &str, value: &str) -> String {
    match value.parse::<f64>() {
        Ok(bound) if name == "le" => bound.to_string(),
        _ => value.to_owned(),
    }
}
