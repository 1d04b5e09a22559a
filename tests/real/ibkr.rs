//! The gateways that the checks of Interactive Brokers are tested against, judged by independent clients: what these take
//! for the real thing, they understand as our checks do.

use aistm7_monitoring::health::{HealthCheck, IbkrCheck, TwsCheck};
use serde_json::{Value, json};

use crate::support::ibkr::clients::{Client, IB_ASYNC, IBIND, OFFICIAL};
use crate::support::ibkr::portal::{Mode, PortalGateway};
use crate::support::ibkr::tws::{ACCOUNT, TwsGateway};

const CLIENT_ID: u32 = 7;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python's clients; run by tests/run"]
async fn socket_gateway_is_one_to_independent_clients() {
    let gateway = TwsGateway::start();
    let notices = [
        (2104, "Market data farm connection is OK:usfarm"),
        (2105, "HMDS data farm connection is broken:ushmds"),
        (2158, "Sec-def data farm connection is OK:secdefnj"),
    ];
    gateway.set_notices(&notices);
    // The first speaks the older form of notices, the second the newer.
    for (client, version) in [(IB_ASYNC, 178), (OFFICIAL, 200)] {
        let understood = session_of(client, &gateway, 20).await;
        let expected = json!({
            "server_version": version,
            "accounts": [ACCOUNT],
            "next_order_id": 42,
            "time": 1_795_430_400,
            "notices": notices.map(|(code, text)| json!([code, text])),
        });
        assert_eq!(understood, expected, "{client:?}");
    }
    let check = TwsCheck::session(gateway.address().to_string(), CLIENT_ID).unwrap();
    assert_eq!(check.check().await.unwrap().reason(), Some("farm_down"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python's clients; run by tests/run"]
async fn client_id_in_use_is_so_to_independent_clients() {
    let gateway = TwsGateway::start();
    gateway.hold_client_id(CLIENT_ID);
    for client in [IB_ASYNC, OFFICIAL] {
        // One of them hopes to the end.
        let understood = session_of(client, &gateway, 5).await;
        assert_eq!(understood["notices"][0][0], 326, "{client:?}: {understood}");
        assert!(understood.get("accounts").is_none(), "{client:?}: {understood}");
    }
    let check = TwsCheck::session(gateway.address().to_string(), CLIENT_ID).unwrap();
    assert_eq!(check.check().await.unwrap().reason(), Some("client_id_in_use"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python's clients; run by tests/run"]
async fn portal_gateway_is_one_to_an_independent_client() {
    let modes = [
        Mode::Good,
        Mode::Competing,
        Mode::NotAuthenticated,
        Mode::BackendDisconnected,
        Mode::Unauthorized,
        Mode::LoginEnded,
        Mode::Restarting,
    ];
    let mut urls = Vec::new();
    for mode in modes {
        let gateway = PortalGateway::start().await;
        gateway.set_mode(mode);
        urls.push(gateway.url());
    }
    let asked = urls.clone();
    let run = move || IBIND.run(&asked.iter().map(String::as_str).collect::<Vec<_>>());
    let understood = tokio::task::spawn_blocking(run).await.unwrap();
    for ((mode, url), understood) in modes.iter().zip(&urls).zip(understood.as_array().unwrap()) {
        let asking = || IbkrCheck::client_portal(url).unwrap();
        for (call, check) in [("health", asking().keep_alive()), ("auth_status", asking())] {
            let outcome = check.check().await;
            let can_trade = outcome.as_ref().is_ok_and(|report| report.reason().is_none());
            assert_eq!(understood[call], json!(can_trade), "{mode:?}: {outcome:?} and {understood}");
        }
    }
    let login = &understood[0]["login"];
    assert_eq!((&login["RESULT"], &login["LOGIN_TYPE"]), (&json!(true), &json!(2)));
}

async fn session_of(client: Client, gateway: &TwsGateway, patience_seconds: u32) -> Value {
    let arguments = [u32::from(gateway.address().port()), CLIENT_ID, patience_seconds].map(|number| number.to_string());
    let run = move || client.run(&arguments.each_ref().map(String::as_str));
    tokio::task::spawn_blocking(run).await.expect("the client ends")
}
