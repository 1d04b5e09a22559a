//! What alerts are handed to.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::alert::Alert;
use super::super::change::Change;
use super::super::fingerprint::Fingerprint;
use super::super::notifier::Belief;
use super::builder::{DeliveryBuilder, Replicas};
use super::causes::Bearing;
use super::instruments::Lost;
use super::lane::{Lane, Shared};
use super::silence::Silence;
use crate::alert::HeldBack;

/// Tells people of alerts. Cloning shares it; with the last clone its threads end, each after the call that it makes.
///
/// It is handed each change of an alert, and may be handed the same state again and again. What it is handed never waits:
/// each destination has a thread, and the newest state of each alert is what is told when the destination can be told.
///
/// ```
/// use std::time::SystemTime;
/// use aistm7_monitoring::alert::Severity;
/// use aistm7_monitoring::alert::notify::{
///     Alert, Delivery, Notice, Notifier, NotifyError, Origin, Receipt, Replicas, Route,
/// };
/// use aistm7_monitoring::metrics::{Meter, Registry};
///
/// struct Terminal;
/// impl Notifier for Terminal {
///     async fn notify(&self, notice: &Notice) -> Result<Option<Receipt>, NotifyError> {
///         println!("{:?}: {} alerts", notice.status(), notice.alerts().len());
///         Ok(None)
///     }
/// }
///
/// let delivery = Delivery::builder(Replicas::One)
///     .destination("terminal", Terminal)
///     .route(Route::to(["terminal"]))
///     .build(&Meter::new(&Registry::new()))?;
/// delivery.offer(Alert::firing(Origin::new("risk", "prod"), "SyncFailed", Severity::Critical, SystemTime::now()));
/// assert_eq!(delivery.pending(), 1);
/// # Ok::<(), aistm7_monitoring::alert::notify::DeliveryError>(())
/// ```
#[derive(Clone)]
pub struct Delivery(Arc<Owner>);

/// Ends the threads, which hold what they share themselves.
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Delivery {
    /// Begins to set one up.
    pub fn builder(replicas: Replicas) -> DeliveryBuilder {
        DeliveryBuilder::new(replicas)
    }

    pub(super) fn start(shared: Shared) -> io::Result<Self> {
        let shared = Arc::new(shared);
        shared.start()?;
        Ok(Self(Arc::new(Owner(shared))))
    }

    /// Takes the present state of an alert. It goes where the routes say, and wherever the alert was told before.
    ///
    /// Cost: a few hashes, and a short lock for each destination. Never waits for anybody.
    pub fn offer(&self, alert: Alert) {
        self.offer_all([alert]);
    }

    /// Takes the present state of several alerts: of one that is the cause of another, in whatever order, only the cause is
    /// told. Cost: as [`Delivery::offer`], for each.
    pub fn offer_all(&self, alerts: impl IntoIterator<Item = Alert>) {
        let carried = &self.0.0.carried;
        let alerts: Vec<_> = alerts.into_iter().map(|alert| Arc::new(carried.on(alert))).collect();
        let causes = Arc::clone(&self.0.0.mutes().causes);
        let bearings: Vec<_> = alerts.iter().map(|alert| causes.heed(alert)).collect();
        alerts.iter().for_each(|alert| self.0.0.take(alert));
        // Last, since what it muted may be over as well.
        if bearings.contains(&Bearing::NoLongerMutes) {
            self.reconsider();
        }
    }

    /// Why people are not told of an alert that fires; `None` if they are, once a route takes it. Destinations that were
    /// told of it before it was held back go on as usual.
    ///
    /// Cost: a look at each silence.
    pub fn held_back(&self, alert: &Alert) -> Option<HeldBack> {
        let (clock, mutes) = (&self.0.0.clock, self.0.0.mutes().clone());
        mutes.holds(alert, clock.now(), clock.wall()).map(|(why, _)| why)
    }

    /// Somebody works on this alert: it is no longer repeated, and those who were told of it hear that.
    pub fn acknowledge(&self, alert: Fingerprint) {
        let now = self.0.0.clock.now();
        self.each_lane(|lane| lane.with(|channel| channel.acknowledge(alert, now)));
    }

    /// Tells every destination that takes changes of one, such as a deployment.
    pub fn announce(&self, change: &Change) {
        self.each_lane(|lane| {
            if lane.with(|channel| channel.announce(change.clone())).is_err() {
                lane.instruments.lost(Lost::Full, 1);
            }
        });
    }

    /// Holds back what a silence names, while it lasts. At most a thousand are kept, those that end last.
    pub fn silence(&self, silence: Silence) {
        let wall = self.0.0.clock.wall();
        let mut mutes = self.0.0.mutes();
        mutes.silences = mutes.silences.with(silence, wall);
    }

    /// Ends a silence early.
    pub fn lift(&self, silence: &Silence) {
        {
            let mut mutes = self.0.0.mutes();
            mutes.silences = mutes.silences.without(silence);
        }
        self.reconsider();
    }

    /// How many notices and changes are still to be told, at all destinations.
    pub fn pending(&self) -> usize {
        self.0.0.lanes.iter().map(|lane| *lane.pending.borrow()).sum()
    }

    /// Tells at once what waits for others to be told with, and waits until everything is told, for at most `limit` of
    /// real time; how much was not told by then.
    pub async fn flush(&self, limit: Duration) -> usize {
        let now = self.0.0.clock.now();
        self.each_lane(|lane| lane.with(|channel| channel.hurry(now)));
        let all_told = async {
            for lane in &self.0.0.lanes {
                // The sender lives in the lane, so only time can end this.
                let _ = lane.pending.subscribe().wait_for(|pending| *pending == 0).await;
            }
        };
        // How much is left says whether time has ended it.
        let _ = tokio::time::timeout(limit, all_told).await;
        self.pending()
    }

    /// Whether it may be one of several that tell of the same alerts.
    pub(in crate::alert) fn is_one_of_several(&self) -> bool {
        match &self.0.0.replicas {
            Replicas::One => false,
            Replicas::Several | Replicas::Leased(_) => true,
        }
    }

    /// Who would hear the same from several replicas: a destination that believes the last that speaks, or else the first.
    pub(in crate::alert) fn most_misled(&self) -> Option<&str> {
        let lanes = &self.0.0.lanes;
        let misled = lanes.iter().find(|lane| lane.belief == Belief::Lasting).or_else(|| lanes.first());
        misled.map(|lane| &*lane.name)
    }

    pub(in super::super) fn is_routed(&self, alert: &Alert) -> bool {
        self.0.0.routes.iter().any(|route| route.takes(alert))
    }

    pub(in super::super) fn wall(&self) -> SystemTime {
        self.0.0.clock.wall()
    }

    /// What was held back may no longer be.
    fn reconsider(&self) {
        let now = self.0.0.clock.now();
        self.each_lane(|lane| lane.with(|channel| channel.reconsider(now)));
    }

    fn each_lane(&self, act: impl Fn(&Lane)) {
        for lane in &self.0.0.lanes {
            act(lane);
            lane.alarm.ring();
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.0.lanes.iter().map(|lane| &lane.name).collect();
        f.debug_struct("Delivery").field("destinations", &names).finish_non_exhaustive()
    }
}
