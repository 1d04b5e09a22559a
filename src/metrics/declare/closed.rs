//! Labels whose values are the variants of an enum.

use crate::metrics::LabelValue;
use crate::metrics::definition::is_same;

/// A label whose values are the variants of an enum, as [`closed_label!`](crate::closed_label) makes them.
pub trait ClosedLabel: Copy + Into<LabelValue> + 'static {
    /// Every value, in the order of [`ClosedLabel::index`].
    const EVERY: &'static [Self];

    /// The place of this value in [`ClosedLabel::EVERY`].
    fn index(self) -> usize;
}

/// Makes an enum whose variants are the values of a label, so that no other value can become one.
///
/// The enum has `ALL`, `as_str` and a conversion into [`LabelValue`](crate::metrics::LabelValue), and is a
/// [`ClosedLabel`](crate::metrics::ClosedLabel), as [`instruments!`](crate::instruments) needs it.
///
/// ```
/// aistm7_monitoring::closed_label! {
///     /// The side of an order: the `side` label.
///     pub enum Side {
///         /// Somebody pays.
///         Buy = "buy",
///         /// Somebody is paid.
///         Sell = "sell",
///     }
/// }
///
/// assert_eq!(Side::ALL.len(), 2);
/// assert_eq!(Side::Sell.as_str(), "sell");
/// ```
///
/// A value has 1 to 63 visible ASCII characters without quotes and backslashes, and occurs once; else it does not compile:
///
/// ```compile_fail,E0080
/// aistm7_monitoring::closed_label! {
///     enum Side {
///         Buy = "buy",
///         Sell = "buy",
///     }
/// }
/// ```
#[macro_export]
macro_rules! closed_label {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $value:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        const _: () = $crate::metrics::check_closed_values(&[$($value),+]);

        impl $name {
            /// Every value.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The value of the label.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $value),+
                }
            }
        }

        impl From<$name> for $crate::metrics::LabelValue {
            fn from(value: $name) -> Self {
                value.as_str().into()
            }
        }

        impl $crate::metrics::ClosedLabel for $name {
            const EVERY: &'static [Self] = Self::ALL;

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub use closed_label;

/// What [`closed_label!`](crate::closed_label) asks of its values. For the macro alone.
///
/// # Panics
/// In the compiler, when a value breaks the rule or occurs twice.
pub const fn check_closed_values(values: &[&str]) {
    let mut at = 0;
    while at < values.len() {
        let value = values[at].as_bytes();
        assert!(!value.is_empty() && value.len() <= 63, "a value of a closed label has 1 to 63 characters");
        let mut byte = 0;
        while byte < value.len() {
            let is_plain = value[byte].is_ascii_graphic() && value[byte] != b'"' && value[byte] != b'\\';
            assert!(is_plain, "a value of a closed label is visible ASCII without quotes and backslashes");
            byte += 1;
        }
        let mut earlier = 0;
        while earlier < at {
            assert!(!is_same(values[earlier].as_bytes(), value), "a value of a closed label occurs once");
            earlier += 1;
        }
        at += 1;
    }
}
