use super::*;

fn at(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).into()
}

/// The first of the moments that is excused, and the first after it that is not, to the minute.
fn first_window(maintenance: &Maintenance, from: &str) -> (String, String) {
    let minutes = |start: SystemTime| (0..14 * 24 * 60).map(move |minute| start + Duration::from_secs(60 * minute));
    let opens = minutes(at(from)).find(|moment| maintenance.excuses(*moment)).expect("a window within two weeks");
    let closes = minutes(opens).find(|moment| !maintenance.excuses(*moment)).expect("its end");
    let shown = |moment: SystemTime| jiff::Timestamp::try_from(moment).unwrap().strftime("%a %F %H:%M").to_string();
    (shown(opens), shown(closes))
}

fn no_grace(maintenance: impl Into<Maintenance>) -> Maintenance {
    maintenance.into().grace(Duration::ZERO)
}

#[test]
fn windows_follow_the_clocks_of_their_zone() {
    let daily = |zone, opens, closes| {
        no_grace(Maintenance::new().window(MaintenanceWindow::daily(zone, opens, closes).unwrap()))
    };
    for (window, from, opens, closes) in [
        // Winter and summer.
        (
            daily("America/New_York", "00:15", "01:45"),
            "2026-01-14T00:00:00Z",
            "Wed 2026-01-14 05:15",
            "Wed 2026-01-14 06:45",
        ),
        (
            daily("America/New_York", "00:15", "01:45"),
            "2026-07-15T00:00:00Z",
            "Wed 2026-07-15 04:15",
            "Wed 2026-07-15 05:45",
        ),
        // Clocks go back from 02:00 to 01:00: the time of closing comes twice, and the window holds both.
        (
            daily("America/New_York", "00:15", "01:45"),
            "2026-11-01T00:00:00Z",
            "Sun 2026-11-01 04:15",
            "Sun 2026-11-01 06:45",
        ),
        // Clocks go forward from 02:00 to 03:00: the time of opening does not come, and is taken an hour later.
        (
            daily("America/New_York", "02:30", "04:00"),
            "2026-03-08T00:00:00Z",
            "Sun 2026-03-08 07:30",
            "Sun 2026-03-08 08:00",
        ),
        // Across midnight, and across the change of clocks.
        (
            daily("America/New_York", "23:00", "03:00"),
            "2026-03-07T12:00:00Z",
            "Sun 2026-03-08 04:00",
            "Sun 2026-03-08 07:00",
        ),
        (daily("UTC", "23:00", "03:00"), "2026-03-07T12:00:00Z", "Sat 2026-03-07 23:00", "Sun 2026-03-08 03:00"),
    ] {
        assert_eq!(first_window(&window, from), (opens.to_owned(), closes.to_owned()), "{window:?}");
    }
}

#[test]
fn window_opens_on_its_days_only_and_is_closed_by_the_next_day() {
    let weekend = MaintenanceWindow::daily("UTC", "23:00", "03:00").unwrap().on(&[Weekday::Friday]);
    let maintenance = no_grace(Maintenance::new().window(weekend));
    // 2026-01-16 is a Friday.
    for (moment, excused) in [
        ("2026-01-15T23:30:00Z", false),
        ("2026-01-16T22:59:59Z", false),
        ("2026-01-16T23:00:00Z", true),
        ("2026-01-17T02:59:59Z", true),
        ("2026-01-17T03:00:00Z", false),
        ("2026-01-17T23:30:00Z", false),
    ] {
        assert_eq!(maintenance.excuses(at(moment)), excused, "{moment}");
    }
}

#[test]
fn grace_follows_each_window() {
    let window = || MaintenanceWindow::daily("UTC", "10:00", "10:30").unwrap().on(&[Weekday::Friday]);
    let usual = Maintenance::new().window(window());
    assert!(usual.excuses(at("2026-01-16T10:39:59Z")) && !usual.excuses(at("2026-01-16T10:40:00Z")));
    let day = Maintenance::new().window(window()).grace(LONGEST_GRACE);
    assert!(day.excuses(at("2026-01-17T10:29:59Z")) && !day.excuses(at("2026-01-17T10:30:00Z")));
    assert!(!Maintenance::new().excuses(at("2026-01-16T10:00:00Z")), "without a window nothing is excused");
    assert!(Maintenance::new().grace(LONGEST_GRACE + Duration::from_nanos(1)).check().is_err());
}

#[test]
fn what_is_no_window_is_refused() {
    for (zone, opens, closes, named) in [
        ("Mars/Olympus_Mons", "00:00", "01:00", "time zone"),
        ("UTC", "24:00", "01:00", "time of day"),
        ("UTC", "00:60", "01:00", "time of day"),
        ("UTC", "0:00", "01:00", "time of day"),
        ("UTC", "00:00", "1h", "time of day"),
        ("UTC", "+1:00", "02:00", "time of day"),
        ("UTC", "01:00", "01:00", "closing time"),
    ] {
        assert_eq!(MaintenanceWindow::daily(zone, opens, closes).unwrap_err().what(), named, "{zone} {opens} {closes}");
    }
}

#[cfg(feature = "ibkr-tws")]
#[test]
fn ibkr_resets_are_where_and_when_ibkr_says() {
    use IbkrMaintenance::{Asia, Europe, NorthAmerica};
    for (region, from, opens, closes) in [
        // From a Sunday on, in winter and in summer.
        (NorthAmerica, "2026-01-18T00:00:00Z", "Sun 2026-01-18 05:15", "Sun 2026-01-18 06:45"),
        (NorthAmerica, "2026-07-19T00:00:00Z", "Sun 2026-07-19 04:15", "Sun 2026-07-19 05:45"),
        (Europe, "2026-01-19T00:00:00Z", "Mon 2026-01-19 05:25", "Mon 2026-01-19 06:45"),
        (Europe, "2026-07-20T00:00:00Z", "Mon 2026-07-20 04:25", "Mon 2026-07-20 05:45"),
        (Asia, "2026-07-20T00:00:00Z", "Mon 2026-07-20 12:15", "Mon 2026-07-20 13:15"),
        (Asia, "2026-07-20T14:00:00Z", "Mon 2026-07-20 20:45", "Mon 2026-07-20 22:05"),
        // The week ends on Friday night in New York, and no region resets on a Saturday.
        (NorthAmerica, "2026-01-16T12:00:00Z", "Sat 2026-01-17 04:00", "Sat 2026-01-17 08:00"),
        (NorthAmerica, "2026-01-17T12:00:00Z", "Sun 2026-01-18 05:15", "Sun 2026-01-18 06:45"),
        (Europe, "2026-07-17T12:00:00Z", "Sat 2026-07-18 03:00", "Sat 2026-07-18 07:00"),
        (Asia, "2026-07-17T14:00:00Z", "Sat 2026-07-18 03:00", "Sat 2026-07-18 07:00"),
    ] {
        let window = first_window(&no_grace(region), from);
        assert_eq!(window, (opens.to_owned(), closes.to_owned()), "{region:?} from {from}");
    }
}
