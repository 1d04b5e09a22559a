//! A check that one replica runs for all: who runs it, and what is taken over from another.

use std::time::{Duration, Instant};

use super::super::run::{Abort, Bidding, RunEnd};
use super::super::share::{BidResult, Heard};
use super::super::tenure::Role;
use super::{Phase, Refresh, Told, Tracked, unix_seconds};
use crate::drain::Phase as DrainPhase;
use crate::health::state::{Followed, Moment, Probe};
use crate::store::lease::{Published, Wish};

impl Tracked {
    /// The bid that is due for its lease.
    pub(in crate::health::runner) fn bid(&mut self, drain: DrainPhase, now: Moment) -> Option<Bidding> {
        let is_stuck = self.run.as_ref().is_some_and(|run| matches!(run.phase, Phase::Stuck));
        // Another replica may do better, and will still be there.
        let wish = if is_stuck || drain != DrainPhase::Serving { Wish::Yield } else { Wish::Hold };
        let probe = self.has_result.then_some(Probe {
            at: self.last_result,
            took: self.duration,
            certificate_not_after: self.certificate_not_after,
        });
        let state = &self.state;
        self.share.as_mut()?.bid(wish, probe.map(|probe| move || state.published(probe, now)), now.instant)
    }

    /// The bid has begun, or could not.
    pub(in crate::health::runner) fn bidding(&mut self, asking: Option<Abort>) {
        if let Some(share) = &mut self.share {
            share.asking(asking);
        }
    }

    /// The thread of a bid has ended.
    pub(in crate::health::runner) fn bid_ended(&mut self, end: RunEnd<BidResult>, now: Moment, told: &mut Told<'_>) {
        let Some(share) = &mut self.share else {
            return;
        };
        let had_epoch = share.role(now.instant);
        if let Some(Heard { published, asked }) = share.ended(end) {
            let goes_on = share.role(now.instant) == had_epoch && matches!(had_epoch, Role::Holding { .. });
            // What a holder reads is its own.
            if let Some(published) = published.filter(|_| !goes_on) {
                self.follow(&published, asked, now, told);
            }
        }
        self.take_role(now.instant);
        if self.refresh == Refresh::Wanted && !self.may_run(now.instant) {
            self.refresh = Refresh::None;
        }
        self.swing_gate(now.instant);
    }

    /// Takes over what another replica knows, unless it is older than what is known here.
    fn follow(&mut self, Published { result, age }: &Published, asked: Instant, now: Moment, told: &mut Told<'_>) {
        let ago = now.instant.saturating_duration_since(asked).saturating_add(*age);
        let Some(followed) = now.before(ago).and_then(|published| Followed::read(result, published)) else {
            if let Some(share) = &self.share {
                share.cannot_read();
            }
            return;
        };
        let Probe { at, took, certificate_not_after } = followed.probe;
        if self.has_result && at < self.last_result {
            return;
        }
        self.duration = took;
        self.has_result = true;
        self.last_result = at;
        if let Some(not_after) = certificate_not_after {
            self.saw_certificate(not_after);
        }
        let change = self.state.follow(followed);
        if let Some(success) = self.state.last_success {
            self.instruments.succeeded(unix_seconds(success));
        }
        self.changed(change, now, told);
    }

    /// Acts on a role that is another one than before.
    pub(super) fn take_role(&mut self, now: Instant) {
        let Some(share) = &mut self.share else {
            return;
        };
        share.tick(now);
        let Some(role) = share.changed_role(now) else {
            return;
        };
        // Without a result the first run is due as it was at the start.
        match role {
            Role::Holding { .. } if self.has_result => self.due = self.last_result + self.settings.interval,
            Role::Alone => {
                share.tell_fallback();
                if self.has_result {
                    let turn = self.settings.interval.saturating_mul(self.settings.stretch).mul_f64(share.phase());
                    self.due = now + turn;
                }
            }
            _ => {}
        }
    }

    /// What this process is for the check. A holder that publishes nothing is as good as none.
    pub(super) fn role(&self, now: Instant) -> Role {
        let is_stale = now >= self.last_result + self.settings.stale_after;
        match self.share.as_ref().map_or(Role::Alone, |share| share.role(now)) {
            Role::Following if is_stale => Role::Alone,
            role => role,
        }
    }

    pub(super) fn may_run(&self, now: Instant) -> bool {
        matches!(self.role(now), Role::Holding { .. } | Role::Alone)
    }

    /// Whether a run that was begun as something else may be older than what another replica has told since.
    pub(super) fn is_overtaken(&self, begun_as: Role, now: Instant) -> bool {
        match self.role(now) {
            Role::Following | Role::Undecided => true,
            held @ Role::Holding { .. } => matches!(begun_as, Role::Holding { .. }) && begun_as != held,
            Role::Alone => false,
        }
    }

    /// By how much intervals are stretched now.
    pub(super) fn stretch(&self, now: Instant) -> u32 {
        match self.role(now) {
            Role::Holding { .. } => 1,
            Role::Following | Role::Alone | Role::Undecided => self.settings.stretch,
        }
    }

    pub(super) fn stretched(&self, interval: Duration, now: Instant) -> Duration {
        interval.saturating_mul(self.stretch(now))
    }
}
