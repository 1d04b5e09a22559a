//! What it does with settings that cannot be.

use super::SOON;
use crate::support::example::run_to_exit;

/// What no message may repeat.
const SECRET: &str = "hunter2";

/// As long as a key of PagerDuty's must be.
const PAGERDUTY_KEY: &str = "0123456789abcdef0123456789abcdef";

/// Both addresses, so that a value that is accepted by mistake takes no port that is somebody's.
const ANY_PORTS: [(&str, &str); 2] = [("LISTEN_ADDR", "127.0.0.1:0"), ("ADMIN_ADDR", "127.0.0.1:0")];

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn bad_value_ends_it_with_code_2_and_one_line_that_names_value_and_rule() {
    for (name, value, shown, rule) in [
        ("LISTEN_ADDR", "nonsense", r#"LISTEN_ADDR="nonsense""#, "an address such as 127.0.0.1:8080"),
        ("LISTEN_ADDR", "127.0.0.1", r#"LISTEN_ADDR="127.0.0.1""#, "an address such as 127.0.0.1:8080"),
        ("ADMIN_ADDR", "9464\n", r#"ADMIN_ADDR="9464\n""#, "an address such as 127.0.0.1:9464"),
        ("AISTM7_ADMIN_ADDR", "localhost:1", r#""localhost:1""#, "an IP address and a port"),
        ("DATABASE_URL", "mysql://u:hunter2@db/x", "DATABASE_URL", "a URL such as postgres://"),
        ("DATABASE_URL", "postgres://u:hunter2@db:port/x", "DATABASE_URL", "a URL such as postgres://"),
        ("DATABASE_URL", "hunter2", "DATABASE_URL", "a URL such as postgres://"),
        ("REDIS_URL", "redis://:hunter2@cache:port", "REDIS_URL", "a URL such as redis://"),
        ("REDIS_URL", "cache hunter2", "REDIS_URL", "a URL such as redis://"),
        ("IBKR_URL", "u:hunter2@localhost:5000", "IBKR_URL", "a URL such as https://"),
        ("IBKR_URL", "https://u:hunter2@localhost:5000/v1/api", "https://localhost:5000", "no user or password"),
        ("SOLANA_RPC_URL", "https:///?api-key=hunter2", "SOLANA_RPC_URL", "a URL such as https://"),
        ("SOLANA_RPC_URL", "https://u:hunter2@rpc.example/", "https://rpc.example", "no user or password"),
        ("RUST_LOG", "info,=loud", r#""=loud""#, "a level (off, error, warn, info, debug, trace)"),
        ("RUST_LOG", "sqlx=loud", r#""sqlx=loud""#, "a level (off, error, warn, info, debug, trace)"),
        ("AISTM7_ENVIRONMENT", "pr od", r#""pr od""#, "1 to 63 of a-z"),
        ("AISTM7_ENVIRONMENT", "a\nb", r#""a\nb""#, "1 to 63 of a-z"),
        ("AISTM7_SERVICE", "Orders!", r#""Orders!""#, "1 to 63 of a-z"),
        ("AISTM7_REPLICAS", "some", r#""some""#, "a whole number from 1"),
    ] {
        let environment: Vec<(&str, &str)> =
            ANY_PORTS.into_iter().filter(|(fixed, _)| *fixed != name).chain([(name, value)]).collect();
        let (status, told) = run_to_exit(&environment, &[], SOON);
        let case = format!("{name}={value:?}: {status}: {told}");
        assert_eq!(status.code(), Some(2), "{case}");
        assert_eq!((told.lines().count(), told.ends_with('\n')), (1, true), "{case}");
        assert!(told.contains(shown) && told.contains(rule), "{case}");
        assert!(!told.contains(SECRET), "{case}");
    }
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn several_replicas_that_would_each_page_end_with_code_2_and_what_to_do() {
    let several = [ANY_PORTS[0], ANY_PORTS[1], ("AISTM7_REPLICAS", "3")];
    let (status, told) = run_to_exit(&[&several[..], &[("PAGERDUTY_KEY", PAGERDUTY_KEY)]].concat(), &[], SOON);
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(told.contains(r#""pager""#) && told.contains("push to an Alertmanager"), "{told}");
    assert!(!told.contains(PAGERDUTY_KEY), "{told}");
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn help_is_no_error_and_an_unknown_argument_is_one() {
    let nonsense = [("LISTEN_ADDR", "nonsense")];
    let (status, told) = run_to_exit(&nonsense, &["--help"], SOON);
    assert_eq!(status.code(), Some(0), "{told}");
    for name in ["--demo", "LISTEN_ADDR", "ADMIN_ADDR", "DATABASE_URL", "REDIS_URL", "IBKR_URL", "SOLANA_RPC_URL"] {
        assert!(told.contains(name), "{name} in {told}");
    }
    let (status, told) = run_to_exit(&ANY_PORTS, &["--dmeo"], SOON);
    assert_eq!((status.code(), told.lines().count()), (Some(2), 1), "{told}");
    assert!(told.contains(r#""--dmeo""#), "{told}");
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn taken_port_ends_it_with_code_1_and_says_which() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for name in ["LISTEN_ADDR", "ADMIN_ADDR"] {
        let environment: Vec<(&str, &str)> =
            ANY_PORTS.into_iter().filter(|(fixed, _)| *fixed != name).chain([(name, address.as_str())]).collect();
        let (status, told) = run_to_exit(&environment, &[], SOON);
        assert_eq!(status.code(), Some(1), "{told}");
        assert!(told.contains(&address) && told.contains("already in use"), "{told}");
    }
}

#[test]
#[ignore = "needs the example built; run by tests/run"]
fn unreachable_database_ends_it_with_code_1_and_keeps_the_password() {
    let unused = crate::support::port::loopback(crate::support::port::free_port());
    let url = format!("postgres://u:{SECRET}@{unused}/db");
    let environment = [ANY_PORTS[0], ANY_PORTS[1], ("DATABASE_URL", url.as_str())];
    let (status, told) = run_to_exit(&environment, &[], SOON);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("the store cannot be prepared") && !told.contains(SECRET), "{told}");
}
