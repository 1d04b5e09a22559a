//! Replicas as processes: the example `replica`, started several times, shares a check of a peer that counts.
//!
//! Time is told by a replica that shares with nobody: it probes a peer of its own once a second, also on a machine on which
//! a second takes longer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::scrape::Scrape;
use crate::support::daemon::Daemon;
use crate::support::example;
use crate::support::home::Home;
use crate::support::http;
use crate::support::poll::eventually;
use crate::support::port::{loopback, on_free_port};
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;

/// For what takes seconds on a machine that does nothing else.
const SOON: Duration = Duration::from_secs(120);

const LEASE: (&str, &str) = ("lease", "check/peer");
/// The example's lease is granted for three of its intervals: another has it within five.
const TAKEN_OVER_WITHIN: usize = 5;

/// What replicas ask: it counts, and says what it is told to say.
struct Peer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    is_well: Arc<AtomicBool>,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind(loopback(0)).expect("the kernel finds a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (asked, is_well) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (count, says_well) = (Arc::clone(&asked), Arc::clone(&is_well));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(mut client), count, says_well) = (client, Arc::clone(&count), Arc::clone(&says_well)) else {
                    continue;
                };
                // A client that is stopped keeps its connection.
                thread::spawn(move || {
                    let mut request = [0; 4096];
                    while client.read(&mut request).is_ok_and(|length| length > 0) {
                        // Ordering: counts and words that a test reads.
                        count.fetch_add(1, Ordering::SeqCst);
                        let status = if says_well.load(Ordering::SeqCst) { "200 OK" } else { "500 No" };
                        let _gone = write!(client, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                    }
                });
            }
        });
        Self { address, asked, is_well }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A process of the example.
struct Replica {
    address: SocketAddr,
    // In this order: the process goes before its files.
    daemon: Daemon,
    _home: Home,
}

impl Replica {
    /// One of so many of a service, which shares through the store at this URL.
    fn start(service: &str, replicas: usize, peer: &Peer, store: &str) -> Self {
        static BUILT: OnceLock<PathBuf> = OnceLock::new();
        let executable: &Path = BUILT.get_or_init(|| example::build("replica"));
        on_free_port(|port| {
            let (address, home) = (loopback(port), Home::of_program("replica"));
            let mut command = home.command(executable);
            let arguments = [address.to_string(), format!("http://{}", peer.address), store.to_owned()];
            command.args(arguments).env("AISTM7_SERVICE", service).env("AISTM7_REPLICAS", replicas.to_string());
            let ready = || match http::get(address, "/health/live", &[]) {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}")),
            };
            let daemon = Daemon::start(command, &home, ready)?;
            Ok(Self { address, daemon, _home: home })
        })
    }

    fn metric(&self, name: &str) -> f64 {
        Scrape::of(self.address).value(name, &[LEASE]).expect("the check is shared")
    }

    fn holds(&self) -> bool {
        self.metric("lease_held") == 1.0
    }

    /// The check's state as operators see it.
    fn check(&self) -> Value {
        http::get(self.address, "/health/peer", &[]).expect("it answers").json()
    }

    fn status(&self) -> String {
        self.check()["status"].as_str().expect("a word").to_owned()
    }
}

/// Tells time: how often a lonely replica has probed.
struct Metronome {
    peer: Peer,
    _replica: Replica,
}

impl Metronome {
    fn start(store: &str) -> Self {
        let peer = Peer::start();
        let replica = Replica::start("metronome", 1, &peer, store);
        eventually(SOON, || if peer.asked() > 0 { Ok(()) } else { Err("it does not beat") });
        Self { peer, _replica: replica }
    }

    fn beats(&self) -> usize {
        self.peer.asked()
    }

    fn wait(&self, beats: usize) {
        let end = self.beats() + beats;
        eventually(SOON, || if self.beats() >= end { Ok(()) } else { Err(format!("{} of {end}", self.beats())) });
    }
}

fn until_all_are(replicas: &[Replica], status: &str) {
    eventually(SOON, || {
        let statuses: Vec<_> = replicas.iter().map(Replica::status).collect();
        if statuses.iter().all(|own| own == status) { Ok(()) } else { Err(format!("{statuses:?}, not {status}")) }
    });
}

/// Waits until exactly one holds the lease; its index.
fn holder_of(replicas: &[Replica]) -> usize {
    eventually(SOON, || {
        let holders: Vec<_> = (0..replicas.len()).filter(|index| replicas[*index].holds()).collect();
        if let [holder] = holders[..] { Ok(holder) } else { Err(format!("{holders:?} of {}", replicas.len())) }
    })
}

fn until_each_has_one_holder(fleets: &[Vec<Replica>]) {
    for fleet in fleets {
        let _holder = holder_of(fleet);
    }
}

#[test]
#[ignore = "needs PostgreSQL; run by tests/run"]
fn replicas_share_a_check_through_postgres() {
    let mut postgres = Postgres::start();
    let url = postgres.url();
    one_probes_for_all(&url);
    outage_is_borne(&url, |is_up| if is_up { postgres.thaw() } else { postgres.freeze() });
}

