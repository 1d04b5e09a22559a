//! What the notices of a gateway come to: a state, and nothing that talks or counts time.

use std::collections::BTreeSet;

use crate::health::{CheckFailure, CheckReport};

/// What is known of one client's connection, and of what lies behind the gateway.
#[derive(Debug, Default)]
pub(super) struct Connectivity {
    link: Link,
    /// What was last said over a connection; it is forgotten when the next one opens.
    told: Told,
}

/// Between the client and the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    NeverOpened,
    Open,
    Closed,
    PortChanged {
        to: Option<u16>,
    },
    ClientIdInUse,
}

/// Between the gateway and Interactive Brokers.
#[derive(Debug, Default)]
struct Told {
    upstream: Upstream,
    subscriptions: Subscriptions,
    broken_farms: BTreeSet<(FarmKind, String)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Upstream {
    #[default]
    Up,
    Down,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Subscriptions {
    #[default]
    Kept,
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FarmKind {
    MarketData,
    HistoricalData,
    SecurityDefinitions,
}

/// The client's id is used by another connection, or still by its own last one.
pub(super) const CLIENT_ID_IN_USE: i32 = 326;

/// No connection to the gateway could be made.
const CANNOT_CONNECT: i32 = 502;

/// Codes that the client's library makes itself, most of them for want of a connection.
const OF_THE_CLIENT: std::ops::RangeInclusive<i32> = 500..=599;

/// Chosen: several times as many farms as there are, so that odd texts do not fill memory.
const MOST_FARMS: usize = 64;

impl Connectivity {
    pub(super) fn connected(&mut self) {
        // The first notice can be faster than the client's own word, and must not be forgotten for that.
        if self.link != Link::Open {
            self.link = Link::Open;
            self.told = Told::default();
        }
    }

    pub(super) fn disconnected(&mut self) {
        // A notice that told why is the better reason.
        if self.link == Link::Open {
            self.link = Link::Closed;
        }
    }

    pub(super) fn resubscribed(&mut self) {
        self.told.subscriptions = Subscriptions::Kept;
    }

    pub(super) fn notice(&mut self, code: i32, text: &str) {
        use FarmKind::{HistoricalData, MarketData, SecurityDefinitions};
        match code {
            CLIENT_ID_IN_USE => return self.link = Link::ClientIdInUse,
            1300 => return self.link = Link::PortChanged { to: port_in(text) },
            CANNOT_CONNECT => return self.cannot_connect(),
            504 | 507 => return self.disconnected(),
            _ if OF_THE_CLIENT.contains(&code) => return,
            // Whatever else a gateway says comes over a connection.
            _ => self.connected(),
        }
        let told = &mut self.told;
        match code {
            1100 | 2110 => told.upstream = Upstream::Down,
            1101 => (told.upstream, told.subscriptions) = (Upstream::Up, Subscriptions::Lost),
            1102 => told.upstream = Upstream::Up,
            2103 => told.farm_broke(MarketData, text),
            2105 => told.farm_broke(HistoricalData, text),
            2157 => told.farm_broke(SecurityDefinitions, text),
            // Fine, or idle until somebody asks. 2119, connecting, is neither.
            2104 | 2108 => told.farm_is_fine(MarketData, text),
            2106 | 2107 => told.farm_is_fine(HistoricalData, text),
            2158 => told.farm_is_fine(SecurityDefinitions, text),
            _ => {}
        }
    }

    fn cannot_connect(&mut self) {
        // Nobody listens on a port that the API has left.
        if !matches!(self.link, Link::PortChanged { .. }) {
            self.link = Link::Closed;
        }
    }

    pub(super) fn verdict(&self) -> Result<CheckReport, CheckFailure> {
        let failed = |reason, message| Err(CheckFailure::new(reason, message));
        match self.link {
            Link::NeverOpened => return failed("not_connected", "the client has not connected yet"),
            Link::Closed => return failed("gateway_unreachable", "the client has lost its connection to the gateway"),
            Link::PortChanged { to } => {
                let failure = CheckFailure::new("port_changed", "the gateway's API has moved to another port");
                return Err(match to {
                    Some(port) => failure.with_data("new_port", port),
                    None => failure,
                });
            }
            Link::Open | Link::ClientIdInUse => {}
        }
        if self.told.upstream == Upstream::Down {
            return failed("upstream_down", "the gateway has lost its connection to Interactive Brokers");
        }
        if self.link == Link::ClientIdInUse {
            let message =
                "the gateway refuses the client's id: its last connection is not over yet, or somebody has it";
            return Ok(CheckReport::degraded("client_id_in_use", message));
        }
        if self.told.subscriptions == Subscriptions::Lost {
            return Ok(CheckReport::degraded("resubscribe_needed", "connected again, without any subscription"));
        }
        Ok(self.told.farms_verdict())
    }
}

impl Told {
    fn farm_broke(&mut self, kind: FarmKind, text: &str) {
        if self.broken_farms.len() < MOST_FARMS {
            self.broken_farms.insert((kind, farm_in(text)));
        }
    }

    fn farm_is_fine(&mut self, kind: FarmKind, text: &str) {
        self.broken_farms.remove(&(kind, farm_in(text)));
    }

    fn farms_verdict(&self) -> CheckReport {
        if self.broken_farms.is_empty() {
            return CheckReport::healthy();
        }
        let message = "the gateway has lost some of the servers that send data; orders do not need them";
        let kinds = [
            (FarmKind::MarketData, "market_data_farms_down"),
            (FarmKind::HistoricalData, "historical_data_farms_down"),
            (FarmKind::SecurityDefinitions, "security_definition_farms_down"),
        ];
        kinds.into_iter().fold(CheckReport::degraded("farm_down", message), |report, (kind, key)| {
            let of_kind = self.broken_farms.iter().filter(|(broken, _)| *broken == kind);
            let names: Vec<&str> = of_kind.map(|(_, name)| name.as_str()).collect();
            if names.is_empty() { report } else { report.with_data(key, names.join(", ")) }
        })
    }
}

/// The name of the farm at the end of a notice: after the colon, or where a farm is only idle, after "upon demand.".
fn farm_in(text: &str) -> String {
    let name = text.rsplit_once(':').or_else(|| text.split_once("demand.")).map_or("", |(_, name)| name.trim());
    // Names are short words; anything else is not shown.
    let is_name = (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if is_name { name.to_owned() } else { "unnamed".to_owned() }
}

/// The number at the end of a notice.
fn port_in(text: &str) -> Option<u16> {
    text.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty())?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Datum;

    fn reason(connectivity: &Connectivity) -> String {
        match connectivity.verdict() {
            Ok(report) => report.reason().map_or("healthy".to_owned(), |reason| format!("degraded:{reason}")),
            Err(failure) => failure.reason().to_owned(),
        }
    }

    /// One step of a story, and the verdict after it.
    fn follow(story: &[(Step, &str)]) {
        let mut connectivity = Connectivity::default();
        for (number, (step, expected)) in story.iter().enumerate() {
            match *step {
                Step::Connected => connectivity.connected(),
                Step::Disconnected => connectivity.disconnected(),
                Step::Resubscribed => connectivity.resubscribed(),
                Step::Told(code, text) => connectivity.notice(code, text),
            }
            assert_eq!(reason(&connectivity), *expected, "after step {number}, {step:?}");
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Connected,
        Disconnected,
        Resubscribed,
        Told(i32, &'static str),
    }
    use Step::{Connected, Disconnected, Resubscribed, Told};

    #[test]
    fn nightly_restart_is_never_worse_than_it_is() {
        follow(&[
            (Connected, "healthy"),
            (Told(1100, "Connectivity between IBKR and TWS has been lost."), "upstream_down"),
            (Told(2103, "Market data farm connection is broken:usfarm"), "upstream_down"),
            (Disconnected, "gateway_unreachable"),
            // The gateway still keeps the lost connection's id, and has not said that IBKR is back.
            (Told(326, "Unable to connect as the client id is already in use."), "upstream_down"),
            // Another connection: what was known of the last one is over.
            (Connected, "healthy"),
            (Told(2104, "Market data farm connection is OK:usfarm"), "healthy"),
            (Told(1102, "Connectivity has been restored - data maintained."), "healthy"),
        ]);
    }

    #[test]
    fn nightly_restart_is_understood_from_codes_alone() {
        follow(&[
            (Told(2104, "Market data farm connection is OK:usfarm"), "healthy"),
            (Told(1100, ""), "upstream_down"),
            (Told(2103, "Market data farm connection is broken:usfarm"), "upstream_down"),
            (Told(326, ""), "upstream_down"),
            (Told(2104, "Market data farm connection is OK:usfarm"), "healthy"),
            (Told(1102, ""), "healthy"),
        ]);
    }

    #[test]
    fn connection_is_judged_by_what_the_client_and_the_gateway_say() {
        follow(&[
            (Told(502, "Couldn't connect to TWS."), "gateway_unreachable"),
            (Told(326, ""), "degraded:client_id_in_use"),
            (Told(505, "the client's own, which proves no connection"), "degraded:client_id_in_use"),
            (Told(504, "Not connected"), "degraded:client_id_in_use"),
            (Told(502, "Couldn't connect to TWS."), "gateway_unreachable"),
            (Connected, "healthy"),
            (Told(504, "Not connected"), "gateway_unreachable"),
            (Connected, "healthy"),
            (Told(507, "Bad message length"), "gateway_unreachable"),
            (Told(201, "an order was refused, over a connection"), "healthy"),
            (Told(1300, "TWS socket port has been reset. Please reconnect on the new port - 7498"), "port_changed"),
            // The client sees the connection go as well, and knows less of why.
            (Disconnected, "port_changed"),
            (Told(502, "Couldn't connect to TWS."), "port_changed"),
            (Connected, "healthy"),
            // Sent to who connects while IBKR is away, and possibly before the client says that it has connected.
            (Disconnected, "gateway_unreachable"),
            (Told(2110, "Connectivity between TWS and server is broken. It will be restored."), "upstream_down"),
            (Connected, "upstream_down"),
            (Told(1101, "Connectivity has been restored - data lost."), "degraded:resubscribe_needed"),
            (Resubscribed, "healthy"),
            (Told(1101, ""), "degraded:resubscribe_needed"),
            (Disconnected, "gateway_unreachable"),
            (Connected, "healthy"),
        ]);
        assert_eq!(reason(&Connectivity::default()), "not_connected");
    }

    #[test]
    fn farms_only_ever_degrade_and_are_kept_apart() {
        follow(&[
            (Connected, "healthy"),
            (Told(2103, "Market data farm connection is broken:usfarm"), "degraded:farm_down"),
            (Told(2104, "Market data farm connection is OK:cashfarm"), "degraded:farm_down"),
            (Told(2105, "HMDS data farm connection is broken:usfarm"), "degraded:farm_down"),
            (Told(2104, "Market data farm connection is OK:usfarm"), "degraded:farm_down"),
            (Told(2119, "Market data farm is connecting:usfarm"), "degraded:farm_down"),
            (Told(2106, "HMDS data farm connection is OK:usfarm"), "healthy"),
            (Told(2157, "Sec-def data farm connection is broken:secdefnj"), "degraded:farm_down"),
            (Told(2158, "Sec-def data farm connection is OK:secdefnj"), "healthy"),
            (Told(2103, "Market data farm connection is broken:usfarm"), "degraded:farm_down"),
            (
                Told(2108, "Market data farm connection is inactive but should be available upon demand.usfarm"),
                "healthy",
            ),
            (Told(2105, "HMDS data farm connection is broken:ushmds"), "degraded:farm_down"),
            (Told(2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds"), "healthy"),
        ]);
        let mut worst = Connectivity::default();
        for code in [2103, 2105, 2157] {
            for farm in 0..1000 {
                worst.notice(code, &format!("broken:farm{farm}"));
            }
        }
        assert_eq!(reason(&worst), "degraded:farm_down");
        assert_eq!(worst.told.broken_farms.len(), MOST_FARMS);
    }

    #[test]
    fn of_texts_only_names_of_farms_and_ports_are_shown() {
        let mut connectivity = Connectivity::default();
        connectivity.notice(2103, "Market data farm connection is broken:usfarm.nj");
        connectivity.notice(2103, "Market data farm connection is broken:account DU1234567 of J. Doe");
        connectivity.notice(2157, "broken:secdefil");
        let report = connectivity.verdict().unwrap();
        assert_eq!(
            report.data(),
            [
                ("market_data_farms_down", Datum::from("unnamed, usfarm.nj")),
                ("security_definition_farms_down", Datum::from("secdefil")),
            ]
        );
        for (text, port) in
            [("the new port - 7498", Some(7498)), ("7497 is now 7498.", Some(7498)), ("none", None), ("70000", None)]
        {
            connectivity.notice(1300, text);
            let failure = connectivity.verdict().unwrap_err();
            let told: Vec<_> = port.map(|port: u16| ("new_port", Datum::from(port))).into_iter().collect();
            assert_eq!(failure.data(), told, "{text}");
        }
    }
}
