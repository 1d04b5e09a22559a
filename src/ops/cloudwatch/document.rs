//! What is written about the alarms.

use serde_json::{Value, json};

use super::Alarms;
use super::metric::{Publication, Selection, Wanted};

/// A document of JSON, as files have it.
pub(super) fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// What has to be published, for whoever writes a publisher.
pub(super) fn publications(alarms: &Alarms) -> String {
    text(&json!({
        "namespace": alarms.options.namespace,
        "service": alarms.options.service,
        "environment": alarms.options.environment,
        "period_seconds": alarms.options.period.as_secs(),
        "metrics": alarms.publications().map(publication).collect::<Vec<_>>(),
    }))
}

fn publication(of: &Publication) -> Value {
    let mut value = json!({
        "name": of.metric,
        "form": of.form.as_str(),
        "unit": of.unit,
        "dimensions": of.dimensions,
    });
    if let (Some(selection), Some(fields)) = (&of.selection, value.as_object_mut()) {
        let labels = selection.labels.iter().map(|(label, wanted)| match wanted {
            Wanted::OneOf(values) => json!({ "label": label, "one_of": values }),
            Wanted::NoneOf(values) => json!({ "label": label, "none_of": values }),
        });
        let labels: Value = labels.collect();
        fields.insert(Selection::DIMENSION.to_owned(), json!({ "value": selection.value, "series": labels }));
    }
    value
}

impl Alarms {
    /// The part of the bundle's `alerts.md` about CloudWatch, in Markdown.
    pub(in crate::ops) fn section(&self) -> String {
        let mut out = String::from("\n# CloudWatch\n\n| alarm | severity | together |\n|---|---|---|\n");
        for alarm in &self.alarms {
            let (name, severity) = (alarm.name(), alarm.severity().as_str());
            out.push_str(&format!("| `{name}` | {severity} | {} |\n", alarm.rolled_up().join(", ")));
        }
        if !self.refused.is_empty() {
            out.push_str("\n| no alarm in CloudWatch | because |\n|---|---|\n");
        }
        for refused in &self.refused {
            out.push_str(&format!("| `{}` | {} |\n", refused.rule, refused.reason));
        }
        out
    }
}
