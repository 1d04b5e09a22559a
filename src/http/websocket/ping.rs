//! Pings of our own, and the pongs that answer them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use axum::extract::ws::Message;
use bytes::Bytes;
use futures_util::Sink;
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};

use super::line::{Line, Open};

/// Chosen: what is sent more often measures nothing new and keeps nothing more alive.
const SHORTEST: Duration = Duration::from_millis(100);

/// Chosen: nothing on the way keeps an idle connection for so long, and no deadline that far ahead overflows.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends a ping in each interval, as long as the handler has the socket.
pub(super) async fn ping_every(line: &Line, interval: Duration) -> ! {
    let mut due = due_every(interval);
    loop {
        due.tick().await;
        // What is not through by then waits behind the handler's own messages, and goes out with them.
        let _ = timeout(due.period(), line.ping()).await;
    }
}

fn due_every(interval: Duration) -> Interval {
    let interval = interval.clamp(SHORTEST, LONGEST);
    let mut due = interval_at(tokio::time::Instant::now() + interval, interval);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    due
}

/// The pings of one socket. Their payloads begin with random bytes, so that no pong of a handler's own ping, or of
/// none, is taken for an answer.
#[derive(Debug)]
pub(super) struct Pings {
    token: [u8; 8],
    sent: u64,
    /// When the latest was sent, until it is answered. `None` without a record too.
    unanswered: Option<Instant>,
}

impl Pings {
    pub(super) fn new() -> Self {
        Self { token: fastrand::u64(..).to_be_bytes(), sent: 0, unanswered: None }
    }

    fn next(&mut self, now: Option<Instant>) -> Bytes {
        self.sent += 1;
        self.unanswered = now;
        [self.token, self.sent.to_be_bytes()].concat().into()
    }

    fn has_sent(&self, payload: &[u8]) -> bool {
        payload.starts_with(&self.token)
    }

    /// When the latest was sent, if this is its first answer. Clients may leave out the pongs of those before it.
    fn answered(&mut self, payload: &[u8]) -> Option<Instant> {
        let number = payload.strip_prefix(&self.token)?;
        if *number == self.sent.to_be_bytes() { self.unanswered.take() } else { None }
    }
}

impl Open {
    /// Whether a pong answers a ping of ours, which is measured and nothing to the handler.
    pub(super) fn takes_pong(&mut self, payload: &[u8]) -> bool {
        if let (Some(sent), Some(record)) = (self.pings.answered(payload), &self.record) {
            record.answered(sent);
        }
        self.pings.has_sent(payload)
    }

    /// Queues a ping, unless `queued` says that this was done, and flushes. Errors are for the handler to meet.
    fn poll_ping(&mut self, queued: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
        let mut socket = Pin::new(&mut self.socket);
        if !*queued {
            if ready!(socket.as_mut().poll_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            let now = self.record.as_ref().map(|record| record.now());
            let _ = socket.as_mut().start_send(Message::Ping(self.pings.next(now)));
            *queued = true;
        }
        socket.poll_flush(cx).map(drop)
    }
}

impl Line {
    async fn ping(&self) {
        let mut queued = false;
        std::future::poll_fn(|cx| {
            let mut state = self.state();
            // The connection wakes who asked last, and the handler may be waiting to send.
            let waker = match state.parked_writer() {
                Some(writer) => Arc::new(Both(writer.clone(), cx.waker().clone())).into(),
                None => cx.waker().clone(),
            };
            match state.usable() {
                Some(open) => open.poll_ping(&mut queued, &mut Context::from_waker(&waker)),
                None => Poll::Ready(()),
            }
        })
        .await;
    }
}

/// Wakes two.
struct Both(Waker, Waker);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
        self.1.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    /// Time is held: it moves on to the next deadline when every task waits.
    #[tokio::test(start_paused = true)]
    async fn intervals_without_sense_have_one() {
        for interval in [Duration::ZERO, Duration::MAX] {
            let mut due = due_every(interval);
            due.tick().await;
            assert!((SHORTEST..=LONGEST).contains(&due.period()));
        }
    }

    #[test]
    fn first_answer_to_the_latest_ping_is_measured_and_no_other() {
        let (held, mut pings) = (ManualClock::new(), Pings::new());
        let now = || Some(held.clock().now());
        let first = pings.next(now());
        held.advance(Duration::from_secs(1));
        let (sent, second) = (now(), pings.next(now()));
        assert_ne!(first, second);
        let foreign = Pings::new().next(now());
        for (payload, is_own, answered) in [
            (&foreign[..], false, None),
            (b"", false, None),
            (&second[..8], true, None),
            (&first[..], true, None),
            (&second[..], true, sent),
            (&second[..], true, None),
        ] {
            assert_eq!((pings.has_sent(payload), pings.answered(payload)), (is_own, answered), "{payload:?}");
        }
    }

    #[test]
    fn waker_of_two_wakes_both() {
        struct Count(std::sync::atomic::AtomicU32);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let counts = [0, 0].map(|count| Arc::new(Count(count.into())));
        let both: Waker = Arc::new(Both(Arc::clone(&counts[0]).into(), Arc::clone(&counts[1]).into())).into();
        both.wake();
        assert_eq!(counts.map(|count| count.0.load(std::sync::atomic::Ordering::Relaxed)), [1, 1]);
    }
}
