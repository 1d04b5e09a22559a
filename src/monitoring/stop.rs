//! The way out: asked for by a signal or by code, walked in steps.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::drain::{Drain, Phase};

/// How long each step of the way out may take. Together they fit the termination grace of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopTimes {
    /// How long requests are still served after readiness says no: the time load balancers need to look away.
    pub drain_delay: Duration,
    /// How long open requests may take after that.
    pub request_grace: Duration,
    /// How long writing out the last log lines may take.
    pub flush: Duration,
}

/// Chosen: Kubernetes and ECS kill 30 s after their signal unless told otherwise.
pub const DEFAULT_TERMINATION_GRACE: Duration = Duration::from_secs(30);

/// Chosen: one period of a Kubernetes readiness probe at its fastest common setting.
pub const DEFAULT_DRAIN_DELAY: Duration = Duration::from_secs(5);

/// Chosen: enough to write out a full buffer to a slow disk.
const FLUSH: Duration = Duration::from_secs(5);

impl StopTimes {
    /// Divides a termination grace: the drain delay, a sixth (at most 5 s) for the last log lines, the rest for
    /// requests.
    pub(super) fn within(termination_grace: Duration, drain_delay: Duration) -> Self {
        let flush = FLUSH.min(termination_grace / 6);
        let request_grace = termination_grace.saturating_sub(drain_delay + flush);
        Self { drain_delay, request_grace, flush }
    }
}

/// How often the end was asked for: once starts the way out, twice cuts it short.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    times: Arc<watch::Sender<u32>>,
    /// Signals are listened for once, however many servers wait for them.
    listening: Arc<Mutex<Listening>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    NotYet,
    Already,
}

impl Stop {
    pub(super) fn new() -> Self {
        Self { times: Arc::new(watch::Sender::new(0)), listening: Arc::new(Mutex::new(Listening::NotYet)) }
    }

    pub(super) fn ask(&self) {
        ask(&self.times);
    }

    /// Resolves once the end was asked for so often.
    pub(super) async fn asked(&self, often: u32) {
        let mut times = self.times.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = times.wait_for(|times| *times >= often).await;
    }

    /// Walks a process through its phases, up to [`Phase::Closing`].
    pub(super) async fn walk(&self, drain: &Drain, drain_delay: Duration) {
        self.asked(1).await;
        drain.enter(Phase::Draining);
        tokio::select! {
            () = tokio::time::sleep(drain_delay) => {}
            () = self.asked(2) => {}
        }
        drain.enter(Phase::Closing);
    }
}

fn ask(times: &watch::Sender<u32>) {
    times.send_modify(|times| *times = times.saturating_add(1));
}

/// Asks for the end at SIGTERM and SIGINT, each time one comes, until `stop` is gone.
///
/// # Errors
/// When the process cannot listen for signals.
pub(super) fn listen_for_signals(stop: &Stop) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut listening = stop.listening.lock().unwrap_or_else(PoisonError::into_inner);
    if *listening == Listening::Already {
        return Ok(());
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    *listening = Listening::Already;
    let times = Arc::downgrade(&stop.times);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            match times.upgrade() {
                Some(times) => ask(&times),
                None => return,
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_fit_the_termination_grace() {
        let times = StopTimes::within(Duration::from_secs(30), Duration::from_secs(5));
        assert_eq!((times.request_grace, times.flush), (Duration::from_secs(20), Duration::from_secs(5)));
        let short = StopTimes::within(Duration::from_secs(3), Duration::from_secs(5));
        assert_eq!((short.request_grace, short.flush), (Duration::ZERO, Duration::from_millis(500)));
    }

    #[tokio::test(start_paused = true)]
    async fn first_ask_drains_and_the_delay_closes() {
        let (stop, drain) = (Stop::new(), Drain::new());
        let walk = stop.walk(&drain, Duration::from_secs(5));
        tokio::pin!(walk);
        stop.ask();
        assert!(tokio::time::timeout(Duration::from_secs(4), &mut walk).await.is_err());
        assert_eq!(drain.phase(), Phase::Draining);
        walk.await;
        assert_eq!(drain.phase(), Phase::Closing);
    }

    #[tokio::test]
    async fn signals_are_listened_for_once() {
        let stop = Stop::new();
        for _ in 0..2 {
            listen_for_signals(&stop).unwrap();
        }
        assert_eq!(Arc::weak_count(&stop.times), 1, "one task waits for signals");
    }

    #[tokio::test(start_paused = true)]
    async fn second_ask_cuts_the_delay_short() {
        let (stop, drain) = (Stop::new(), Drain::new());
        stop.ask();
        stop.ask();
        let before = tokio::time::Instant::now();
        stop.walk(&drain, Duration::from_secs(3600)).await;
        stop.asked(2).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
