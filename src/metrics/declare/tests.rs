use crate::metrics::{Definition, Kind, Meter, Registry};

crate::metrics::closed_label! {
    /// Of these tests.
    pub(crate) enum Side {
        Buy = "buy",
        Sell = "sell",
    }
}

crate::metrics::closed_label! {
    /// Of these tests.
    pub(crate) enum Venue {
        Xetra = "xetra",
        Nyse = "nyse",
        Lse = "lse",
    }
}

crate::metrics::instruments! {
    /// What these tests measure.
    struct Desk {
        /// Orders that were taken,
        /// by side and venue.
        taken: Counter "orders_taken_total" { side: Side, venue: Venue },
        /// Time until an order is filled.
        fill: Histogram "order_fill_seconds" in Seconds edges [0.5, 1.0] { venue: Venue },
        /// Orders that are open.
        open: Gauge "orders_open" {},
        /// When the desk opened.
        opened: GaugeAbsentUntilSet "desk_opened_timestamp_seconds" in Seconds {},
    }
}

#[test]
fn each_handle_is_that_of_its_own_labels_and_every_series_exists() {
    let registry = Registry::new();
    let desk = Desk::register(&Meter::new(&registry)).unwrap();
    let mut times = 0;
    for side in Side::ALL {
        for venue in Venue::ALL {
            registry.snapshot().assert_value(
                "orders_taken_total",
                &[("side", side.as_str()), ("venue", venue.as_str())],
                0,
            );
            times += 1;
            desk.taken(*side, *venue).add(times);
        }
    }
    let mut times = 0;
    for side in Side::ALL {
        for venue in Venue::ALL {
            times += 1;
            registry.snapshot().assert_value(
                "orders_taken_total",
                &[("side", side.as_str()), ("venue", venue.as_str())],
                times,
            );
        }
    }
    desk.clone().fill(Venue::Nyse).record(0.25);
    registry.snapshot().assert_samples("order_fill_seconds", &[("venue", "nyse")], 1);
    desk.open().set(3.0);
    let text = registry.render();
    assert!(text.contains("\norders_open 3\n"), "{text}");
    assert!(!text.contains("\ndesk_opened_timestamp_seconds "), "{text}");
    desk.opened().set(1.0);
    assert!(registry.render().contains("\ndesk_opened_timestamp_seconds 1\n"));
}

#[test]
fn definitions_are_what_the_struct_says() {
    let [taken, fill, open, opened] = Desk::DEFINITIONS else { panic!("four fields") };
    assert_eq!(
        (taken.name(), taken.kind(), taken.label_names()),
        ("orders_taken_total", Kind::Counter, &["side", "venue"][..])
    );
    assert_eq!(taken.help(), "Orders that were taken, by side and venue.");
    assert_eq!((fill.kind(), open.kind(), opened.kind()), (Kind::Histogram, Kind::Gauge, Kind::Gauge));
}

#[test]
fn struct_that_is_registered_twice_shares_its_series_and_clashes_are_errors() {
    let registry = Registry::new();
    let meter = Meter::new(&registry);
    let [first, second] = [Desk::register(&meter).unwrap(), Desk::register(&meter).unwrap()];
    first.taken(Side::Buy, Venue::Lse).increment();
    assert_eq!(second.taken(Side::Buy, Venue::Lse).get(), 1);

    let other = Meter::new(&Registry::new());
    other.gauge::<0>(&Definition::gauge("orders_open", "Something else.")).unwrap();
    assert!(Desk::register(&other).is_err());
}

#[test]
#[should_panic(expected = "occurs once")]
fn closed_values_occur_once() {
    super::check_closed_values(&["a", "b", "a"]);
}

#[test]
#[should_panic(expected = "1 to 63 characters")]
fn closed_values_are_not_empty() {
    super::check_closed_values(&["a", ""]);
}

#[test]
#[should_panic(expected = "visible ASCII")]
fn closed_values_need_no_escape() {
    super::check_closed_values(&["a\"b"]);
}
