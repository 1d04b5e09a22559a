//! `/proc/net/dev`: what went through the interfaces of this namespace.

use super::bounded::{Bounded, MOST};
use super::files::{ReadError, Root};
use super::text::number;
use crate::metrics::{Collected, Collection, Definition, DefinitionError, LabelValue, Meter};

/// Bytes and more that went one way since the interface is there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Traffic {
    bytes: u64,
    packets: u64,
    errors: u64,
    dropped: u64,
}

/// One interface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interface<'t> {
    pub(super) name: &'t str,
    received: Traffic,
    sent: Traffic,
}

impl<'t> Interface<'t> {
    /// `  eth0: 1744425324   98959    0    0    0     0          0         0  5538877   55891    0    0 …`
    fn parse(line: &'t str) -> Option<Self> {
        // A name may have a colon in it, and no space.
        let (name, fields) = line.rsplit_once(':')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let field = |at: usize| number(fields.get(at)?);
        let traffic = |first: usize| {
            Some(Traffic {
                bytes: field(first)?,
                packets: field(first + 1)?,
                errors: field(first + 2)?,
                dropped: field(first + 3)?,
            })
        };
        Some(Self { name: name.trim(), received: traffic(0)?, sent: traffic(8)? })
    }
}

/// The interfaces that lead out of this machine or container, as far as there is room.
pub(super) fn parse(text: &str) -> Bounded<Interface<'_>> {
    Bounded::first(MOST, text.lines().filter_map(Interface::parse).filter(|interface| leads_out(interface.name)))
}

/// What leads back, and what platforms make one of for each container, is as many as there are containers.
fn leads_out(name: &str) -> bool {
    const MADE_FOR_CONTAINERS: [&str; 17] = [
        "azv",
        "br-",
        "cali",
        "cilium",
        "cni",
        "docker",
        "dummy",
        "eni",
        "flannel",
        "ifb",
        "kube-",
        "lxc",
        "nodelocaldns",
        "tap",
        "veth",
        "virbr",
        "vnet",
    ];
    name != "lo" && !MADE_FOR_CONTAINERS.into_iter().any(|beginning| name.starts_with(beginning))
}

/// What is measured of a set of interfaces, each way: bytes, packets, errors and drops.
pub(super) struct Definitions {
    received: [Definition; 4],
    sent: [Definition; 4],
}

/// The definitions for the interfaces of the machine or of a container.
macro_rules! network_definitions {
    ($prefix:literal, $whose:literal) => {{
        use $crate::resource::network::by_interface;
        $crate::resource::network::Definitions::new(
            network_definitions!(@way $prefix, $whose, "receive", "receive", "received"),
            network_definitions!(@way $prefix, $whose, "transmit", "send", "sent"),
        )
    }};
    (@way $prefix:literal, $whose:literal, $way:literal, $does:literal, $did:literal) => {
        [
            by_interface(
                concat!($prefix, "_network_", $way, "_bytes_total"),
                concat!("Bytes that an interface ", $did, ", ", $whose, "."),
            )
            .unit($crate::metrics::Unit::Bytes),
            by_interface(
                concat!($prefix, "_network_", $way, "_packets_total"),
                concat!("Packets that an interface ", $did, ", ", $whose, "."),
            ),
            by_interface(
                concat!($prefix, "_network_", $way, "_errors_total"),
                concat!("Packets that an interface could not ", $does, " because of an error, ", $whose, "."),
            ),
            by_interface(
                concat!($prefix, "_network_", $way, "_dropped_total"),
                concat!("Packets that an interface dropped when it ", $did, " them, ", $whose, "."),
            ),
        ]
    };
}

pub(super) use network_definitions;

pub(super) const fn by_interface(name: &'static str, help: &'static str) -> Definition {
    Definition::counter(name, help).labels(&["interface"])
}

impl Definitions {
    pub(super) const fn new(received: [Definition; 4], sent: [Definition; 4]) -> Self {
        Self { received, sent }
    }
}

/// The families of a set of interfaces.
pub(super) struct NetworkFamilies {
    received: [Collected<u64, 1>; 4],
    sent: [Collected<u64, 1>; 4],
}

impl NetworkFamilies {
    pub(super) fn register(meter: &Meter, definitions: &'static Definitions) -> Result<Self, DefinitionError> {
        let families = |[bytes, packets, errors, dropped]: &'static [Definition; 4]| -> Result<_, DefinitionError> {
            Ok([
                meter.collected(bytes)?,
                meter.collected(packets)?,
                meter.collected(errors)?,
                meter.collected(dropped)?,
            ])
        };
        Ok(Self { received: families(&definitions.received)?, sent: families(&definitions.sent)? })
    }

    /// Reads and gives them all; how many there was no room for.
    pub(super) fn give(&self, collection: &mut Collection, root: &Root) -> Result<usize, ReadError> {
        let text = root.read("proc/net/dev")?;
        let interfaces = parse(&text);
        for interface in &interfaces.kept {
            let label = LabelValue::capped(interface.name);
            for (families, traffic) in [(&self.received, interface.received), (&self.sent, interface.sent)] {
                let Traffic { bytes, packets, errors, dropped } = traffic;
                for (family, value) in families.iter().zip([bytes, packets, errors, dropped]) {
                    collection.set(family, [label.clone()], value);
                }
            }
        }
        Ok(interfaces.omitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_that_lead_out_are_kept() {
        for outward in ["eth0", "ens5", "enp0s31f6", "wlan0", "bond0", "eth0:1", "wg0", "lo0"] {
            assert!(leads_out(outward), "{outward}");
        }
        for other in ["lo", "veth1a2b", "docker0", "br-5f1c", "cali12", "eni4f", "cni0", "ifb1", "lxcbr0", "virbr0"] {
            assert!(!leads_out(other), "{other}");
        }
    }

    #[test]
    fn headings_and_short_lines_are_nothing() {
        let text = "Inter-|   Receive |  Transmit\n face |bytes packets errs drop|bytes\n\
                    eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n eth1:17 18 19 20 0 0 0 0 21 22 23\neth2\n";
        let found = parse(text);
        let interface = &found.kept[0];
        assert_eq!((found.kept.len(), interface.name), (1, "eth0"));
        assert_eq!(interface.received, Traffic { bytes: 1, packets: 2, errors: 3, dropped: 4 });
        assert_eq!(interface.sent, Traffic { bytes: 9, packets: 10, errors: 11, dropped: 12 });
    }
}
