//! Whatever the files hold, nothing panics and nothing that is no number is shown.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::tree::{DOCKER_V2, ECS_V1, MACHINE, Tree, files};
use super::{Bench, HostNumbers};

/// What happens to a file.
#[derive(Clone, Debug)]
enum Change {
    Replace(Vec<u8>),
    Cut(Index),
    Insert(Index, Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = || {
        prop_oneof![
            vec(any::<u8>(), 0..64),
            select(vec![
                "18446744073709551615",
                "-1",
                "99999999999999999999",
                " ",
                "\n",
                ":",
                "..",
                "/",
                "max",
                "\\",
                "=",
                "(",
                "inf",
                "NaN"
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ]
    };
    prop_oneof![
        bytes().prop_map(Change::Replace),
        any::<Index>().prop_map(Change::Cut),
        (any::<Index>(), bytes()).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

fn changed(text: &[u8], change: &Change) -> Vec<u8> {
    match change {
        Change::Replace(bytes) => bytes.clone(),
        Change::Cut(at) => text[..at.index(text.len() + 1)].to_vec(),
        Change::Insert(at, bytes) => {
            let (before, behind) = text.split_at(at.index(text.len() + 1));
            [before, bytes, behind].concat()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_files_are_read_without_a_panic(
        recorded in select(vec![MACHINE, DOCKER_V2, ECS_V1]),
        changes in vec((any::<Index>(), change()), 1..12),
    ) {
        let mut files = files(recorded);
        for (file, change) in changes {
            let (_, text) = file.get_mut(&mut files);
            *text = changed(text, &change);
        }
        let bench = Bench::of(&Tree::filled(&files), HostNumbers::Always);
        let lines = bench.collect();
        let snapshot = bench.registry.snapshot();
        prop_assert_eq!(snapshot.sum("monitoring_collector_runs_total", &[("outcome", "panicked")]), Some(0.0));
        for collector in ["process", "host", "host-filesystems", "cgroup"] {
            let runs = bench.runs(collector, "ok") + bench.runs(collector, "failed") + bench.runs(collector, "late");
            prop_assert_eq!(runs, 1.0, "{}", collector);
        }
        for line in lines {
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            prop_assert!(value.is_finite() && value >= 0.0, "{}", line);
        }
    }
}