#[test]
#[ignore = "needs Redis; run by tests/run"]
fn replicas_share_a_check_through_redis() {
    let mut redis = Redis::start();
    let url = redis.url();
    one_probes_for_all(&url);
    outage_is_borne(&url, |is_up| if is_up { redis.thaw() } else { redis.freeze() });
}

/// Kill, stop and continue the holder.
fn one_probes_for_all(store: &str) {
    let metronome = Metronome::start(store);
    let peer = Peer::start();
    let mut replicas = vec![Replica::start("sharing", 2, &peer, store), Replica::start("sharing", 2, &peer, store)];
    let holder = holder_of(&replicas);
    until_all_are(&replicas, "healthy");
    assert_eq!(replicas[1 - holder].check()["data"], replicas[holder].check()["data"]);
    peer.is_well.store(false, Ordering::SeqCst);
    until_all_are(&replicas, "unhealthy");
    assert_eq!(replicas[1 - holder].check()["reason"], replicas[holder].check()["reason"]);
    peer.is_well.store(true, Ordering::SeqCst);
    until_all_are(&replicas, "healthy");

    // Killed: the other takes over, after a gap that the lease explains, and says nothing wrong meanwhile.
    let (killed_at, asked) = (metronome.beats(), peer.asked());
    replicas[holder].daemon.kill();
    replicas.remove(holder);
    eventually(SOON, || {
        assert_eq!(replicas[0].status(), "healthy");
        if peer.asked() > asked + 1 { Ok(()) } else { Err("nobody asks") }
    });
    let gap = metronome.beats() - killed_at;
    // Twice, because the beats and the lease are counted by different processes of a loaded machine.
    assert!(gap <= 2 * (TAKEN_OVER_WITHIN + 1), "taken over after {gap} intervals");
    assert!(replicas[0].holds());

    // Stopped in its tracks, replaced, and continued: it does no harm.
    replicas.push(Replica::start("sharing", 2, &peer, store));
    let stopped = holder_of(&replicas);
    replicas[stopped].daemon.freeze();
    let other = 1 - stopped;
    eventually(SOON, || if replicas[other].holds() { Ok(()) } else { Err("not taken over") });
    metronome.wait(3);
    replicas[stopped].daemon.thaw();
    eventually(SOON, || if replicas[stopped].holds() { Err("it thinks it holds") } else { Ok(()) });
    let (beats, asked) = (metronome.beats(), peer.asked());
    for _ in 0..10 {
        metronome.wait(1);
        assert_eq!((replicas[other].holds(), replicas[stopped].holds()), (true, false));
        assert_eq!([replicas[0].status(), replicas[1].status()], ["healthy", "healthy"]);
    }
    same_load("after a pause", peer.asked() - asked, metronome.beats() - beats);

    // Asked to end, it goes in order, and the other has the lease.
    replicas[other].daemon.signal(Signal::SIGTERM);
    assert!(replicas[other].daemon.wait(SOON).is_some_and(|status| status.success()));
    eventually(SOON, || if replicas[stopped].holds() { Ok(()) } else { Err("not taken over") });
}

/// The store hangs and comes back.
fn outage_is_borne(store: &str, mut is_up: impl FnMut(bool)) {
    let peers = [Peer::start(), Peer::start(), Peer::start()];
    let fleets = [1, 2, 3].map(|size| {
        let start = |_| Replica::start(&format!("fleet-{size}"), size, &peers[size - 1], store);
        (0..size).map(start).collect::<Vec<_>>()
    });
    let metronome = &peers[0];
    let load = |what: &str| {
        let before = peers.each_ref().map(Peer::asked);
        eventually(SOON, || if metronome.asked() >= before[0] + 20 { Ok(()) } else { Err(metronome.asked()) });
        let asked = [0, 1, 2].map(|index| peers[index].asked() - before[index]);
        same_load(what, asked[1], asked[0]);
        same_load(what, asked[2], asked[0]);
    };
    let fallbacks = |expected: f64| {
        eventually(SOON, || {
            let shown: Vec<_> = fleets.iter().flatten().map(|replica| replica.metric("lease_fallback")).collect();
            if shown.iter().all(|own| *own == expected) { Ok(()) } else { Err(format!("{shown:?}")) }
        });
    };
    until_each_has_one_holder(&fleets);
    load("with leases");
    is_up(false);
    fallbacks(1.0);
    load("without the store");
    fleets.iter().for_each(|fleet| until_all_are(fleet, "healthy"));
    is_up(true);
    fallbacks(0.0);
    until_each_has_one_holder(&fleets);
    load("with the store again");
    fleets.iter().for_each(|fleet| until_all_are(fleet, "healthy"));
}

/// Two loads that should be one: half of it or double would be another. Two probes either way are the edges of the time.
fn same_load(what: &str, load: usize, reference: usize) {
    assert!(
        load <= reference + reference / 2 + 2 && load + 2 >= reference / 2,
        "{what}: {load}, where one makes {reference}"
    );
}
