//! A future beside another one that is woken far more often.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use pin_project_lite::pin_project;

pin_project! {
    /// Polls a future only when it was woken itself.
    ///
    /// A task that waits for several things looks at all of them whenever one of them wakes it. For a connection that
    /// means to register anew with a timer and with the drain for every request; with this, to look at a flag.
    pub(super) struct Aside<F> {
        #[pin]
        future: F,
        bell: Arc<Bell>,
        // The bell as the future sees it.
        ring: Waker,
        // The task that the bell calls.
        task: Option<Waker>,
    }
}

struct Bell {
    has_rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> Aside<F> {
    pub(super) fn new(future: F) -> Self {
        // It rings at first, since a future does nothing before its first poll.
        let bell = Arc::new(Bell { has_rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future, ring: Arc::clone(&bell).into(), bell, task: None }
    }
}

impl<F: Future> Future for Aside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *this.task = Some(cx.waker().clone());
            this.bell.call(cx.waker().clone());
        }
        // Ordering: a lone look. Whoever rings wakes the task afterwards, and a poll after that sees the flag.
        if !this.bell.has_rung.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // Ordering: acquires what was done before it rang. Before the poll, so that no ring of meanwhile is taken back.
        this.bell.has_rung.swap(false, Ordering::Acquire);
        this.future.poll(&mut Context::from_waker(this.ring))
    }
}

impl Bell {
    /// Calls this task from now on.
    fn call(&self, task: Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: releases what the future was woken for. A task that registers meanwhile is either called below or sees
        // the flag, by the lock's order.
        self.has_rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn future_is_polled_at_first_and_when_it_was_woken_itself() {
        let polls = Mutex::new(Vec::new());
        let future = poll_fn(|cx| {
            let mut polls = polls.lock().unwrap();
            polls.push(cx.waker().clone());
            if polls.len() < 4 { Poll::Pending } else { Poll::Ready("done") }
        });
        let mut aside = pin!(Aside::new(future));
        let mut poll_as = |task: &Arc<Task>| {
            let polled = aside.as_mut().poll(&mut Context::from_waker(&Arc::clone(task).into()));
            (polled, polls.lock().unwrap().len())
        };
        let [first, second] = [Arc::new(Task::default()), Arc::new(Task::default())];
        let ring = || polls.lock().unwrap().last().unwrap().wake_by_ref();
        let woken = || [&first, &second].map(|task| task.0.load(Ordering::Relaxed));

        assert_eq!(poll_as(&first), (Poll::Pending, 1));
        assert_eq!(poll_as(&first), (Poll::Pending, 1), "something else woke the task");
        ring();
        assert_eq!(woken(), [1, 0]);
        assert_eq!(poll_as(&first), (Poll::Pending, 2));
        assert_eq!(poll_as(&second), (Poll::Pending, 2), "another task goes on");
        ring();
        ring();
        assert_eq!(woken(), [1, 2]);
        assert_eq!(poll_as(&second), (Poll::Pending, 3), "two rings are one poll");
        assert_eq!(poll_as(&second), (Poll::Pending, 3));
        ring();
        assert_eq!(poll_as(&second), (Poll::Ready("done"), 4));
    }
}
