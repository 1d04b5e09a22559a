use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::Level;

use super::*;
use crate::log::{Log, LogOptions, Sink};
use crate::metrics::{Meter, Registry};
use crate::trace::TraceContext;

const DOCUMENT: &str = include_str!("../../docs/logs.md");

fn properties(engine: SearchEngine) -> Value {
    let template: Value = serde_json::from_str(&index_template(engine)).expect("a template is JSON");
    assert_eq!(template["template"]["mappings"]["dynamic"], "strict");
    template["template"]["mappings"]["properties"].clone()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn template_has_exactly_the_fields_of_a_line() {
    let memory = Memory::default();
    let options = LogOptions::new("risk-analysis").sink(Sink::Writer(Box::new(memory.clone())));
    let log = Log::start(options, &Meter::new(&Registry::new())).unwrap();
    let in_a_trace = TraceContext::new_root();
    let _entered = in_a_trace.enter();
    log.emit(Level::ERROR, "Failed to calculate VaR", &[("portfolio", "user123")]);
    assert_eq!(log.flush(Duration::from_secs(30)).written, 1);
    let line: Value = serde_json::from_slice(&memory.0.lock().unwrap()).unwrap();
    for engine in [SearchEngine::OpenSearch, SearchEngine::Elasticsearch] {
        assert_eq!(keys(&properties(engine)), keys(&line), "{engine:?}");
    }
}

#[test]
fn engines_differ_in_the_type_of_details_only() {
    let (mut open, mut elastic) = (properties(SearchEngine::OpenSearch), properties(SearchEngine::Elasticsearch));
    assert_eq!(open["details"].take(), json!({"type": "flat_object"}));
    assert_eq!(elastic["details"].take(), json!({"type": "flattened", "ignore_above": 8191}));
    assert_eq!(open, elastic);
}

#[test]
fn document_shows_valid_json_and_the_template_as_it_is() {
    let blocks: Vec<&str> =
        DOCUMENT.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(!blocks.is_empty());
    for block in &blocks {
        assert!(serde_json::from_str::<Value>(block).is_ok(), "{block}");
    }
    assert!(blocks.contains(&FOR_OPENSEARCH), "the document shows another template");
}
