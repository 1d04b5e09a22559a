//! What a channel counts, and that it stays a channel.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc::error::{SendError, TryRecvError, TrySendError};

use super::{Bench, poll_once};

#[test]
fn item_waits_from_its_room_until_it_is_received() {
    let bench = Bench::new();
    let (sender, mut receiver) = bench.orders.channel(1);
    sender.try_send('a').unwrap();
    let mut second = pin!(sender.send('b'));
    assert!(poll_once(second.as_mut()).is_pending());
    bench.clock.advance(Duration::from_secs(3));
    assert_eq!(bench.sum("queue_depth", &[]), 1.0, "who waits for room is not in the queue");
    assert_eq!(bench.sum("queue_oldest_age_seconds", &[]), 3.0);

    let first = receiver.try_recv().unwrap();
    assert_eq!(bench.sum("queue_oldest_age_seconds", &[]), 0.0);
    assert_eq!(poll_once(second), Poll::Ready(Ok(())));
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.sum("queue_oldest_age_seconds", &[]), 2.0);
    let (value, timer) = receiver.try_recv().unwrap().into_parts();
    bench.clock.advance(Duration::from_secs(4));
    timer.ok();
    first.failed();

    assert_eq!(value, 'b');
    let snapshot = bench.registry.snapshot();
    let sum = |metric, labels: &[_]| snapshot.histogram(metric, labels).unwrap().sum;
    assert_eq!(sum("queue_wait_seconds", &[]), 3.0 + 2.0);
    assert_eq!(sum("queue_work_seconds", &[("outcome", "ok")]), 4.0);
    assert_eq!(sum("queue_work_seconds", &[("outcome", "failed")]), 6.0);
    assert_eq!(bench.assert_balanced().enqueued, 2.0);
}

#[test]
fn values_come_in_order_and_those_that_do_not_go_in_come_back() {
    let bench = Bench::new();
    let (sender, mut receiver) = bench.orders.channel(2);
    assert_eq!((sender.max_capacity(), sender.capacity(), receiver.len()), (2, 2, 0));
    sender.try_send(1).unwrap();
    sender.clone().try_send(2).unwrap();
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(*receiver.try_recv().unwrap(), 1);
    receiver.close();
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(sender.try_send(4), Err(TrySendError::Closed(4)));
    assert_eq!(poll_once(pin!(sender.send(5))), Poll::Ready(Err(SendError(5))));
    assert_eq!(*receiver.try_recv().unwrap(), 2);
    assert_eq!(receiver.try_recv().err(), Some(TryRecvError::Disconnected));

    let (unbounded, mut receiver) = bench.orders.unbounded_channel();
    assert_eq!(receiver.try_recv().err(), Some(TryRecvError::Empty));
    unbounded.send(6).unwrap();
    assert!(!receiver.is_empty());
    drop(receiver);
    assert!(unbounded.is_closed());
    assert_eq!(unbounded.send(7), Err(SendError(7)));

    assert_eq!(bench.sum("queue_rejected_total", &[("reason", "full")]), 1.0);
    assert_eq!(bench.sum("queue_rejected_total", &[("reason", "closed")]), 3.0);
    assert_eq!(bench.sum("queue_dropped_total", &[]), 1.0);
    assert_eq!(bench.sum("queue_processed_total", &[("outcome", "abandoned")]), 2.0);
    assert_eq!(bench.assert_balanced().enqueued, 3.0);
}

#[test]
fn senders_and_receivers_that_wait_are_woken_and_given_up_without_a_trace() {
    let bench = Bench::new();
    let (sender, mut receiver) = bench.orders.channel(1);
    {
        let mut waiting = pin!(receiver.recv());
        assert!(poll_once(waiting.as_mut()).is_pending());
        sender.try_send("first").unwrap();
        let Poll::Ready(Some(delivery)) = poll_once(waiting) else { panic!("it is there") };
        delivery.ok();
    }
    sender.try_send("second").unwrap();
    {
        // Dropped while it waits.
        assert!(poll_once(pin!(sender.send("given up"))).is_pending());
    }
    drop(sender);
    receiver.try_recv().unwrap().ok();
    assert!(matches!(poll_once(pin!(receiver.recv())), Poll::Ready(None)));
    assert_eq!(bench.assert_balanced().enqueued, 2.0);
    assert_eq!(bench.sum("queue_processed_total", &[("outcome", "ok")]), 2.0);
}

#[test]
fn work_that_is_dropped_is_cancelled_before_its_first_poll_too() {
    let bench = Bench::new();
    let (sender, mut receiver) = bench.orders.unbounded_channel();
    sender.send(()).unwrap();
    drop(receiver.try_recv().unwrap().execute_async(async |()| Ok::<_, ()>(())));
    assert_eq!(bench.sum("queue_processed_total", &[("outcome", "cancelled")]), 1.0);
    assert_eq!(bench.assert_balanced().enqueued, 1.0);
}

#[test]
fn channels_of_one_name_are_added_up() {
    let bench = Bench::new();
    let (first, _keeps) = bench.orders.channel(3);
    let (second, receiver) = bench.orders.channel(4);
    first.try_send(1).unwrap();
    bench.clock.advance(Duration::from_secs(1));
    second.try_send(2).unwrap();
    assert_eq!(bench.sum("queue_capacity", &[]), 7.0);
    assert_eq!(bench.sum("queue_depth", &[]), 2.0);
    assert_eq!(bench.sum("queue_oldest_age_seconds", &[]), 1.0);
    drop(receiver);
    assert_eq!(bench.sum("queue_capacity", &[]), 3.0);
    assert_eq!(bench.sum("queue_depth", &[]), 1.0);
}

#[test]
fn item_of_a_channel_that_its_receiver_left_is_dropped_with_it() {
    let bench = Bench::new();
    let (sender, receiver) = bench.orders.channel(1);
    {
        let Poll::Ready(Ok(permit)) = poll_once(pin!(sender.reserve())) else { panic!("there is room") };
        drop(receiver);
        // Tokio takes it, and keeps it for nobody.
        permit.send("late");
    }
    drop(sender);
    assert_eq!(bench.sum("queue_dropped_total", &[]), 1.0);
    assert_eq!(bench.assert_balanced().enqueued, 1.0);
}
