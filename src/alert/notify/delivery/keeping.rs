//! The thread that keeps the lease of who speaks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use super::builder::{restore, restore_cause};
use super::channel::Channel;
use super::lane::Shared;
use super::speaker::{Gained, Renewal, Speaker};

impl Shared {
    /// Starts the thread, if there is a lease.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn keep_lease(self: &Arc<Self>) -> io::Result<()> {
        if self.memory.speaker().is_none() {
            return Ok(());
        }
        let shared = Arc::clone(self);
        let body = move || {
            if let Some(speaker) = shared.memory.speaker() {
                shared.keep(speaker);
            }
        };
        thread::Builder::new().name("alert-lease".to_owned()).spawn(body).map(drop)
    }

    fn keep(&self, speaker: &Speaker) {
        // Ordering: see `close`.
        while !self.closed.load(Ordering::Acquire) {
            match speaker.renew() {
                Renewal::Gained(gained) => {
                    self.go_on_with(&gained);
                    speaker.begin(&gained);
                }
                Renewal::Kept => {}
                Renewal::NotOurs => self.lanes.iter().for_each(|lane| lane.with(Channel::listen)),
            }
            self.ring_lanes();
            self.keeping.wait(Some(self.clock.now() + speaker.interval()));
        }
        speaker.end();
    }

    /// Goes on where the replica was that spoke before.
    fn go_on_with(&self, gained: &Gained) {
        let now = self.clock.now();
        let causes = Arc::clone(&self.mutes().causes);
        gained.said.iter().for_each(|(_, entry)| restore_cause(&causes, entry, now));
        for lane in &self.lanes {
            lane.with(|channel| {
                channel.speak(now);
                let own = gained.said.iter().filter(|(subject, _)| *subject.destination() == *lane.name);
                own.for_each(|(subject, entry)| restore(channel, subject, entry, now));
            });
        }
    }
}
