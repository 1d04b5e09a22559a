use std::io::{Read, Write};
use std::time::Duration;

use aistm7_monitoring::clock::ManualClock;
use aistm7_monitoring::health::{CheckOptions, Datum, HealthCheck, IbkrAccount, IbkrCheck, Status, View};
use axum::Router;
use serde_json::json;

use super::said;
use crate::ibkr_peers::portal::{Mode, PortalGateway, SECRETS};
use crate::ibkr_peers::tws::listening;
use crate::service::{Lines, all_lines, builder, serve, until};

const STATUS: &str = "POST /v1/api/iserver/auth/status";
const TICKLE: &str = "POST /v1/api/tickle";
const VALIDATE: &str = "GET /v1/api/sso/validate";

/// Between two runs.
const RUN: Duration = Duration::from_secs(30);

/// A check on a clock that stands still, and the clock.
fn checking(gateway: &PortalGateway, settings: impl FnOnce(IbkrCheck) -> IbkrCheck) -> (IbkrCheck, ManualClock) {
    let held = ManualClock::new();
    let mut check = settings(IbkrCheck::client_portal(&gateway.url()).unwrap());
    check.use_clock(&held.clock());
    (check, held)
}

fn as_it_is(check: IbkrCheck) -> IbkrCheck {
    check
}

