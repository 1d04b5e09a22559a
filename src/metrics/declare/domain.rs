//! Metrics of a service's own, from one struct.

/// Makes the metrics of a domain out of one struct: definitions, handles and their documentation.
///
/// Each field is a metric: its doc comment is the help text, then come the kind (`Counter`, `Gauge`,
/// `GaugeAbsentUntilSet` or `Histogram`), the name on the wire, `in` a [`Unit`](crate::metrics::Unit) if it has one, the
/// `edges` of a histogram's buckets if they are its own, and its labels with their types, which are enums of
/// [`closed_label!`](crate::closed_label).
///
/// The struct has
/// - `register(&Meter)`: creates every series, so that counters exist at 0;
/// - a method for each field that gives the handle for these labels, without a lock or an allocation;
/// - `DEFINITIONS`: the list of what it defines. Whatever lists the metrics of a registry, such as its catalog, has them
///   once they are registered.
///
/// ```
/// use aistm7_monitoring::metrics::{Meter, Registry};
/// # use std::time::Duration;
///
/// aistm7_monitoring::closed_label! {
///     /// The side of an order.
///     pub enum Side { Buy = "buy", Sell = "sell", }
/// }
///
/// aistm7_monitoring::instruments! {
///     /// What the order desk measures.
///     pub struct OrderDesk {
///         /// Orders that were taken, by side.
///         taken: Counter "orders_taken_total" { side: Side },
///         /// Time from an order to its fill, by side.
///         fill: Histogram "order_fill_seconds" in Seconds edges [0.1, 0.5, 1.0, 5.0] { side: Side },
///         /// Orders that wait for a fill.
///         open: Gauge "orders_open" {},
///     }
/// }
///
/// let registry = Registry::new();
/// let desk = OrderDesk::register(&Meter::new(&registry))?;
/// desk.taken(Side::Buy).increment();
/// desk.fill(Side::Buy).record_duration(Duration::from_millis(80));
/// desk.open().set(3.0);
///
/// assert!(registry.render().contains("orders_taken_total{side=\"sell\"} 0\n"));
/// assert_eq!(OrderDesk::DEFINITIONS.len(), 3);
/// # Ok::<(), aistm7_monitoring::metrics::DefinitionError>(())
/// ```
///
/// What breaks a rule does not compile. A name without its suffix, a unit that the name does not carry:
///
/// ```compile_fail,E0080
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Orders.
///         taken: Counter "orders_taken" {},
///     }
/// }
/// ```
/// ```compile_fail,E0080
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Time.
///         fill: Histogram "order_fill_milliseconds" in Seconds {},
///     }
/// }
/// ```
/// ```compile_fail,E0080
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Time.
///         fill: Histogram "order_fill_seconds" {},
///     }
/// }
/// ```
///
/// A label of a name that Prometheus keeps for itself, two labels of one name, buckets that do not rise:
///
/// ```compile_fail,E0080
/// # aistm7_monitoring::closed_label! { pub enum Side { Buy = "buy", Sell = "sell", } }
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Orders.
///         taken: Counter "orders_taken_total" { le: Side },
///     }
/// }
/// ```
/// ```compile_fail,E0080
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Time.
///         fill: Histogram "order_fill_seconds" in Seconds edges [1.0, 0.5] {},
///     }
/// }
/// ```
///
/// And a label that any text could be, such as a user's id:
///
/// ```compile_fail,E0277
/// aistm7_monitoring::instruments! {
///     struct Desk {
///         /// Orders.
///         taken: Counter "orders_taken_total" { user: String },
///     }
/// }
/// ```
#[macro_export]
macro_rules! instruments {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $help:literal])+
                $field:ident: $kind:ident $metric:literal $(in $unit:ident)? $(edges $edges:tt)?
                    { $($label:ident: $closed:ty),* $(,)? }
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $(
                $field: $crate::metrics::PerLabels<
                    $crate::metrics::instruments!(@handle $kind),
                    { $crate::metrics::instruments!(@count $($label)*) },
                >,
            )+
        }

        impl $name {
            /// What is defined here, in this order.
            $vis const DEFINITIONS: &'static [$crate::metrics::Definition] = &[$(
                $crate::metrics::instruments!(@definition $kind $metric [$($help)+] [$($unit)?] [$($edges)?] [$($label)*]),
            )+];

            /// Registers the metrics and creates every series.
            ///
            /// # Errors
            /// When the registry holds another metric of one of their names.
            $vis fn register(
                meter: &$crate::metrics::Meter,
            ) -> ::core::result::Result<Self, $crate::metrics::DefinitionError> {
                Ok(Self {
                    $(
                        $field: $crate::metrics::PerLabels::resolve(
                            &$crate::metrics::instruments!(@register $kind)(
                                meter,
                                &$crate::metrics::instruments!(
                                    @definition $kind $metric [$($help)+] [$($unit)?] [$($edges)?] [$($label)*]
                                ),
                            )?,
                            [$($crate::metrics::every_value::<$closed>()),*],
                        ),
                    )+
                })
            }

            $(
                $(#[doc = $help])+
                #[doc = ""]
                #[doc = ::core::concat!("The series of `", $metric, "`.")]
                $vis fn $field(&self, $($label: $closed),*) -> &$crate::metrics::instruments!(@handle $kind) {
                    self.$field.of([$($crate::metrics::ClosedLabel::index($label)),*])
                }
            )+
        }

        // Looked at by the compiler, whoever uses what.
        const _: () = {
            let _ = $name::DEFINITIONS;
            $(
                let series = 1 $(* <$closed as $crate::metrics::ClosedLabel>::EVERY.len())*;
                ::core::assert!(series <= $crate::metrics::MOST_SERIES, "a metric has at most 1,000 series");
            )+
        };
    };

    (@definition $kind:ident $metric:literal [$($help:literal)+] [$($unit:ident)?] [$($edges:tt)?] [$($label:ident)*]) => {
        $crate::metrics::instruments!(@new $kind $metric, ::core::concat!($($help),+).trim_ascii())
            $(.unit($crate::metrics::Unit::$unit))?
            $(.edges(&$edges))?
            .labels(&[$(::core::stringify!($label)),*])
            .checked()
    };
    (@new Counter $metric:literal, $help:expr) => { $crate::metrics::Definition::counter($metric, $help) };
    (@new Gauge $metric:literal, $help:expr) => { $crate::metrics::Definition::gauge($metric, $help) };
    (@new GaugeAbsentUntilSet $metric:literal, $help:expr) => {
        $crate::metrics::Definition::gauge_absent_until_set($metric, $help)
    };
    (@new Histogram $metric:literal, $help:expr) => { $crate::metrics::Definition::histogram($metric, $help) };

    (@handle Counter) => { $crate::metrics::Counter };
    (@handle Gauge) => { $crate::metrics::Gauge };
    (@handle GaugeAbsentUntilSet) => { $crate::metrics::Gauge };
    (@handle Histogram) => { $crate::metrics::Histogram };

    (@register Counter) => { $crate::metrics::Meter::counter };
    (@register Gauge) => { $crate::metrics::Meter::gauge };
    (@register GaugeAbsentUntilSet) => { $crate::metrics::Meter::gauge };
    (@register Histogram) => { $crate::metrics::Meter::histogram };

    (@count) => { 0 };
    (@count $first:ident $($rest:ident)*) => { 1 + $crate::metrics::instruments!(@count $($rest)*) };
}
pub use instruments;
