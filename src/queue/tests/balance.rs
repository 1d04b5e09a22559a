//! Whatever happens, every item is in one place.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{Bench, poll_once};
use crate::queue::{Delivery, Outcome, Receiver, Sender, UnboundedSender};

/// What may happen to a queue.
#[derive(Clone, Copy, Debug)]
enum Step {
    TrySend,
    SendUnbounded,
    BeginToSend,
    GoOnSending(Index),
    GiveUpSending(Index),
    ReserveForNothing,
    Receive,
    ReceiveUnbounded,
    Finish(Index, Outcome),
    Abandon(Index),
    BeginToWork(Index),
    CancelWork(Index),
    Panic(Index),
    Close,
    DropReceiver,
    DropUnboundedReceiver,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop::sample::select(Outcome::ALL);
    let step = prop_oneof![
        6 => Just(Step::TrySend),
        4 => Just(Step::SendUnbounded),
        4 => Just(Step::BeginToSend),
        3 => any::<Index>().prop_map(Step::GoOnSending),
        2 => any::<Index>().prop_map(Step::GiveUpSending),
        1 => Just(Step::ReserveForNothing),
        6 => Just(Step::Receive),
        3 => Just(Step::ReceiveUnbounded),
        3 => (any::<Index>(), outcome).prop_map(|(index, outcome)| Step::Finish(index, outcome)),
        1 => any::<Index>().prop_map(Step::Abandon),
        2 => any::<Index>().prop_map(Step::BeginToWork),
        1 => any::<Index>().prop_map(Step::CancelWork),
        1 => any::<Index>().prop_map(Step::Panic),
        1 => Just(Step::Close),
        1 => Just(Step::DropReceiver),
        1 => Just(Step::DropUnboundedReceiver),
    ];
    prop::collection::vec(step, 0..80)
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Two channels of one queue, and what its users are doing.
struct World {
    bench: Bench,
    sender: Sender<u32>,
    unbounded: UnboundedSender<u32>,
    receivers: [Option<Receiver<u32>>; 2],
    sending: Vec<Running>,
    deliveries: Vec<Delivery<u32>>,
    working: Vec<Running>,
}

impl World {
    fn new() -> Self {
        let bench = Bench::new();
        let (sender, receiver) = bench.orders.channel(2);
        let (unbounded, other) = bench.orders.unbounded_channel();
        let receivers = [Some(receiver), Some(other)];
        Self { bench, sender, unbounded, receivers, sending: vec![], deliveries: vec![], working: vec![] }
    }

    fn take(&mut self, step: Step) {
        self.bench.clock.advance(Duration::from_millis(1));
        match step {
            Step::TrySend => drop(self.sender.try_send(0)),
            Step::SendUnbounded => drop(self.unbounded.send(0)),
            Step::BeginToSend => {
                let sender = self.sender.clone();
                self.sending.push(Box::pin(async move {
                    let _ended = sender.send(0).await;
                }));
                self.go_on_sending(self.sending.len() - 1);
            }
            Step::GoOnSending(index) if !self.sending.is_empty() => self.go_on_sending(index.index(self.sending.len())),
            Step::GiveUpSending(index) => drop(taken(&mut self.sending, index)),
            Step::ReserveForNothing => drop(poll_once(Box::pin(self.sender.reserve()).as_mut())),
            Step::Receive => self.receive(0),
            Step::ReceiveUnbounded => self.receive(1),
            Step::Finish(index, outcome) => {
                if let Some(delivery) = taken(&mut self.deliveries, index) {
                    delivery.finish(outcome);
                }
            }
            Step::Abandon(index) => drop(taken(&mut self.deliveries, index)),
            Step::BeginToWork(index) => {
                if let Some(delivery) = taken(&mut self.deliveries, index) {
                    self.working.push(Box::pin(async move {
                        let Ok::<(), ()>(()) = delivery.execute_async(|_| pending()).await else { return };
                    }));
                }
            }
            Step::CancelWork(index) => drop(taken(&mut self.working, index)),
            Step::Panic(index) => {
                if let Some(delivery) = taken(&mut self.deliveries, index) {
                    let work = || delivery.execute(|_| -> Result<(), ()> { panic!("on purpose") });
                    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
                }
            }
            Step::Close => self.receivers[0].iter_mut().for_each(Receiver::close),
            Step::DropReceiver => self.receivers[0] = None,
            Step::DropUnboundedReceiver => self.receivers[1] = None,
            Step::GoOnSending(_) => {}
        }
    }

    fn go_on_sending(&mut self, at: usize) {
        if poll_once(self.sending[at].as_mut()).is_ready() {
            drop(self.sending.remove(at));
        }
    }

    fn receive(&mut self, from: usize) {
        let received = self.receivers[from].as_mut().and_then(|receiver| receiver.try_recv().ok());
        self.deliveries.extend(received);
    }

    fn in_channels(&self) -> usize {
        self.receivers.iter().flatten().map(Receiver::len).sum()
    }
}

fn taken<T>(from: &mut Vec<T>, index: Index) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(index.index(from.len())))
}

proptest! {
    #[test]
    fn every_item_is_in_one_place_whatever_happens(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            let places = world.bench.assert_balanced();
            prop_assert_eq!(places.depth, world.in_channels() as f64);
            prop_assert_eq!(places.in_progress, (world.deliveries.len() + world.working.len()) as f64);
        }
        let World { bench, sender, unbounded, receivers, sending, deliveries, working } = world;
        drop((sending, deliveries, working, receivers, sender, unbounded));
        let places = bench.assert_balanced();
        prop_assert_eq!((places.depth, places.in_progress), (0.0, 0.0));
        prop_assert_eq!((bench.sum("queue_capacity", &[]), bench.sum("queue_oldest_age_seconds", &[])), (0.0, 0.0));
    }
}
