use std::sync::{Arc, Mutex, mpsc};

use tokio::task::spawn_blocking;

use super::super::{TraceContext, Traced, current, traced};

/// Says in which context it is dropped.
struct Witness(Arc<Mutex<Vec<Option<TraceContext>>>>);

impl Witness {
    fn pair() -> (Self, Arc<Mutex<Vec<Option<TraceContext>>>>) {
        let seen = Arc::default();
        (Self(Arc::clone(&seen)), seen)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.lock().expect("no panic while locked").push(current());
    }
}

#[tokio::test]
async fn one_word_takes_the_trace_to_tasks_threads_and_closures() {
    let context = TraceContext::new_root();
    let entered = context.enter();
    let task = tokio::spawn(
        async {
            tokio::task::yield_now().await;
            current()
        }
        .traced(),
    );
    let blocking = spawn_blocking(traced(current));
    let thread = std::thread::spawn(traced(current));
    let bare = tokio::spawn(async { current() });
    drop(entered);
    let expected = Some(context);
    assert_eq!(task.await.expect("no panic"), expected);
    assert_eq!(blocking.await.expect("no panic"), expected);
    assert_eq!(thread.join().expect("no panic"), expected);
    assert_eq!(bare.await.expect("no panic"), None);
    assert_eq!(current(), None);
}

#[tokio::test]
async fn message_brings_its_senders_trace_to_the_receiver() {
    let (sender, receiver) = mpsc::channel();
    let contexts = [(); 2].map(|()| TraceContext::new_root());
    for (number, context) in contexts.iter().enumerate() {
        let _entered = context.enter();
        sender.send(number.traced()).expect("a receiver");
    }
    let receiving = TraceContext::new_root();
    let _entered = receiving.enter();
    let (first, guard) = receiver.recv().expect("a message").enter();
    assert_eq!((first, current().as_ref()), (0, Some(&contexts[0])));
    drop(guard);
    assert_eq!(current().as_ref(), Some(&receiving));

    let work = async |number: usize| {
        tokio::task::yield_now().await;
        (number, current())
    };
    let second = receiver.recv().expect("a message").map(work).await;
    assert_eq!(second, (1, Some(contexts[1].clone())));
    assert_eq!(current().as_ref(), Some(&receiving));
}

#[test]
fn outside_of_a_trace_there_is_nothing_to_take_along_and_nothing_is_taken_away() {
    let sent = 7.traced();
    let here = TraceContext::new_root();
    let _entered = here.enter();
    let (message, _guard) = sent.enter();
    assert_eq!((message, current().as_ref()), (7, Some(&here)));
    assert_eq!(8.traced().into_inner(), 8);
}

#[tokio::test]
async fn what_is_done_or_given_up_is_dropped_in_its_trace() {
    let context = TraceContext::new_root();
    let polled = async |witness: Witness| {
        let _witness = witness;
        tokio::task::yield_now().await;
    };
    let (witness, done) = Witness::pair();
    tokio::spawn(context.clone().scope(polled(witness))).await.expect("no panic");
    let (witness, unpolled) = Witness::pair();
    drop(context.clone().scope(polled(witness)));
    let (witness, aborted) = Witness::pair();
    let waits = async {
        let _witness = witness;
        std::future::pending::<()>().await;
    };
    let task = tokio::spawn(context.clone().scope(waits));
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.expect_err("aborted").is_cancelled());
    let (witness, captured) = Witness::pair();
    let entered = context.enter();
    let work = traced(move || drop(witness));
    drop(entered);
    work();
    let (witness, message) = Witness::pair();
    drop(context.scope(witness));
    for seen in [done, unpolled, aborted, captured, message] {
        let seen = seen.lock().expect("no panic while locked");
        assert!(matches!(seen.as_slice(), [Some(_)]), "{seen:?}");
    }
    assert_eq!(current(), None);
}
