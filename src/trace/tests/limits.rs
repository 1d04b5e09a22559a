//! How much of a `tracestate` is sent on.

use super::super::TraceState;

/// An entry of so many bytes.
fn entry(key: &str, bytes: usize) -> String {
    format!("{key}={}", "v".repeat(bytes - key.len() - 1))
}

fn header(entries: &[String]) -> Option<String> {
    let state = TraceState::parse([entries.join(",").as_bytes()]);
    assert_eq!(state.members().count(), entries.len(), "it is read whole");
    let header = state.header().map(|header| header.into_owned());
    assert!(header.as_ref().is_none_or(|header| header.len() <= TraceState::FORWARDED_BYTES));
    header
}

#[test]
fn list_of_512_bytes_is_sent_whole_and_of_one_more_only_whole_entries() {
    let [a, b, c] = ["a", "b", "c"].map(|key| entry(key, 128));
    let fits = [a.clone(), b.clone(), c.clone(), entry("d", 125)];
    assert_eq!(fits.join(",").len(), 512);
    assert_eq!(header(&fits), Some(fits.join(",")));
    let too_long = [a.clone(), b.clone(), c.clone(), entry("d", 126)];
    assert_eq!(header(&too_long), Some([a, b, c].join(",")));
}

#[test]
fn entries_over_128_bytes_go_first_and_from_the_right() {
    let (long_a, short_b, long_c, short_d) = (entry("a", 200), entry("b", 128), entry("c", 129), entry("d", 100));
    let all = [long_a.clone(), short_b.clone(), long_c.clone(), short_d.clone()];
    assert_eq!(
        header(&all),
        Some([long_a, short_b.clone(), short_d.clone()].join(",")),
        "the long one on the right is enough"
    );
    let [long_a, long_c] = [("a", 256), ("c", 256)].map(|(key, bytes)| entry(key, bytes));
    let all = [long_a, short_b.clone(), long_c, short_d.clone(), entry("e", 128), entry("f", 100)];
    assert_eq!(
        header(&all),
        Some([short_b, short_d, entry("e", 128), entry("f", 100)].join(",")),
        "both long ones, and no other"
    );
}

#[test]
fn then_entries_go_from_the_right_whatever_their_length() {
    let entries: Vec<_> = (0..32).map(|number| entry(&format!("k{number:02}"), 24)).collect();
    // 20 of 24 bytes and the commas between them are 499; one more is over.
    assert_eq!(header(&entries), Some(entries[..20].join(",")));
    let mut with_long = entries[..31].to_vec();
    with_long.insert(0, entry("long", 200));
    assert_eq!(header(&with_long), Some(entries[..20].join(",")));
}

#[test]
fn single_entry_that_is_too_long_leaves_nothing_to_send() {
    let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
    assert_eq!(longest.len(), 513);
    assert_eq!(header(&[longest]), None);
}
