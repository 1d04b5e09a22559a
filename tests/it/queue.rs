//! A channel under load on several threads, with everything that may happen to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aistm7_monitoring::clock::Clock;
use aistm7_monitoring::metrics::{Meter, Registry};
use aistm7_monitoring::queue::Queues;
use tokio::task::JoinSet;

const SENDERS: u64 = 8;
const VALUES: u64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storm_of_senders_that_are_cut_off_and_work_of_every_ending_leaves_the_account_balanced() {
    let registry = Registry::new();
    let orders = Queues::new(&Meter::new(&registry), Clock::system()).unwrap().named("orders");
    let sum = |metric| registry.snapshot().sum(metric, &[("queue", "orders")]).unwrap();
    // The last round is given up with what is still in it.
    for given_up in [false, true] {
        let (sender, mut receiver) = orders.channel(4);
        let sent = Arc::new(AtomicU64::new(0));
        let mut senders = JoinSet::new();
        for from in 0..SENDERS {
            let (sender, sent) = (sender.clone(), Arc::clone(&sent));
            senders.spawn(async move {
                for number in 0..VALUES {
                    // Some give up waiting for room, at any moment of it.
                    let sending = sender.send(from * VALUES + number);
                    let was_sent = match number % 7 {
                        0 => tokio::time::timeout(Duration::from_micros(number % 50), sending).await == Ok(Ok(())),
                        _ => sending.await.is_ok(),
                    };
                    // Ordering: a lone count, read after the tasks are joined.
                    sent.fetch_add(u64::from(was_sent), Ordering::Relaxed);
                }
            });
        }
        drop(sender);
        let (mut received, mut working) = (0, JoinSet::new());
        let mut last_of = [None; SENDERS as usize];
        while let Some(order) = receiver.recv().await {
            received += 1;
            let last = &mut last_of[usize::try_from(*order / VALUES).unwrap()];
            assert!(last.is_none_or(|last| last < *order), "values of one sender are in order");
            *last = Some(*order);
            match *order % 5 {
                0 => order.ok(),
                1 => drop(order),
                2 => drop(working.spawn(order.execute_async(async |_| std::future::pending::<Result<(), ()>>().await))),
                3 => drop(working.spawn(order.execute_async(async |_| -> Result<(), ()> { panic!("on purpose") }))),
                _ => drop(working.spawn(order.execute_async(async |_| Err(())))),
            }
            if given_up && received == SENDERS * VALUES / 2 {
                break;
            }
        }
        drop(receiver);
        working.shutdown().await;
        senders.join_all().await;
        if !given_up {
            assert_eq!(received, sent.load(Ordering::Relaxed), "nothing is lost");
        }
        let places = ["queue_depth", "queue_in_progress", "queue_processed_total", "queue_dropped_total"].map(sum);
        assert_eq!(sum("queue_enqueued_total"), places.iter().sum::<f64>(), "{places:?}");
        assert_eq!(places[..2], [0.0, 0.0]);
        assert_eq!(sum("queue_wait_seconds"), places[2], "who is processed has waited");
    }
}
