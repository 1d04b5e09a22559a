//! The catalog as a file: what a release keeps, so that the next one can be compared with it.

use serde_json::{Value, json};

use super::{Catalog, CatalogError, Metric};
use crate::metrics::{Kind, Stability, Unit};

/// How each choice is written. Read and written by one table, so that neither can know more than the other.
const KINDS: [(Kind, &str); 3] = [(Kind::Counter, "counter"), (Kind::Gauge, "gauge"), (Kind::Histogram, "histogram")];
const UNITS: [(Unit, &str); 4] =
    [(Unit::Count, "count"), (Unit::Seconds, "seconds"), (Unit::Bytes, "bytes"), (Unit::Ratio, "ratio")];
const STABILITIES: [(Stability, &str); 2] = [(Stability::Stable, "stable"), (Stability::Experimental, "experimental")];

impl Catalog {
    /// As JSON, sorted: equal catalogs give equal bytes.
    pub fn to_json(&self) -> String {
        let metrics: Vec<Value> = self.metrics().map(written).collect();
        let mut text = format!("{:#}", json!({ "metrics": metrics }));
        text.push('\n');
        text
    }

    /// What [`Catalog::to_json`] wrote.
    ///
    /// # Errors
    /// [`CatalogError::Json`] when the text is no JSON, [`CatalogError::Shape`] when it is not of this shape.
    pub fn from_json(text: &str) -> Result<Self, CatalogError> {
        let value: Value = serde_json::from_str(text)?;
        let shape = || CatalogError::Shape { at: "metrics".to_owned(), expected: "a list" };
        value["metrics"].as_array().ok_or_else(shape)?.iter().map(read).collect()
    }
}

fn written(metric: &Metric) -> Value {
    json!({
        "name": metric.name,
        "kind": word(&KINDS, metric.kind),
        "unit": word(&UNITS, metric.unit),
        "labels": metric.labels,
        "edges": metric.edges,
        "help": metric.help,
        "stability": word(&STABILITIES, metric.stability),
        "since": metric.since,
    })
}

fn read(value: &Value) -> Result<Metric, CatalogError> {
    let name = value["name"].as_str().unwrap_or("a metric's name");
    let wrong = |field: &str, expected| CatalogError::Shape { at: format!("{name}: {field}"), expected };
    let text = |field: &'static str| value[field].as_str().ok_or_else(|| wrong(field, "a text"));
    let list = |field: &'static str| value[field].as_array().ok_or_else(|| wrong(field, "a list"));
    let labels = list("labels")?.iter().map(|label| label.as_str().map(str::to_owned)).collect::<Option<_>>();
    let edges = list("edges")?.iter().map(Value::as_f64).collect::<Option<_>>();
    Ok(Metric {
        name: text("name")?.to_owned(),
        kind: choice(&KINDS, text("kind")?).ok_or_else(|| wrong("kind", "counter, gauge or histogram"))?,
        unit: choice(&UNITS, text("unit")?).ok_or_else(|| wrong("unit", "count, seconds, bytes or ratio"))?,
        labels: labels.ok_or_else(|| wrong("labels", "a list of texts"))?,
        edges: edges.ok_or_else(|| wrong("edges", "a list of numbers"))?,
        help: text("help")?.to_owned(),
        stability: choice(&STABILITIES, text("stability")?)
            .ok_or_else(|| wrong("stability", "stable or experimental"))?,
        since: text("since")?.to_owned(),
    })
}

fn word<T: Copy + PartialEq>(words: &[(T, &'static str)], of: T) -> &'static str {
    let found = words.iter().find(|(choice, _)| *choice == of);
    found.map(|(_, word)| *word).expect("OK because the tables above name every choice, which a test holds")
}

fn choice<T: Copy>(words: &[(T, &str)], text: &str) -> Option<T> {
    words.iter().find(|(_, word)| *word == text).map(|(choice, _)| *choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Definition, Meter, Registry};

    static WAIT: Definition = Definition::histogram("wait_seconds", "Wait.").unit(Unit::Seconds).labels(&["queue"]);
    static SIZE: Definition = Definition::gauge("size_bytes", "Size.").unit(Unit::Bytes).experimental();
    static HITS: Definition = Definition::gauge("hits_ratio", "Hits.").unit(Unit::Ratio).since("0.2.0");

    fn catalog() -> Catalog {
        let registry = Registry::new();
        let meter = Meter::new(&registry);
        meter.histogram_with::<1>(&WAIT, &[0.3]).unwrap();
        meter.gauge::<0>(&SIZE).unwrap();
        meter.gauge::<0>(&HITS).unwrap();
        Catalog::of(&registry)
    }

    #[test]
    fn catalog_comes_back_from_its_file_byte_for_byte() {
        let text = catalog().to_json();
        let back = Catalog::from_json(&text).unwrap();
        assert_eq!((&back, back.to_json()), (&catalog(), text));
        let wait = back.metric("wait_seconds").unwrap();
        assert!(wait.edges.contains(&0.3) && wait.has_label("queue"), "{wait:?}");
        // What a registry tells of itself is there as well: a counter.
        assert_eq!(back.metric("monitoring_series_overflow_total").unwrap().kind, Kind::Counter);
    }

    #[test]
    fn what_is_no_catalog_is_refused_with_the_place() {
        assert!(matches!(Catalog::from_json("metrics: []"), Err(CatalogError::Json(_))));
        assert!(matches!(Catalog::from_json("{}"), Err(CatalogError::Shape { .. })));
        let text = catalog().to_json().replace("\"seconds\"", "\"fortnights\"");
        let refused = Catalog::from_json(&text).unwrap_err().to_string();
        assert!(refused.contains("wait_seconds: unit"), "{refused}");
    }
}
