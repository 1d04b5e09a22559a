//! Each notifier against its peer: what is told, what is refused, and what is worth another attempt.

use std::time::Duration;

use aistm7_monitoring::alert::Severity;
use aistm7_monitoring::alert::notify::{
    Alert, Change, Notice, Notifier, NotifyError, Origin, PagerDuty, PagerDutyIncidents, Receipt, SlackBot,
    SlackWebhook,
};
use aistm7_monitoring::redact::Secret;

use super::{critical, start};
use crate::paging::Fault;
use crate::paging::pagerduty::{self, PagerDutyPeer};
use crate::paging::slack::{self, SlackPeer};

fn events(peer: &PagerDutyPeer) -> PagerDuty {
    PagerDuty::events(Secret::new(pagerduty::ROUTING_KEY.to_owned())).unwrap().url(&peer.url()).unwrap()
}

fn bot(peer: &SlackPeer, channel: &str) -> SlackBot {
    SlackBot::new(Secret::new(slack::TOKEN.to_owned()), channel).unwrap().url(&peer.url()).unwrap()
}

/// Long, in several scripts, with markup of everybody's and a secret of ours.
fn hostile() -> Alert {
    let text = "<!channel> \u{1b}[2J\u{202e} \"quoted\" Bearer eyJhbGciOi.secret & 🦀 ".repeat(300);
    let mut alert = critical(&text).summary(&text).description(&text).label("api_key", "secret").runbook(&text);
    for index in 0..100 {
        alert = alert.label(&format!("label-{index}"), &text);
    }
    alert
}

#[tokio::test]
async fn incident_is_triggered_acknowledged_and_resolved_under_one_key() {
    let peer = PagerDutyPeer::start(None).await;
    let pagerduty = events(&peer);
    let alert = critical("SyncFailed").label("source", "ibkr");
    for _ in 0..2 {
        pagerduty.notify(&Notice::of(alert.clone(), start())).await.unwrap();
    }
    assert_eq!(peer.statuses(), ["triggered"]);
    pagerduty.notify(&Notice::of(alert.clone().acknowledged(), start())).await.unwrap();
    assert_eq!(peer.statuses(), ["acknowledged"]);
    let over = alert.resolved(start() + Duration::from_secs(60));
    pagerduty.notify(&Notice::of(over.clone(), start())).await.unwrap();
    assert_eq!(peer.statuses(), ["resolved"]);
    let account = peer.account();
    assert_eq!(account.incidents[0].key, over.fingerprint().to_string());
    let payload = &account.events[0]["payload"];
    assert_eq!(payload["summary"], "SyncFailed in prod/risk-analysis: Something is wrong.");
    assert_eq!(payload["severity"], "critical");
    assert_eq!(payload["custom_details"]["labels"]["source"], "ibkr");
    assert_eq!(account.events[0]["links"][0]["href"], "https://runbooks.example.com/x");
}

#[tokio::test]
async fn changes_are_told_to_pagerduty_and_slack() {
    let (pages, chats) = (PagerDutyPeer::start(None).await, SlackPeer::start(None).await);
    let change = Change::new(Origin::new("risk-analysis", "prod"), "Deployed 1.4.2", start()).link("https://ci/7");
    events(&pages).announce(&change).await.unwrap();
    bot(&chats, "#monitoring").announce(&change).await.unwrap();
    assert_eq!(pages.account().changes[0]["payload"]["summary"], "Deployed 1.4.2");
    assert_eq!(chats.workspace().messages[0].text, "Deployed 1.4.2 (prod/risk-analysis) <https://ci/7|Change>");
}

#[tokio::test]
async fn incident_of_the_rest_api_has_the_urgency_of_its_severity_and_is_opened_once() {
    let peer = PagerDutyPeer::start(None).await;
    let token = || Secret::new(pagerduty::TOKEN.to_owned());
    let rest =
        PagerDutyIncidents::new(token(), "oncall@example.com", pagerduty::SERVICE).unwrap().url(&peer.url()).unwrap();
    let first = critical("SyncFailed");
    let receipt = rest.notify(&Notice::of(first.clone(), start())).await.unwrap().expect("an id");
    // The answer to the first was lost: the key is open already.
    let again = rest.notify(&Notice::of(first.clone(), start())).await.unwrap();
    assert_eq!(again.as_ref(), Some(&receipt));
    let minor = Alert::firing(Origin::new("risk-analysis", "prod"), "Slow", Severity::Warning, start());
    rest.notify(&Notice::of(minor.clone(), start())).await.unwrap();
    let urgencies: Vec<_> = peer.account().incidents.iter().map(|one| one.urgency.clone()).collect();
    assert_eq!(urgencies, ["high", "low"]);
    // By the receipt, and without it by the key; a second time, somebody was faster.
    let over = Notice::of(first.resolved(start()), start()).after(receipt);
    for _ in 0..2 {
        rest.notify(&over).await.unwrap();
    }
    rest.notify(&Notice::of(minor.clone().acknowledged(), start())).await.unwrap();
    rest.notify(&Notice::of(minor.resolved(start()), start())).await.unwrap();
    assert_eq!(peer.statuses(), ["resolved", "resolved"]);
    let stranger =
        PagerDutyIncidents::new(Secret::new("x".to_owned()), "oncall@example.com", pagerduty::SERVICE).unwrap();
    let refused = stranger.url(&peer.url()).unwrap().notify(&Notice::of(critical("A"), start())).await.unwrap_err();
    assert!(refused.is_permanent(), "{refused:?}");
}

