//! What a message looks like, within Slack's limits.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::super::alert::{Alert, AlertStatus};
use super::super::change::Change;
use super::super::notifier::{Notice, Told};
use super::super::text::{escaped_for_slack, link, units};
use crate::alert::{Quantity, Severity};

/// Slack refuses about 12,000 rendered characters in all, which it documents nowhere. Chosen: well below.
const BUDGET: usize = 8_000;
/// Chosen: a headline on a phone. Slack's limit of a section is 3,000.
const HEADLINE_LIMIT: usize = 600;
/// The labels of one alert.
const LABELS_LIMIT: usize = 1_500;
/// The description of one alert, among others.
const DESCRIPTION_LIMIT: usize = 700;
/// Kept for what ends a message.
const END_LIMIT: usize = 900;
/// A link that would be cut leads nowhere, so a longer one is left out.
const LINK_LIMIT: usize = 400;
/// How many alerts are shown. Chosen: what a person reads.
const SHOWN: usize = 10;

/// A message: the text that notifications show, and what stands below it beside a bar of colour.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) attachments: Vec<Value>,
}

/// The message about a notice.
pub(super) fn of_notice(notice: &Notice) -> Message {
    let text = headline(notice);
    let about = summary(notice);
    let mut left = BUDGET - END_LIMIT - units(&text) - units(&about);
    let mut sections = vec![about];
    for told in notice.alerts().iter().take(SHOWN) {
        let section = details(told, notice.at());
        let Some(rest) = left.checked_sub(units(&section)) else { break };
        left = rest;
        sections.push(section);
    }
    let hidden = notice.alerts().len() + 1 - sections.len();
    sections.extend(end(notice.first(), hidden));
    let blocks: Vec<Value> = sections.iter().map(|text| section(text)).collect();
    Message { text, attachments: vec![json!({"color": colour(notice), "blocks": blocks})] }
}

/// The message about a change.
pub(super) fn of_change(change: &Change) -> Message {
    let place = format!("{}/{}", change.origin.environment(), change.origin.service());
    let text = escaped_for_slack(&format!("{} ({place})", change.summary()), HEADLINE_LIMIT);
    let link = change.link.as_deref().and_then(|url| linked("Change", url));
    let text = link.map_or_else(|| text.clone(), |link| format!("{text} {link}"));
    Message { text, attachments: Vec::new() }
}

/// What a thread is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) text: String,
    pub(super) audience: Audience,
}

/// Who hears of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Thread,
    /// The channel too.
    Channel,
}

/// What has changed since the message was posted, or that nothing has, for its thread.
pub(super) fn of_progress(notice: &Notice) -> Progress {
    let since = notice.alerts().iter().map(|told| told.alert.starts_at()).min().unwrap_or(notice.at());
    let age = span(since, notice.at());
    if notice.status() == AlertStatus::Resolved {
        return Progress { text: format!("Resolved after {age}."), audience: Audience::Thread };
    }
    let counted = [AlertStatus::Firing, AlertStatus::Acknowledged, AlertStatus::Resolved].map(|status| {
        let is_news = |told: &&Told| told.alert.status() == status && told.before != Some(status);
        (notice.alerts().iter().filter(is_news).count(), status.as_str())
    });
    let more_fires = counted[0].0 > 0;
    let parts = counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} more {word}"));
    let text = parts.collect::<Vec<_>>().join(", ");
    let is_repeat = text.is_empty();
    // Nobody hears of an edit.
    let audience = if more_fires || is_repeat { Audience::Channel } else { Audience::Thread };
    let text = if is_repeat { format!("Still {} after {age}.", notice.status().as_str()) } else { text };
    Progress { text, audience }
}

/// One line that says all that must be known.
fn headline(notice: &Notice) -> String {
    let first = notice.first();
    let word = match (notice.status(), notice.open().count()) {
        (AlertStatus::Firing, open @ 2..) => format!("FIRING:{open}"),
        (status, _) => status.as_str().to_uppercase(),
    };
    let (severity, rule, origin) = (notice.severity().as_str(), first.rule(), first.origin());
    let told = if first.summary.is_empty() { String::new() } else { format!(": {}", first.summary) };
    let text = format!("[{word}] {severity} {rule} in {}/{}{told}", origin.environment(), origin.service());
    escaped_for_slack(&text, HEADLINE_LIMIT)
}

fn summary(notice: &Notice) -> String {
    let first = notice.first();
    let mut text = format!("*{}*", unmarked(first.rule(), Alert::NAME_LIMIT));
    if !first.summary.is_empty() {
        text = format!("{text}\n{}", escaped_for_slack(&first.summary, HEADLINE_LIMIT));
    }
    match notice.instead_of() {
        Some(other) => format!("{text}\n_Told here because {} does not take it._", unmarked(other, Alert::NAME_LIMIT)),
        None => text,
    }
}

/// One alert: its labels, number, age and description.
fn details(told: &Told, now: SystemTime) -> String {
    let alert = &told.alert;
    let mut text = String::new();
    for (name, value) in alert.labels() {
        let pair = format!("`{}` ", unmarked(&format!("{name}={value}"), Alert::LABEL_VALUE_LIMIT));
        if units(&text) + units(&pair) <= LABELS_LIMIT {
            text.push_str(&pair);
        }
    }
    if let Some(value) = alert.value {
        text.push_str(&format!("{value}, "));
    }
    text.push_str(&match alert.ends_at() {
        Some(ends_at) => format!("resolved after {}", span(alert.starts_at(), ends_at)),
        None => format!("{} for {}", alert.status().as_str(), span(alert.starts_at(), now)),
    });
    if !alert.description.is_empty() {
        text.push('\n');
        text.push_str(&escaped_for_slack(&alert.description, DESCRIPTION_LIMIT));
    }
    text
}

