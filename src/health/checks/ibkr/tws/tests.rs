use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::wire::framed;
use super::*;

/// A peer that says `parts`, with a pause before each, and then nothing more.
fn saying(parts: Vec<Vec<u8>>, pause: Duration) -> DuplexStream {
    let (ours, mut theirs) = duplex(1024);
    tokio::spawn(async move {
        for part in parts {
            sleep(pause).await;
            // Fails when the probe has given up.
            let _ = theirs.write_all(&part).await;
        }
        std::future::pending::<()>().await;
    });
    ours
}

/// A session in which the gateway says no more than `messages`.
async fn session_of(messages: &[&str]) -> String {
    let said = messages.iter().map(|message| framed(message)).collect();
    let began = Instant::now();
    let connection = Connection::greeted(saying(said, Duration::from_millis(10)), 178);
    let failure = Session::new(connection).judge(1).await.unwrap_err();
    assert_eq!(began.elapsed(), SESSION_LIMIT);
    failure.reason().to_owned()
}

const ACCOUNTS: &str = "15\x001\0DU1\0";
const NEXT_ORDER_ID: &str = "9\x001\x0042\0";

#[tokio::test(start_paused = true)]
async fn session_that_is_not_answered_says_what_is_missing() {
    let farm = "4\x002\0-1\x002103\0Market data farm connection is broken:usfarm\0";
    let lost = "4\x002\0-1\x002110\0Connectivity between TWS and server is broken.\0";
    for (messages, expected) in [
        (&[][..], "not_ready"),
        (&[ACCOUNTS], "not_ready"),
        (&[NEXT_ORDER_ID], "not_ready"),
        // The login names no account.
        (&[NEXT_ORDER_ID, "15\x001\0\0"], "not_ready"),
        (&[farm], "not_ready"),
        (&[lost], "upstream_down"),
        (&[ACCOUNTS, NEXT_ORDER_ID], "no_answer"),
        (&[NEXT_ORDER_ID, ACCOUNTS, farm], "no_answer"),
        (&[ACCOUNTS, NEXT_ORDER_ID, lost], "upstream_down"),
    ] {
        assert_eq!(session_of(messages).await, expected, "{messages:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_that_drips_is_given_up_in_time() {
    let dripping = |bytes: &[u8]| {
        let bytes = bytes.iter().map(|byte| vec![*byte]).collect();
        saying(bytes, Duration::from_millis(200))
    };
    let began = Instant::now();
    let greeting = framed("178\x0020261123 10:00:00 Central Standard Time\0");
    assert_eq!(shake_hands(dripping(&greeting)).await.unwrap_err().reason(), "no_answer");
    assert_eq!(began.elapsed(), HANDSHAKE_LIMIT);

    let began = Instant::now();
    let connection = Connection::greeted(dripping(&framed("0").repeat(100)), 178);
    assert_eq!(Session::new(connection).judge(1).await.unwrap_err().reason(), "not_ready");
    assert_eq!(began.elapsed(), SESSION_LIMIT);
}

#[test]
fn limits_leave_the_runner_nothing_to_abort() {
    let defaults = TwsCheck::passive(&TwsNotices::new()).defaults();
    assert!(format!("{defaults:?}").contains("timeout: Some(5s)"), "{defaults:?}");
    assert!(CONNECT_LIMIT + HANDSHAKE_LIMIT + SESSION_LIMIT < Duration::from_secs(5));
}

#[test]
fn addresses_and_client_ids_that_are_not_for_a_probe_are_refused() {
    for id in [0, LAST_CLIENT_ID + 1, u32::MAX] {
        assert!(TwsCheck::session("localhost:4002", id).is_err(), "{id}");
    }
    assert!(TwsCheck::session("localhost:4002", LAST_CLIENT_ID).is_ok());
    assert!(TwsCheck::session("localhost", 1).is_err());
    assert!(TwsCheck::handshake("http://localhost:4002").is_err());
}
