//! Queues under a clock that stands still until it is told to move.

mod balance;
mod channel;
mod stored;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::clock::ManualClock;
use crate::metrics::{Meter, Registry, RegistryOptions};
use crate::queue::{Delivery, Permit, QueueMetrics, Queues, Receiver, Sender, StoredQueue, Ticket, UnboundedSender};

const fn shareable<T: Clone + Send + Sync + 'static>() {}
const fn movable<T: Send + Sync + 'static>() {}

/// Auto traits are API.
const _: () = {
    shareable::<Queues>();
    shareable::<QueueMetrics>();
    shareable::<StoredQueue>();
    shareable::<Sender<u8>>();
    shareable::<UnboundedSender<u8>>();
    movable::<Receiver<u8>>();
    movable::<Permit<'static, u8>>();
    movable::<Delivery<u8>>();
    movable::<Ticket>();
};

struct Bench {
    registry: Registry,
    clock: ManualClock,
    queues: Queues,
    orders: QueueMetrics,
}

impl Bench {
    fn new() -> Self {
        let clock = ManualClock::new();
        let registry = Registry::with(RegistryOptions::new().clock(clock.clock()));
        let queues = Queues::new(&Meter::new(&registry), clock.clock()).unwrap();
        let orders = queues.named("orders");
        Self { registry, clock, queues, orders }
    }

    /// The sum of a metric's series that have these labels.
    fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        self.registry.snapshot().sum(metric, labels).unwrap_or_default()
    }

    /// Every item is in one place.
    #[track_caller]
    fn assert_balanced(&self) -> Places {
        let snapshot = self.registry.snapshot();
        let sum = |metric| snapshot.sum(metric, &[]).unwrap();
        let places = Places {
            enqueued: sum("queue_enqueued_total"),
            depth: sum("queue_depth"),
            in_progress: sum("queue_in_progress"),
        };
        let gone = sum("queue_processed_total") + sum("queue_dropped_total");
        assert_eq!(places.enqueued, places.depth + places.in_progress + gone, "{places:?}");
        places
    }
}

/// How many items there have been, and where those are that are left.
#[derive(Debug)]
struct Places {
    enqueued: f64,
    depth: f64,
    in_progress: f64,
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
