use super::super::TraceState;
use super::{TRACEPARENT_VALUE, headers, sent};
use crate::trace::{TRACESTATE, TraceContext};

fn parse(values: &[&str]) -> Option<String> {
    TraceState::parse(values.iter().map(|value| value.as_bytes())).as_str().map(str::to_owned)
}

#[test]
fn members_are_kept_in_order_without_the_space_around_them() {
    for (values, expected) in [
        (&["rojo=00f0 , congo=t61", "", ",a@b/*-_=1"][..], "rojo=00f0,congo=t61,a@b/*-_=1"),
        (&["foo=1", "bar=2", "rojo=3,congo=4"], "foo=1,bar=2,rojo=3,congo=4"),
        (&["foo=1", ""], "foo=1"),
        (&["", " \t ", "foo=1"], "foo=1"),
        (&["foo=1,,,bar=2, ,"], "foo=1,bar=2"),
        (&[" \tfoo=1 \t , \t bar=2, \t baz=3\t"], "foo=1,bar=2,baz=3"),
        // A space before a value belongs to it, one behind it does not; one inside does.
        (&["a=  1  ,b=x y"], "a=  1,b=x y"),
        // Both are somebody's: what to make of it is theirs.
        (&["foo=1,foo=1", "foo=2"], "foo=1,foo=1,foo=2"),
    ] {
        assert_eq!(parse(values).as_deref(), Some(expected), "{values:?}");
    }
    for nothing in [&[][..], &[""], &[",", " , "]] {
        assert_eq!(parse(nothing), None, "{nothing:?}");
    }
}

#[test]
fn keys_are_those_of_level_two() {
    let all = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";
    let longest = "z".repeat(256);
    for key in [all, "0", "9_", "foo@", "foo@@bar", "foo@bar@baz", "t@", &longest, &format!("{}@v", "t".repeat(254))] {
        let member = format!("{key}=1");
        assert_eq!(parse(&[&member]), Some(member.clone()), "{key}");
        assert_eq!(TraceState::default().with(key, "1").expect("a good key").as_str(), Some(member.as_str()));
    }
    let too_long = "z".repeat(257);
    for key in
        ["", "@foo", "_a", "-a", "*a", "/a", "A", "fOo", "foo.bar", "foo ", "a b", "f\u{f6}o", "a,b", "a=b", &too_long]
    {
        assert_eq!(parse(&["ok=1", &format!("{key}=1")]), None, "{key}");
        assert!(TraceState::default().with(key, "1").is_err(), "{key}");
    }
}

#[test]
fn values_are_printable_and_at_most_256_long() {
    let all: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    let longest = "v".repeat(256);
    for value in [all.as_str(), "!", " 1", &longest] {
        let member = format!("k={value}");
        assert_eq!(parse(&[&member]), Some(member.clone()), "{value}");
        assert_eq!(TraceState::default().with("k", value).expect("a good value").get("k"), Some(value));
    }
    let too_long = "v".repeat(257);
    for value in ["", "a=b", "a\tb", "a\u{7f}", "\u{e9}", "a\u{0}", &too_long] {
        assert_eq!(parse(&["ok=1", &format!("k={value}")]), None, "{value:?}");
        assert!(TraceState::default().with("k", value).is_err(), "{value:?}");
    }
    assert!(TraceState::default().with("k", "a ").is_err(), "the next one would take the space off");
    assert_eq!(parse(&["ok=1", "a"]), None, "a key alone");
}

#[test]
fn bytes_that_are_no_text_drop_the_list() {
    assert_eq!(TraceState::parse([&b"a=1"[..], b"b=\xff"]), TraceState::default());
}

#[test]
fn thirty_two_members_are_kept_and_one_more_drops_the_list() {
    let members = |count: usize| (0..count).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",");
    assert_eq!(parse(&[&members(32)]), Some(members(32)));
    assert_eq!(parse(&[&members(16), &members(16)]), Some([members(16), members(16)].join(",")));
    assert_eq!(parse(&[&members(33)]), None);
    assert_eq!(parse(&[&members(32), ", ,"]), Some(members(32)), "empty ones do not count");
    assert_eq!(parse(&[&members(20), &members(13)]), None);
}

#[test]
fn changed_member_moves_to_the_front_and_the_others_keep_their_order() {
    let state = TraceState::parse([&b"a=1,b=2,c=3,b=4"[..]]);
    assert_eq!(state.members().collect::<Vec<_>>(), [("a", "1"), ("b", "2"), ("c", "3"), ("b", "4")]);
    assert_eq!((state.get("b"), state.get("B"), state.get("")), (Some("2"), None, None));
    let changed = state.with("b", "5").expect("valid");
    assert_eq!(changed.as_str(), Some("b=5,a=1,c=3"));
    assert_eq!(changed.with("d", "6").expect("valid").as_str(), Some("d=6,b=5,a=1,c=3"));
    assert_eq!(state.without("b").as_str(), Some("a=1,c=3"));
    assert_eq!(state.without("z"), state);
    assert_eq!(state.without("a").without("b").without("c").as_str(), None);
    assert_eq!(state.as_str(), Some("a=1,b=2,c=3,b=4"), "the list itself is as it was");
}

#[test]
fn list_that_is_full_loses_its_last_member_to_a_new_one_and_none_to_a_changed_one() {
    let full = (0..32).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",");
    let full = TraceState::parse([full.as_bytes()]);
    let keys = |state: &TraceState| state.members().map(|(key, _)| key.to_owned()).collect::<Vec<_>>();
    let added = keys(&full.with("new", "1").expect("valid"));
    assert_eq!((added.len(), added[0].as_str(), added[31].as_str()), (32, "new", "k30"));
    let changed = keys(&full.with("k31", "2").expect("valid"));
    assert_eq!((changed.len(), changed[0].as_str(), changed[31].as_str()), (32, "k31", "k30"));
}

#[test]
fn calls_carry_the_list_if_there_is_one_and_no_empty_header() {
    for (values, expected) in [(&["a=1", "b=2"][..], Some("a=1,b=2")), (&[""], None), (&[], None)] {
        let mut request = vec![("traceparent", TRACEPARENT_VALUE)];
        request.extend(values.iter().map(|value| ("tracestate", *value)));
        let context = TraceContext::from_headers(&headers(&request));
        assert_eq!(sent(&context, &TRACESTATE).as_deref(), expected, "{values:?}");
    }
}