/// What is not shown, and where to go.
fn end(alert: &Alert, hidden: usize) -> Option<String> {
    let hidden = (hidden > 0).then(|| format!("and {hidden} more"));
    let named = [("Runbook", &alert.runbook), ("Dashboard", &alert.dashboard)];
    let links = named.into_iter().filter_map(|(text, url)| linked(text, url.as_deref()?));
    let parts: Vec<_> = hidden.into_iter().chain(links).collect();
    (!parts.is_empty()).then(|| parts.join("  "))
}

fn linked(text: &str, url: &str) -> Option<String> {
    let url = escaped_for_slack(link(url)?, usize::MAX);
    (units(&url) <= LINK_LIMIT).then(|| format!("<{url}|{text}>"))
}

/// A text inside of marks for bold or code, which one of its own would end.
fn unmarked(text: &str, limit: usize) -> String {
    escaped_for_slack(text, limit).replace(['*', '`', '_'], "'")
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

/// Green is what is over.
fn colour(notice: &Notice) -> &'static str {
    match (notice.status(), notice.severity()) {
        (AlertStatus::Resolved, _) => "#2eb67d",
        (AlertStatus::Acknowledged, _) => "#8e44ad",
        (_, Severity::Critical) => "#e01e5a",
        (_, Severity::Warning) => "#ecb22e",
        (_, Severity::Info) => "#36c5f0",
    }
}

fn span(from: SystemTime, to: SystemTime) -> Quantity {
    let seconds = to.duration_since(from).unwrap_or_default().as_secs();
    // The cast keeps every age that an alert has.
    Quantity::seconds(seconds as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::super::alert::Origin;
    use super::*;

    const AT: SystemTime = SystemTime::UNIX_EPOCH;

    fn alert() -> Alert {
        Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Critical, AT)
    }

    fn texts(message: &Message) -> Vec<String> {
        let sections = message.attachments[0]["blocks"].as_array().unwrap();
        sections.iter().map(|section| section["text"]["text"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn message_says_what_is_wrong_where_since_when_and_what_to_do() {
        let alert = alert()
            .label("source", "ibkr")
            .summary("Portfolios are not synchronised.")
            .description("3 of 3 runs failed.")
            .value(Quantity::count(3.0))
            .runbook("https://r/sync?a=1&b=2");
        let message = of_notice(&Notice::of(alert, AT + Duration::from_secs(90)));
        assert_eq!(message.text, "[FIRING] critical SyncFailed in prod/risk: Portfolios are not synchronised.");
        assert_eq!(
            texts(&message),
            [
                "*SyncFailed*\nPortfolios are not synchronised.",
                "`source=ibkr` 3, firing for 1m 30s\n3 of 3 runs failed.",
                "<https://r/sync?a=1&amp;b=2|Runbook>",
            ]
        );
        assert_eq!(message.attachments[0]["color"], "#e01e5a");
    }

    #[test]
    fn texts_of_anybody_ping_and_format_nothing() {
        let hostile = "<!channel> <@U1> *b* `c` & <http://x|y>";
        let alert = alert().label("a", hostile).summary(hostile).description(hostile).runbook("https://x|y>");
        let message = of_notice(&Notice::of(alert, AT));
        for text in texts(&message).iter().chain([&message.text]) {
            assert!(!text.contains(['<', '>']), "{text}");
        }
        assert!(texts(&message)[1].starts_with("`a=&lt;!channel&gt; &lt;@U1&gt; 'b' 'c' &amp; "), "{message:?}");
    }

    #[test]
    fn longest_message_is_within_slacks_limits() {
        let long = "<&🦀".repeat(3_000);
        let mut alert = alert().summary(&long).description(&long).runbook(&format!("https://h/{}", "&".repeat(50)));
        for index in 0..40 {
            alert = alert.label(&format!("l{index}"), &long);
        }
        let mut notice = Notice::of(alert, AT);
        notice.alerts =
            vec![Told { alert: Arc::clone(&notice.alerts[0].alert), before: None, age: Duration::ZERO }; 10_000];
        notice.instead_of = Some(Arc::from("x".repeat(500)));
        let message = of_notice(&notice);
        let texts = texts(&message);
        assert!(texts.iter().all(|text| units(text) <= 3_000));
        assert!(texts.iter().map(|text| units(text)).sum::<usize>() + units(&message.text) <= BUDGET);
        let shown = texts.len() - 2;
        assert!(texts.last().unwrap().starts_with(&format!("and {} more  <https://h/", 10_000 - shown)), "{texts:?}");
    }

    #[test]
    fn thread_is_told_what_changed() {
        let one =
            Told { alert: Arc::new(alert().label("a", "1")), before: Some(AlertStatus::Firing), age: Duration::ZERO };
        let mut notice = Notice::of(alert().label("a", "2"), AT + Duration::from_secs(7_200));
        notice.alerts.push(one);
        let progress = |text: &str, audience| Progress { text: text.to_owned(), audience };
        assert_eq!(of_progress(&notice), progress("1 more firing", Audience::Channel));
        notice.alerts.remove(0);
        assert_eq!(of_progress(&notice), progress("Still firing after 2h 0m 0s.", Audience::Channel));
        notice.alerts[0].alert = Arc::new(alert().acknowledged());
        assert_eq!(of_progress(&notice), progress("1 more acknowledged", Audience::Thread));
        let over = Arc::new(alert().resolved(AT + Duration::from_secs(7_200)));
        notice.alerts[0].alert = over;
        assert_eq!(of_progress(&notice), progress("Resolved after 2h 0m 0s.", Audience::Thread));
    }
}
