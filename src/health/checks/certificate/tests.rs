use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;
use crate::clock::ManualClock;
use crate::health::checks::peer::Peer;

/// From when to when a certificate is valid, counted from now.
#[derive(Clone, Copy)]
struct Valid {
    from: i32,
    days: i32,
}

fn valid_for(days: i32) -> Valid {
    Valid { from: -100, days }
}

/// Until yesterday.
const ENDED: Valid = Valid { from: -100, days: -1 };

static NOW: LazyLock<SystemTime> = LazyLock::new(|| Clock::system().wall());

/// An authority for tests, or one that it vouches for.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn days_from_now(days: i32) -> SystemTime {
    let distance = DAY * days.unsigned_abs();
    if days < 0 { *NOW - distance } else { *NOW + distance }
}

fn params(host: &str, valid: Valid) -> CertificateParams {
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, host);
    params.not_before = days_from_now(valid.from).into();
    params.not_after = days_from_now(valid.days).into();
    params
}

fn authority_params(name: &str, valid: Valid) -> CertificateParams {
    let mut params = params(name, valid);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(authority_params(name, valid_for(3650)), KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate that `authority` vouches for; it shows `others` beside it.
fn server(authority: &Authority, host: &str, valid: Valid, others: &[&Authority]) -> Peer {
    let key = KeyPair::generate().unwrap();
    let own = params(host, valid).signed_by(&key, authority).unwrap();
    let chain = std::iter::once(own.der()).chain(others.iter().map(|other| other.der())).cloned().collect();
    Peer::tls(chain, private(&key), "{}")
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

fn check(peer: &Peer, trusted: &Authority) -> TlsCertificateCheck {
    TlsCertificateCheck::new(peer.address()).unwrap().pinned_certificate(&trusted.pem()).unwrap()
}

/// The code of a failure, or `degraded:` and that of a report.
async fn said(check: &TlsCertificateCheck) -> String {
    match check.check().await {
        Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
        Err(failure) => failure.reason().to_owned(),
    }
}

const HERE: &str = "127.0.0.1";

#[tokio::test]
async fn certificates_are_told_apart_by_time_and_name() {
    let root = root("authority");
    for (host, valid, expected) in [
        (HERE, valid_for(90), "healthy"),
        (HERE, valid_for(22), "healthy"),
        (HERE, valid_for(20), "degraded:expiring"),
        (HERE, valid_for(8), "degraded:expiring"),
        (HERE, valid_for(6), "expiring_soon"),
        (HERE, ENDED, "expired"),
        (HERE, Valid { from: 1, days: 90 }, "not_yet_valid"),
        ("shop.example", valid_for(90), "wrong_name"),
    ] {
        let peer = server(&root, host, valid, &[]);
        assert_eq!(said(&check(&peer, &root)).await, expected, "{host}, {} days", valid.days);
    }
    let elsewhere = server(&root, "shop.example", valid_for(90), &[]);
    let asked_for = |name| check(&elsewhere, &root).server_name(name).unwrap();
    assert_eq!(said(&asked_for("shop.example")).await, "healthy");
    assert_eq!(said(&asked_for("other.example")).await, "wrong_name");
    let short_lived = server(&root, HERE, valid_for(6), &[]);
    let renewed_daily = check(&short_lived, &root).left_at_least(3 * DAY, DAY).unwrap();
    assert_eq!(said(&renewed_daily).await, "healthy");
}

#[tokio::test]
async fn certificates_that_nobody_vouches_for_are_told_apart() {
    let (root, other) = (root("authority"), root("other authority"));
    let peer = server(&root, HERE, valid_for(90), &[]);
    assert_eq!(said(&check(&peer, &other)).await, "untrusted");
    let unknown_here = TlsCertificateCheck::new(peer.address()).unwrap();
    assert_eq!(said(&unknown_here).await, "untrusted", "the system knows no authority of a test");

    let key = KeyPair::generate().unwrap();
    for (valid, unknown, known) in [(valid_for(90), "self_signed", "healthy"), (ENDED, "expired", "expired")] {
        let certificate = params(HERE, valid).self_signed(&key).unwrap();
        let peer = Peer::tls(vec![certificate.der().clone()], private(&key), "{}");
        assert_eq!(said(&check(&peer, &root)).await, unknown);
        let pinned = TlsCertificateCheck::new(peer.address()).unwrap().pinned_certificate(&certificate.pem()).unwrap();
        assert_eq!(said(&pinned).await, known, "pinned, {} days", valid.days);
    }
}

#[tokio::test]
async fn chain_is_looked_at_as_it_is_shown() {
    let root = root("authority");
    let vouched_for = |valid| {
        let key = KeyPair::generate().unwrap();
        CertifiedIssuer::signed_by(authority_params("intermediate", valid), key, &root).unwrap()
    };
    let (lasting, ending, ended) = (vouched_for(valid_for(400)), vouched_for(valid_for(10)), vouched_for(ENDED));
    assert_eq!(said(&check(&server(&lasting, HERE, valid_for(90), &[&lasting]), &root)).await, "healthy");
    assert_eq!(said(&check(&server(&ending, HERE, valid_for(90), &[&ending]), &root)).await, "degraded:chain_expiring");
    assert_eq!(said(&check(&server(&ended, HERE, valid_for(90), &[&ended]), &root)).await, "expired");
    // Nobody needs it, but some clients stumble over it.
    let surplus = server(&root, HERE, valid_for(90), &[&ended]);
    assert_eq!(said(&check(&surplus, &root)).await, "degraded:chain_expiring");
    // Without it nobody can follow.
    assert_eq!(said(&check(&server(&lasting, HERE, valid_for(90), &[]), &root)).await, "untrusted");
}

#[tokio::test]
async fn ports_without_tls_are_told_from_ports_without_anybody() {
    let plain = Peer::speaking_first("SSH-2.0-server\r\n");
    let check = |peer: &Peer| TlsCertificateCheck::new(peer.address()).unwrap();
    assert_eq!(said(&check(&plain)).await, "tls");
    assert_eq!(check(&plain).certificate_not_after(), None);
    let nobody = crate::health::checks::peer::nobody().replace("http://", "");
    assert_eq!(said(&TlsCertificateCheck::new(nobody).unwrap()).await, "refused");
}

#[test]
fn time_left_is_judged_to_the_second() {
    let held = ManualClock::new();
    let now = held.clock().wall();
    let mut check = TlsCertificateCheck::new("shop.example:443").unwrap().left_at_least(3 * DAY, DAY).unwrap();
    check.use_clock(&held.clock());
    let second = Duration::from_secs(1);
    let judged = |not_after, others_not_after| {
        let chain = Chain { not_after, others_not_after, issuer: Issuer::Another };
        match check.judge(&chain) {
            Ok(report) => (report.reason(), report.data().to_vec()),
            Err(failure) => (Some(failure.reason()), failure.data().to_vec()),
        }
    };
    for (not_after, reason) in [
        (now + 3 * DAY, None),
        (now + 3 * DAY - second, Some("expiring")),
        (now + DAY, Some("expiring")),
        (now + DAY - second, Some("expiring_soon")),
        (now, Some("expiring_soon")),
        (now - second, Some("expired")),
    ] {
        assert_eq!(judged(not_after, None).0, reason, "{not_after:?}");
    }
    assert_eq!(judged(now - second, None).1, [("left_seconds", (-1.0).into())]);
    assert_eq!(judged(now + 9 * DAY, Some(now + 3 * DAY)).0, None);
    let (reason, data) = judged(now + 9 * DAY, Some(now));
    assert_eq!((reason, data[0].clone()), (Some("chain_expiring"), ("chain_left_seconds", 0.0.into())));
}

#[test]
fn what_no_certificate_could_be_for_is_refused() {
    for good in ["shop.example:443", "127.0.0.1:8443", "[::1]:443"] {
        assert!(TlsCertificateCheck::new(good).is_ok(), "{good}");
    }
    for bad in ["shop.example", "https://shop.example:443", "shop..example:443", "a b:443", ":443", "shop.example:0"] {
        assert!(TlsCertificateCheck::new(bad).is_err(), "{bad}");
    }
    let check = || TlsCertificateCheck::new("shop.example:443").unwrap();
    assert!(check().server_name("").is_err());
    assert!(check().left_at_least(DAY, 2 * DAY).is_err());
    assert!(check().pinned_certificate("no certificate").is_err());
}

#[cfg(all(feature = "http-check", feature = "ibkr", feature = "solana"))]
#[test]
fn every_check_over_tls_shows_when_the_certificate_ends() {
    use crate::drain::Drain;
    use crate::health::{Health, HttpCheck, IbkrCheck, Registered, ServiceCheck, SolanaCheck, SolanaWebSocketCheck};
    use crate::metrics::{Meter, Registry};

    // Whether it is trusted does not matter; one that has ended is refused, and worth an alert all the same.
    let root = root("authority");
    let lasting = server(&root, HERE, valid_for(90), &[]);
    let ended = server(&root, HERE, ENDED, &[]);
    let (url, plain) = (lasting.url("https", ""), Peer::json("{}").url("http", ""));
    let checks = vec![
        Registered::new("certificate", check(&lasting, &root)),
        Registered::new("ended", check(&ended, &root)),
        Registered::new("untrusted", HttpCheck::get(&url).unwrap()),
        Registered::new("pinned", HttpCheck::get(&url).unwrap().pinned_certificate(&root.pem()).unwrap()),
        Registered::new("service", ServiceCheck::follow(&url).unwrap()),
        Registered::new("ibkr", IbkrCheck::client_portal(&url).unwrap()),
        Registered::new("solana", SolanaCheck::new(&url).unwrap()),
        Registered::new("websocket", SolanaWebSocketCheck::new(&url.replace("https", "wss")).unwrap()),
        Registered::new("plain", HttpCheck::get(&plain).unwrap()),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let registry = Registry::new();
    let handle = runtime.handle().clone();
    let health = Health::start(checks, Clock::system(), Drain::new(), &Meter::new(&registry), handle).unwrap();
    runtime.block_on(health.refresh());
    let snapshot = registry.snapshot();
    let shown = |check| snapshot.value("tls_certificate_not_after_timestamp_seconds", &[("check", check)]);
    let ends = |days| days_from_now(days).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as f64;
    for name in ["certificate", "untrusted", "pinned", "service", "ibkr", "solana", "websocket"] {
        assert_eq!(shown(name), Some(ends(90)), "{name}");
    }
    assert_eq!(shown("ended"), Some(ends(-1)));
    assert_eq!(shown("plain"), None);
}