#[tokio::test]
async fn message_is_edited_and_its_thread_is_told() {
    let peer = SlackPeer::start(None).await;
    let slack = bot(&peer, "#incidents");
    let alert = critical("SyncFailed");
    let receipt = slack.notify(&Notice::of(alert.clone(), start())).await.unwrap().expect("a message");
    let over = Notice::of(alert.clone().resolved(start()), start() + Duration::from_secs(120)).after(receipt);
    slack.notify(&over).await.unwrap();
    {
        let workspace = peer.workspace();
        let [message] = &workspace.messages[..] else { panic!("{:?}", workspace.messages) };
        assert_eq!(message.text, "[RESOLVED] critical SyncFailed in prod/risk-analysis: Something is wrong.");
        assert_eq!(message.attachments[0]["color"], "#2eb67d");
        assert_eq!((message.edits, &message.replies[..]), (1, &["Resolved after 2m 0s.".to_owned()][..]));
    }
    // A message that somebody deleted is posted anew.
    let gone = Notice::of(alert, start()).after(Receipt::new("C0INCIDENTS 1.5").unwrap());
    assert_ne!(slack.notify(&gone).await.unwrap(), gone.receipt().cloned());
    assert_eq!(peer.workspace().messages.len(), 2);
}

#[tokio::test]
async fn webhook_posts_and_form_that_slack_refuses_is_sent_as_text() {
    let peer = SlackPeer::start(None).await;
    let hook = SlackWebhook::new(Secret::new(peer.hook_url())).unwrap();
    assert!(!format!("{hook:?}").contains("XXXX"));
    assert_eq!(hook.notify(&Notice::of(critical("A"), start())).await.unwrap(), None);
    peer.plan([Fault::Status(400)]);
    hook.notify(&Notice::of(critical("B"), start())).await.unwrap();
    let slack = bot(&peer, "C0MONITORING");
    peer.plan([Fault::NotOk("msg_blocks_too_long")]);
    slack.notify(&Notice::of(critical("C"), start())).await.unwrap();
    let with_blocks: Vec<_> = peer.workspace().messages.iter().map(|one| !one.attachments[0].is_null()).collect();
    assert_eq!(with_blocks, [true, false, false]);
}

#[tokio::test]
async fn hostile_texts_are_within_all_limits_ping_nobody_and_show_no_secret() {
    let (pages, chats) = (PagerDutyPeer::start(None).await, SlackPeer::start(None).await);
    events(&pages).notify(&Notice::of(hostile(), start())).await.unwrap();
    bot(&chats, "#incidents").notify(&Notice::of(hostile(), start())).await.unwrap();
    SlackWebhook::new(Secret::new(chats.hook_url())).unwrap().notify(&Notice::of(hostile(), start())).await.unwrap();
    let shown = format!("{:?} {:?}", pages.account().events, chats.workspace().messages);
    for what in ["secret", "\u{1b}", "\\u{1b}", "\u{202e}", "\\u{202e}"] {
        assert!(!shown.contains(what), "{what:?}");
    }
    assert_eq!(pages.account().invalid, [] as [String; 0]);
}

#[tokio::test]
async fn failures_are_permanent_or_worth_another_attempt_as_the_apis_say() {
    let (pages, chats) = (PagerDutyPeer::start(None).await, SlackPeer::start(None).await);
    let (pagerduty, slack) = (events(&pages), bot(&chats, "#incidents"));
    let notice = Notice::of(critical("A"), start());
    for (fault, expected) in [
        (Fault::TooMany(7), Some(Some(7))),
        (Fault::Status(503), Some(None)),
        (Fault::Status(500), Some(None)),
        (Fault::Break, Some(None)),
        (Fault::TakeAndBreak, Some(None)),
        (Fault::Status(404), None),
        (Fault::Status(403), None),
    ] {
        pages.plan([fault]);
        chats.plan([fault]);
        for error in [pagerduty.notify(&notice).await.unwrap_err(), slack.notify(&notice).await.unwrap_err()] {
            let again = (!error.is_permanent()).then(|| error.again_after().map(|after| after.as_secs()));
            assert_eq!(again, expected, "{fault:?}: {error:?}");
        }
    }
    pages.plan([Fault::Status(400)]);
    assert!(pagerduty.notify(&notice).await.unwrap_err().is_permanent());
    for (code, is_permanent) in [("invalid_auth", true), ("is_archived", true), ("internal_error", false)] {
        chats.plan([Fault::NotOk(code)]);
        let error = slack.notify(&notice).await.unwrap_err();
        assert_eq!(error.is_permanent(), is_permanent, "{error:?}");
    }
    let nowhere = bot(&chats, "#nowhere").notify(&notice).await.unwrap_err();
    assert!(matches!(&nowhere, NotifyError::Refused { said } if said == "channel_not_found"), "{nowhere:?}");
    // What was taken before the connection broke was taken once more without harm.
    assert_eq!(pages.statuses(), ["triggered"]);
}
