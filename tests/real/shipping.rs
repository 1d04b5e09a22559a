//! Lines that the example wrote, in a search engine: taken by the template that we give, and found again.

use aistm7_monitoring::ops::shipping::{SearchEngine, index_template};
use serde_json::{Value, json};

use crate::example::SOON;
use crate::support::example::TradingApi;
use crate::support::http;
use crate::support::osmem::Search;
use crate::support::poll::eventually;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const INDEX: &str = "aistm7-logs-2025.01.22";

fn with_template() -> Search {
    let search = Search::start();
    let (status, answer) = search.ask("PUT", "/_index_template/aistm7-logs", &index_template(SearchEngine::OpenSearch));
    assert_eq!((status, &answer["acknowledged"]), (200, &json!(true)), "{answer}");
    search
}

/// Hands over documents as agents do; the status of each, and why it was refused.
fn ship(search: &Search, lines: &[String]) -> Vec<(u64, String)> {
    let body: String = lines.iter().map(|line| format!("{{\"create\":{{}}}}\n{line}\n")).collect();
    let (status, answer) = search.ask("POST", &format!("/{INDEX}/_bulk?refresh=true"), &body);
    assert_eq!(status, 200, "{answer}");
    let items = answer["items"].as_array().expect("an item a document").iter().map(|item| &item["create"]);
    items
        .map(|item| {
            (item["status"].as_u64().expect("a status"), item["error"]["type"].as_str().unwrap_or("").to_owned())
        })
        .collect()
}

fn found(search: &Search, query: &Value) -> Vec<Value> {
    let (status, mut answer) =
        search.ask("POST", "/aistm7-logs-*/_search", &json!({"query": query, "size": 1000}).to_string());
    assert_eq!(status, 200, "{answer}");
    let hits = answer["hits"]["hits"].take();
    hits.as_array().expect("a list").iter().map(|hit| hit["_source"].clone()).collect()
}

#[test]
#[ignore = "needs osmem-server and the example built; run by tests/run"]
fn lines_of_the_example_are_taken_and_found_by_their_trace() {
    let search = with_template();
    let api = TradingApi::start(&[("RUST_LOG", "debug")], &[]);
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let asked = http::get(api.public(), "/api/v1/portfolios/7/risk", &[("traceparent", &parent)]).unwrap();
    assert_eq!(asked.status, 500);
    let is_guides_line = |line: &Value| line["traceId"] == TRACE && line["message"] == "Failed to calculate VaR";
    let guides_line = eventually(SOON, || api.log_lines().into_iter().find(is_guides_line).ok_or("no line of it yet"));
    let lines = api.log_lines();
    let shipped = ship(&search, &lines.iter().map(Value::to_string).collect::<Vec<_>>());
    assert!(lines.len() > 1 && shipped.iter().all(|(status, _)| *status == 201), "{shipped:?} of {lines:?}");

    let of_the_trace = lines.iter().filter(|line| line["traceId"] == TRACE);
    let hits = found(&search, &json!({"term": {"traceId": TRACE}}));
    assert_eq!(hits.len(), of_the_trace.count());
    assert!(hits.contains(&guides_line), "{hits:?}");
    // By a word of the message, by a field of the details, by the level.
    for query in [
        json!({"match": {"message": "calculate"}}),
        json!({"term": {"message.keyword": "Failed to calculate VaR"}}),
        json!({"term": {"details.portfolio": "7"}}),
        json!({"bool": {"filter": [{"term": {"level": "ERROR"}}, {"term": {"service": "trading-api"}}]}}),
    ] {
        assert!(found(&search, &query).contains(&guides_line), "{query}");
    }
    assert_eq!(found(&search, &json!({"term": {"traceId": "00000000000000000000000000000001"}})), [] as [Value; 0]);
}

#[test]
#[ignore = "needs osmem-server; run by tests/run"]
fn what_is_no_line_is_refused_and_types_in_details_may_differ() {
    let search = with_template();
    let line = |change: Value| {
        let mut line = json!({"timestamp": "2025-01-22T10:30:00.000Z", "level": "INFO", "service": "risk-analysis",
            "message": "", "details": {}});
        line.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        line.to_string()
    };
    let shipped = ship(
        &search,
        &[
            line(json!({"details": {"attempt": 2, "quote": {"bid": 1.5}}})),
            line(json!({"details": {"attempt": "second", "quote": null}})),
            line(json!({"host": "a"})),
            line(json!({"timestamp": "yesterday"})),
        ],
    );
    let refused = |why: &str| (400, why.to_owned());
    let taken = || (201, String::new());
    let expected = [taken(), taken(), refused("strict_dynamic_mapping_exception"), refused("mapper_parsing_exception")];
    assert_eq!(shipped, expected);
    assert_eq!(found(&search, &json!({"term": {"details.attempt": "second"}})).len(), 1);
    assert_eq!(found(&search, &json!({"term": {"details.quote.bid": "1.5"}})).len(), 1);
}
