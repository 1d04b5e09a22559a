use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use aistm7_monitoring::health::{Datum, HealthCheck, TwsCheck};

use super::said;
use crate::ibkr_peers::tws::{ACCOUNT, TwsGateway, frame, listening};
use crate::poll::eventually_async;

/// For what a thread of this process does in a moment.
const SOON: Duration = Duration::from_secs(20);

const CLIENT_ID: u32 = 77;

fn handshake(address: SocketAddr) -> TwsCheck {
    TwsCheck::handshake(address.to_string()).unwrap()
}

fn session(address: SocketAddr) -> TwsCheck {
    TwsCheck::session(address.to_string(), CLIENT_ID).unwrap()
}

/// Until the gateway has seen the last session end.
async fn closed(gateway: &TwsGateway) {
    eventually_async(SOON, async || match gateway.sessions() {
        0 => Ok(()),
        open => Err(format!("{open} sessions are open")),
    })
    .await;
}

#[tokio::test]
async fn handshake_takes_no_client_id_and_stays_with_text() {
    let gateway = TwsGateway::start();
    gateway.hold_client_id(CLIENT_ID);
    for _ in 0..3 {
        let report = handshake(gateway.address()).check().await.unwrap();
        assert_eq!(report.data(), [("server_version", Datum::from(200))]);
    }
    assert_eq!(gateway.offers(), ["v100..200"; 3]);
    assert!(gateway.messages().is_empty(), "{:?}", gateway.messages());
}

#[tokio::test]
async fn session_is_healthy_when_the_login_can_trade() {
    let gateway = TwsGateway::start();
    gateway.set_notices(&[
        (2104, "Market data farm connection is OK:usfarm"),
        (2158, "Sec-def data farm connection is OK:secdefnj"),
    ]);
    let check = session(gateway.address());
    for _ in 0..3 {
        let report = check.check().await.unwrap();
        assert_eq!((report.reason(), report.data()), (None, [("server_version", Datum::from(200))].as_slice()));
        closed(&gateway).await;
    }
    // Three times the same: nothing but a session, and the time.
    let id = CLIENT_ID.to_string();
    let run = [vec!["71", "2", &id, ""], vec!["49", "1"]];
    assert_eq!(gateway.messages(), [run.clone(), run.clone(), run].concat());
}

#[tokio::test]
async fn session_tells_apart_what_the_gateway_lacks() {
    let farm = (2103, "Market data farm connection is broken:usfarm");
    let lost = (2110, "Connectivity between TWS and server is broken. It will be restored automatically.");
    for (notices, expected) in [
        (&[farm][..], "degraded:farm_down"),
        (&[farm, lost], "upstream_down"),
        (&[lost, (1102, "restored")], "healthy"),
        (&[(1101, "restored, data lost")], "degraded:resubscribe_needed"),
        (&[(1300, "TWS socket port has been reset - 7498")], "port_changed"),
    ] {
        let gateway = TwsGateway::start();
        gateway.set_notices(notices);
        assert_eq!(said(&session(gateway.address())).await, expected, "{notices:?}");
    }
}

#[tokio::test]
async fn client_id_in_use_only_degrades_and_passes() {
    let gateway = TwsGateway::start();
    let check = session(gateway.address());
    gateway.hold_client_id(CLIENT_ID);
    assert_eq!(said(&check).await, "degraded:client_id_in_use");
    gateway.release_client_id(CLIENT_ID);
    assert_eq!(said(&check).await, "healthy");
}

#[tokio::test]
async fn peers_that_are_no_gateway_are_told_apart_by_reason() {
    let greeting = frame(b"178\x0020261123 10:00:00 Central Standard Time\0");
    let version = |version: &str| frame(format!("{version}\x0020261123 10:00:00 EST\0").as_bytes());
    for (bytes, expected) in [
        // Half a greeting, of a frame and of its length.
        (greeting[..12].to_vec(), "hung_up"),
        (greeting[..2].to_vec(), "hung_up"),
        (Vec::new(), "hung_up"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "invalid_response"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "invalid_response"),
        (vec![0xFF; 4096], "invalid_response"),
        (0x7FFF_FFFF_u32.to_be_bytes().to_vec(), "invalid_response"),
        (frame(b""), "invalid_response"),
        (frame(b"\0\0"), "invalid_response"),
        (frame(&[0xFF; 100]), "invalid_response"),
        (version("-1"), "invalid_response"),
        (version("99"), "invalid_response"),
        (version("201"), "invalid_response"),
        (version("99999999999999999999"), "invalid_response"),
    ] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let peer = listening(move |mut stream| {
            // The probe speaks first; closing with its words unread would be a reset.
            let mut hello = [0; 17];
            let _ = stream.read_exact(&mut hello);
            let _ = stream.write_all(&bytes);
        });
        assert_eq!(said(&handshake(peer)).await, expected, "{shown:?}");
        assert_eq!(said(&session(peer)).await, expected, "{shown:?}");
    }
}

#[tokio::test]
async fn sessions_that_go_wrong_are_told_apart_by_reason() {
    let greeting = frame(b"178\x0020261123 10:00:00 Central Standard Time\0");
    let said_after_start: [(Vec<u8>, &str); 6] = [
        (Vec::new(), "hung_up"),
        (frame(b"15\x001\0DU1\0")[..7].to_vec(), "hung_up"),
        (vec![0xFF; 64], "invalid_response"),
        (u32::MAX.to_be_bytes().to_vec(), "invalid_response"),
        // What it cannot read it passes over.
        ([frame(b""), frame(&[0xFF; 100]), frame(b"4"), frame(b"4\x002\0-1\0x\0")].concat(), "hung_up"),
        // Frames without end.
        (frame(b"").repeat(100_000), "hung_up"),
    ];
    for (bytes, expected) in said_after_start {
        let greeting = greeting.clone();
        let peer = listening(move |mut stream| {
            let mut hello = [0; 17];
            let _ = stream.read_exact(&mut hello).and_then(|()| stream.write_all(&greeting));
            let mut start = [0; 13];
            let _ = stream.read_exact(&mut start).and_then(|()| stream.write_all(&bytes));
        });
        assert_eq!(said(&session(peer)).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn peers_that_hang_are_told_from_those_that_are_not_there() {
    let kept = Mutex::new(Vec::new());
    let silent = listening(move |stream: TcpStream| kept.lock().unwrap().push(stream));
    assert_eq!(said(&handshake(silent)).await, "no_answer");
    assert_eq!(said(&session(silent)).await, "no_answer");

    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(said(&handshake(gone)).await, "gateway_unreachable");
    assert_eq!(said(&session(gone)).await, "gateway_unreachable");
    assert_eq!(said(&TwsCheck::handshake("no-such-host.invalid:4002").unwrap()).await, "gateway_unreachable");
}

#[tokio::test]
async fn accounts_and_texts_of_the_gateway_are_shown_nowhere() {
    for code in [2103, 2105, 2157, 1100, 1101, 1300, 2110, 326, 201] {
        let gateway = TwsGateway::start();
        gateway.set_notices(&[(code, "of account:DU7654321 hunter2"), (code, "hunter2 DU7654321")]);
        let outcome = session(gateway.address()).check().await;
        let shown = format!("{outcome:?}");
        assert!(!shown.contains(ACCOUNT) && !shown.contains("hunter2"), "{shown}");
    }
}
