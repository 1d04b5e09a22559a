//! When a dependency is allowed to be down: known windows of maintenance, in the time zone of who keeps them.
//!
//! A check that fails inside a window is degraded with the reason `maintenance`, not unhealthy, and
//! `health_check_maintenance` is 1, so that rules look away. A grace follows each window, since what was restarted
//! flaps for a while. An outage that began before the window, or outlives window and grace, counts as any other.
//!
//! ```
//! use aistm7_monitoring::health::{CheckOptions, Maintenance, MaintenanceWindow, Weekday};
//!
//! let nightly = MaintenanceWindow::daily("Europe/Zurich", "02:00", "02:30")?.on(&[Weekday::Saturday, Weekday::Sunday]);
//! let options = CheckOptions::new().maintenance(Maintenance::new().window(nightly));
//! # let _ = options;
//! # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
//! ```

mod window;

use std::time::{Duration, SystemTime};

use crate::error::InvalidValue;

pub use window::MaintenanceWindow;

pub use crate::weekday::Weekday;

/// The windows in which a dependency may be down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "it excuses nothing until a check is registered with it"]
pub struct Maintenance {
    windows: Vec<MaintenanceWindow>,
    grace: Duration,
}

/// Chosen: IBKR's farms flap for some minutes after their nightly restart, and a first failure is probed again within
/// ten seconds.
const DEFAULT_GRACE: Duration = Duration::from_secs(10 * 60);

/// The longest grace that a check is registered with. Chosen: an outage has to count on the day after at the latest.
pub const LONGEST_GRACE: Duration = Duration::from_secs(24 * 3600);

impl Maintenance {
    /// No window, and a grace of 10 minutes.
    pub const fn new() -> Self {
        Self { windows: Vec::new(), grace: DEFAULT_GRACE }
    }

    /// Adds a window.
    pub fn window(mut self, window: MaintenanceWindow) -> Self {
        self.windows.push(window);
        self
    }

    /// How long after the end of a window the dependency may still come and go, at most [`LONGEST_GRACE`]. Default:
    /// 10 minutes.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    pub(super) fn check(&self) -> Result<(), InvalidValue> {
        if self.grace > LONGEST_GRACE {
            return Err(InvalidValue::new("maintenance grace", format_args!("{:?}", self.grace), "at most a day"));
        }
        Ok(())
    }

    /// The windows with their grace: the zone, the days on which each opens, when it does and how long it lasts, in minutes as
    /// clocks show them.
    #[cfg(feature = "alert")]
    pub(crate) fn spans(&self) -> impl Iterator<Item = (&str, &[Weekday], usize, usize)> {
        // The cast keeps what a grace may be; a begun minute counts.
        let grace = self.grace.as_secs().div_ceil(60) as usize;
        self.windows.iter().map(move |window| {
            let (zone, days, opens, lasts) = window.span();
            (zone, days, opens, lasts + grace)
        })
    }

    /// Whether the dependency is excused at a moment: a window is open or in its grace.
    pub fn excuses(&self, at: SystemTime) -> bool {
        self.windows.iter().any(|window| window.is_open(at, self.grace))
    }
}

impl Default for Maintenance {
    fn default() -> Self {
        Self::new()
    }
}

/// When Interactive Brokers resets its servers, by the region that an account is served from.
///
/// On the days from Sunday to Friday: North America 00:15–01:45 New York, Europe 06:25–07:45 Central European, Asia
/// 04:45–06:05 and 20:15–21:15 Hong Kong; and everywhere the weekly one, Friday 23:00 to Saturday 03:00 New York. Clocks
/// follow each zone's daylight saving time.
///
/// The gateway's own daily restart is a setting of the gateway: add it as a window of its own.
///
/// ```
/// use aistm7_monitoring::health::{CheckOptions, IbkrMaintenance, Maintenance, MaintenanceWindow};
///
/// let gateway_restart = MaintenanceWindow::daily("America/New_York", "23:45", "23:55")?;
/// let windows = Maintenance::from(IbkrMaintenance::NorthAmerica).window(gateway_restart);
/// let options = CheckOptions::new().maintenance(windows);
/// # let _ = options;
/// # Ok::<(), aistm7_monitoring::error::InvalidValue>(())
/// ```
#[cfg(feature = "ibkr-tws")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IbkrMaintenance {
    /// Accounts served from the United States and Canada.
    NorthAmerica,
    /// Accounts served from Europe.
    Europe,
    /// Accounts served from Asia.
    Asia,
}

#[cfg(feature = "ibkr-tws")]
impl IbkrMaintenance {
    /// Zone, opening and closing of each nightly reset.
    const fn nightly(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::NorthAmerica => &[("America/New_York", "00:15", "01:45")],
            Self::Europe => &[("Europe/Zurich", "06:25", "07:45")],
            Self::Asia => &[("Asia/Hong_Kong", "04:45", "06:05"), ("Asia/Hong_Kong", "20:15", "21:15")],
        }
    }
}

#[cfg(feature = "ibkr-tws")]
impl From<IbkrMaintenance> for Maintenance {
    fn from(region: IbkrMaintenance) -> Self {
        use Weekday::{Friday, Monday, Sunday, Thursday, Tuesday, Wednesday};
        let known = |zone, opens, closes| {
            MaintenanceWindow::daily(zone, opens, closes)
                .expect("OK because these zones and times are in every database")
        };
        let nightly = region.nightly().iter().map(|(zone, opens, closes)| {
            known(zone, opens, closes).on(&[Sunday, Monday, Tuesday, Wednesday, Thursday, Friday])
        });
        let weekly = known("America/New_York", "23:00", "03:00").on(&[Friday]);
        nightly.chain([weekly]).fold(Self::new(), Self::window)
    }
}

#[cfg(test)]
mod tests;