#[tokio::test]
async fn reasons_are_the_same_with_and_without_keep_alive() {
    for (mode, expected) in [
        (Mode::Good, "healthy"),
        (Mode::Competing, "competing_session"),
        (Mode::NotAuthenticated, "not_authenticated"),
        (Mode::BackendDisconnected, "backend_disconnected"),
        (Mode::Unauthorized, "no_session"),
        (Mode::NoSession, "no_session"),
        (Mode::LoginEnded, "login_required"),
        (Mode::LoginEndedNoSession, "login_required"),
        (Mode::Restarting, "ibkr_restarting"),
        (Mode::RateLimited, "degraded:rate_limited"),
        (Mode::Forbidden, "forbidden"),
    ] {
        for settings in [as_it_is, IbkrCheck::keep_alive] {
            let gateway = PortalGateway::start().await;
            gateway.set_mode(mode);
            let (check, held) = checking(&gateway, settings);
            assert_eq!(said(&check).await, expected, "{mode:?}");
            // And with what is remembered.
            held.advance(RUN);
            assert_eq!(said(&check).await, expected, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn without_keep_alive_nothing_is_prolonged_and_little_is_asked() {
    let gateway = PortalGateway::start().await;
    let (check, held) = checking(&gateway, as_it_is);
    for _ in 0..4 {
        assert_eq!(said(&check).await, "healthy");
        held.advance(RUN);
    }
    assert_eq!(gateway.take_requests(), [STATUS, VALIDATE, STATUS, STATUS, VALIDATE, STATUS]);
}

#[tokio::test]
async fn keep_alive_is_one_tickle_a_minute_instead_of_a_question() {
    let gateway = PortalGateway::start().await;
    let (check, held) = checking(&gateway, IbkrCheck::keep_alive);
    for _ in 0..4 {
        assert_eq!(said(&check).await, "healthy");
        held.advance(RUN);
    }
    assert_eq!(gateway.take_requests(), [TICKLE, STATUS, TICKLE, STATUS]);

    // Ten minutes of failures, which are looked at again after a third of the interval: no more tickles than before.
    gateway.set_mode(Mode::NotAuthenticated);
    for _ in 0..60 {
        said(&check).await;
        held.advance(Duration::from_secs(10));
    }
    let requests = gateway.take_requests();
    let count = |call| requests.iter().filter(|request| *request == call).count();
    assert_eq!((count(TICKLE), count(STATUS), count(VALIDATE)), (10, 50, 10), "of {}", requests.len());
    assert_eq!(requests.len(), 70, "no session is opened, and none is taken from anybody");
}

#[tokio::test]
async fn login_to_another_kind_of_account_is_wrong() {
    let gateway = PortalGateway::start().await;
    let (paper, held) = checking(&gateway, |check| check.expect(IbkrAccount::Paper));
    let (live, _) = checking(&gateway, |check| check.expect(IbkrAccount::Live).keep_alive());
    assert_eq!(said(&paper).await, "healthy");
    assert_eq!(said(&live).await, "wrong_account_mode");
    assert_eq!(paper.check().await.unwrap().data()[1], ("account_mode", Datum::from("paper")));

    // Somebody logs in elsewhere: seen with the first good session, whatever was asked a moment ago.
    gateway.set_mode(Mode::NotAuthenticated);
    held.advance(RUN);
    assert_eq!(said(&paper).await, "not_authenticated");
    gateway.set_mode(Mode::Good);
    gateway.set_login_type(json!(1));
    held.advance(Duration::from_secs(10));
    assert_eq!(said(&paper).await, "wrong_account_mode");
    // Somebody did so between two runs.
    gateway.set_login_type(json!(2));
    held.advance(RUN);
    assert_eq!(said(&paper).await, "wrong_account_mode");
    held.advance(RUN);
    assert_eq!(said(&paper).await, "healthy");

    for unknown in [json!(3), json!("2"), json!(null)] {
        let gateway = PortalGateway::start().await;
        gateway.set_login_type(unknown);
        let (check, _) = checking(&gateway, |check| check.expect(IbkrAccount::Paper));
        assert_eq!(said(&check).await, "degraded:account_mode_unknown");
    }
}

#[tokio::test]
async fn login_that_ends_is_seen_between_questions() {
    let gateway = PortalGateway::start().await;
    gateway.set_login_left_ms(json!(100_000));
    for settings in [as_it_is, IbkrCheck::keep_alive] {
        let (check, held) = checking(&gateway, settings);
        let report = check.check().await.unwrap();
        assert_eq!(report.data()[0], ("login_left_seconds", Datum::Number(100.0)));
        assert_eq!(report.status(), Status::Healthy);
        held.advance(Duration::from_secs(41));
        let report = check.check().await.unwrap();
        assert_eq!(report.reason(), Some("session_expiring"));
        assert_eq!(report.data()[0], ("login_left_seconds", Datum::Number(59.0)));
        held.advance(Duration::from_secs(19));
        assert_eq!(said(&check).await, "healthy", "asked again, and it has a hundred seconds more");
    }
    // What is no time, and what is beyond all clocks.
    for odd in [json!(null), json!("soon"), json!(-1), json!(u64::MAX)] {
        gateway.set_login_left_ms(odd);
        let (check, _) = checking(&gateway, as_it_is);
        assert_eq!(said(&check).await, "healthy");
    }
}

#[tokio::test]
async fn penalty_lasts_a_quarter_of_an_hour_whatever_call_earned_it() {
    let minute = Duration::from_secs(60);
    for (mode, retry_after, minutes, before) in [
        (Mode::RateLimited, None, 15, vec![STATUS]),
        // Earlier is too early, later is not.
        (Mode::RateLimited, Some("1"), 15, vec![STATUS]),
        (Mode::RateLimited, Some("Wed, 21 Oct 2026 07:28:00 GMT"), 15, vec![STATUS]),
        (Mode::RateLimited, Some("1200"), 20, vec![STATUS]),
        (Mode::ValidateRateLimited, Some("1"), 15, vec![STATUS, VALIDATE]),
    ] {
        let gateway = PortalGateway::start().await;
        gateway.set_mode(mode);
        if let Some(seconds) = retry_after {
            gateway.set_retry_after(seconds);
        }
        let (check, held) = checking(&gateway, as_it_is);
        for _ in 0..minutes {
            assert_eq!(said(&check).await, "degraded:rate_limited");
            held.advance(minute);
        }
        assert_eq!(gateway.take_requests(), before, "{mode:?} {retry_after:?}");
        gateway.set_mode(Mode::Good);
        assert_eq!(said(&check).await, "healthy", "{mode:?} {retry_after:?}");
    }
}

#[tokio::test]
async fn session_that_can_trade_waits_for_no_news_of_its_login() {
    let gateway = PortalGateway::start().await;
    gateway.set_mode(Mode::ValidateHangs);
    let (check, _) = checking(&gateway, as_it_is);
    let (paper, _) = checking(&gateway, |check| check.expect(IbkrAccount::Paper));
    let (check, paper) = tokio::join!(said(&check), said(&paper));
    assert_eq!((check.as_str(), paper.as_str()), ("healthy", "degraded:account_mode_unknown"));
}

#[tokio::test]
async fn gateway_that_drips_is_given_up_by_the_runner() {
    let dripping = listening(|mut stream| {
        std::thread::spawn(move || {
            let mut request = [0; 16];
            let _ = stream.read_exact(&mut request).and_then(|()| stream.write_all(b"HTTP/1.1 200 OK\r\nX-Filler: "));
            // Until the check has given up.
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    });
    let check = IbkrCheck::client_portal(&format!("http://{dripping}/v1/api")).unwrap();
    let quick = CheckOptions::new().timeout(Duration::from_millis(100)).failure_threshold(1);
    let monitoring = builder(&Lines::default()).check_with("ibkr", check, quick).build().unwrap();
    until("first results", || monitoring.health().report().is_started().then_some(())).await;
    assert_eq!(monitoring.health().report().check("ibkr").unwrap().reason, Some("timeout"));
}

#[tokio::test]
async fn identifiers_of_the_session_are_shown_nowhere() {
    for mode in Mode::ALL {
        let gateway = PortalGateway::start().await;
        gateway.set_mode(mode);
        let lines = Lines::default();
        let quick = || CheckOptions::new().failure_threshold(1);
        let check = || IbkrCheck::client_portal(&gateway.url()).unwrap();
        let monitoring = builder(&lines)
            .check_with("ibkr", check().expect(IbkrAccount::Live), quick())
            .check_with("ibkr-kept", check().keep_alive(), quick())
            .build()
            .unwrap();
        until("first results", || monitoring.health().report().is_started().then_some(())).await;
        let (alone, _) = checking(&gateway, |check| check.expect(IbkrAccount::Paper));
        let outcome = alone.check().await;
        let shown = [
            format!("{outcome:?} {alone:?}"),
            format!("{:?}", monitoring.health().report()),
            monitoring.health().check_view("ibkr", View::details()).unwrap().body,
            monitoring.health().details().body,
            monitoring.registry().render(),
        ];
        all_lines(&monitoring, &lines).await;
        let log = String::from_utf8(lines.bytes()).unwrap();
        for text in shown.iter().chain([&log]) {
            for secret in SECRETS {
                assert!(!text.contains(secret), "{mode:?}: {secret} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn follower_says_what_the_service_that_asks_says() {
    for (mode, to_operators, to_strangers) in [
        (Mode::Good, "healthy", "healthy"),
        (Mode::LoginEnded, "login_required", "service_unhealthy"),
        (Mode::RateLimited, "degraded:rate_limited", "degraded:service_degraded"),
    ] {
        let gateway = PortalGateway::start().await;
        gateway.set_mode(mode);
        let asking = IbkrCheck::client_portal(&gateway.url()).unwrap();
        let monitoring = builder(&Lines::default())
            .check_with("ibkr", asking, CheckOptions::new().failure_threshold(1))
            .build()
            .unwrap();
        until("first results", || monitoring.health().report().is_started().then_some(())).await;
        let public = serve(Router::new().merge(monitoring.routes())).await;
        let admin = serve(Router::new().merge(monitoring.admin_routes())).await;
        gateway.take_requests();
        for (address, expected) in [(admin, to_operators), (public, to_strangers)] {
            let follower = IbkrCheck::follow(&format!("http://{address}/health/ibkr")).unwrap();
            assert_eq!(said(&follower).await, expected, "{mode:?}");
        }
        assert!(gateway.take_requests().is_empty(), "who follows asks no gateway");
    }
}

#[tokio::test]
async fn follower_takes_over_no_text_of_another_service() {
    for (body, expected) in [
        (json!({"status": "unhealthy", "reason": "hunter2"}), "service_unhealthy"),
        (json!({"status": "degraded", "reason": "maintenance"}), "degraded:maintenance"),
        (json!({"status": "unknown", "reason": 7}), "degraded:service_degraded"),
        (json!({"status": "healthy", "reason": "login_required"}), "healthy"),
        (json!({"error": "not found"}), "invalid_response"),
    ] {
        let text = body.to_string();
        let app = Router::new().fallback(move || std::future::ready(text.clone()));
        let follower = IbkrCheck::follow(&format!("http://{}/health/ibkr", serve(app).await)).unwrap();
        assert_eq!(said(&follower).await, expected, "{body}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(said(&IbkrCheck::follow(&format!("http://{nobody}/")).unwrap()).await, "service_unreachable");
    assert!(IbkrCheck::follow("http://user:hunter2@h/health/ibkr").is_err());
}
