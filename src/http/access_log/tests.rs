//! Levels, and what is noted of a request; the lines themselves are in the integration tests.

use std::time::Duration;

use http::{Request, StatusCode};
use tracing::Level;

use super::event::{Finish, Remark};
use super::logger::{AccessLogger, Noted};
use super::options::AccessLog;
use crate::http::grpc::Grpc;
use crate::http::head::RequestHead;
use crate::http::instruments::{Account, Ending, Verdict};
use crate::http::labels::Outcome;
use crate::http::measures::{Measured, ResponseKind};
use crate::metrics::{Meter, Registry};

fn logger(options: AccessLog) -> AccessLogger {
    AccessLogger::register(&Meter::new(&Registry::new()), options).unwrap()
}

fn note<B>(options: AccessLog, request: &Request<B>) -> Option<Box<Noted>> {
    logger(options).note(RequestHead::of(request))
}

const SLOW: Duration = AccessLog::DEFAULT_SLOW_AFTER;
const QUICK: Duration = SLOW.checked_sub(Duration::from_nanos(1)).expect("OK because it is more than a nanosecond");

fn measured(status: Option<u16>, outcome: Outcome, head_after: Duration) -> Measured {
    let verdict = if outcome.is_error() { Verdict::Error } else { Verdict::Fine };
    let kind = if outcome == Outcome::Upgraded { ResponseKind::Upgrade } else { ResponseKind::Finite };
    let status = status.map(|status| StatusCode::from_u16(status).unwrap());
    Measured { ending: Ending { status, outcome, verdict }, head_after, kind, sent: 0, grpc: Grpc::No }
}

fn judge(measured: &Measured) -> (Option<Remark>, Level) {
    let account = Account { method: "GET".into(), route: "/orders/{id}".into() };
    let finish = Finish { account: &account, measured, context: None, noted: None };
    let remark = finish.remark(SLOW);
    (remark, finish.level(remark))
}

#[test]
fn errors_are_errors_slow_is_a_warning_and_a_4xx_is_never_above_info() {
    use Outcome::*;
    for (status, outcome, quick, slow) in [
        (Some(200), Ok, Level::INFO, Level::WARN),
        (Some(404), ClientError, Level::INFO, Level::INFO),
        (Some(500), ServerError, Level::ERROR, Level::ERROR),
        (None, Failed, Level::ERROR, Level::ERROR),
        (Some(200), BodyFailed, Level::ERROR, Level::ERROR),
        (None, Cancelled, Level::INFO, Level::WARN),
        (Some(200), Aborted, Level::INFO, Level::WARN),
        (Some(404), Aborted, Level::INFO, Level::INFO),
        (None, Panicked, Level::ERROR, Level::ERROR),
        (Some(101), Upgraded, Level::INFO, Level::INFO),
    ] {
        for (time, level) in [(QUICK, quick), (SLOW, slow)] {
            let (remark, judged) = judge(&measured(status, outcome, time));
            assert_eq!(judged, level, "{outcome:?} {time:?}");
            let expected = match outcome {
                _ if outcome.is_error() => Some(Remark::Error),
                Upgraded => None,
                _ => (time == SLOW).then_some(Remark::Slow),
            };
            assert_eq!(remark, expected, "{outcome:?} {time:?}");
        }
    }
}

#[test]
fn rule_of_the_service_says_what_an_error_is_but_a_panic_always_is_one() {
    let judged = |status, outcome, verdict| {
        let mut measured = measured(status, outcome, QUICK);
        measured.ending.verdict = verdict;
        judge(&measured)
    };
    assert_eq!(judged(Some(503), Outcome::ServerError, Verdict::Fine), (None, Level::INFO));
    assert_eq!(judged(Some(200), Outcome::Ok, Verdict::Error), (Some(Remark::Error), Level::ERROR));
    assert_eq!(judged(Some(429), Outcome::ClientError, Verdict::Error), (Some(Remark::Error), Level::INFO));
    assert_eq!(judged(None, Outcome::Panicked, Verdict::Fine), (Some(Remark::Error), Level::ERROR));
}

#[test]
fn streams_are_never_slow() {
    let stream = Measured { kind: ResponseKind::Stream, ..measured(Some(200), Outcome::Ok, SLOW) };
    assert_eq!(judge(&stream), (None, Level::INFO));
}

#[test]
fn nothing_is_noted_unless_asked_for_and_paths_have_no_query() {
    let request = || Request::get("https://user:hunter2@shop/a%20b/7?token=hunter2").header("user-agent", "curl/8");
    let noted = |options| note(options, &request().body(()).unwrap());
    assert!(noted(AccessLog::new().request_id().trace_id()).is_none());
    let all = noted(AccessLog::new().path().user_agent()).unwrap();
    assert_eq!((all.path(), all.user_agent().as_deref()), (Some("/a%20b/7"), Some("curl/8")));
    let path = noted(AccessLog::new().path()).unwrap();
    assert_eq!((path.path(), path.user_agent()), (Some("/a%20b/7"), None));
}

#[test]
fn long_texts_are_cut_where_a_character_ends() {
    let odd = "ä".repeat(AccessLog::LONGEST_TEXT);
    let request = Request::get(format!("/{odd}")).header("user-agent", odd.as_bytes()).body(()).unwrap();
    let noted = note(AccessLog::new().path().user_agent(), &request).unwrap();
    let (path, agent) = (noted.path().unwrap(), noted.user_agent().unwrap());
    assert_eq!(path.len(), AccessLog::LONGEST_TEXT - 1, "one byte of a character would be left");
    assert!(odd.starts_with(&path[1..]) && odd.starts_with(&*agent));
    assert_eq!(agent.len(), AccessLog::LONGEST_TEXT);
    let empty = note(AccessLog::new().user_agent(), &Request::new(())).unwrap();
    assert!(Noted::user_agent(&empty).is_none());
}

#[test]
fn shares_that_are_none_are_refused() {
    for share in [0.0, 0.5, 1.0] {
        assert_eq!(AccessLog::new().sample(share).check(), Ok(()));
    }
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(AccessLog::new().sample(share).check().is_err(), "{share}");
    }
}
