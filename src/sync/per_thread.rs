//! One of a kind for each thread.

use std::iter;
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;

use super::number_of_this_thread;

/// Things that are alike, of which each thread uses the one that it was dealt.
///
/// For what counts its references: threads that count at one place take its cache line from each other every time, which
/// costs more than twice what the counting does.
pub(crate) struct PerThread<T>(Box<[T]>);

/// Chosen: four threads for each of them on a machine of 32 cores.
const MOST: usize = 8;

/// A power of two, for which the remainder is a mask.
static COPIES: LazyLock<usize> = LazyLock::new(|| {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    threads.next_power_of_two().min(MOST)
});

impl<T> PerThread<T> {
    /// As many as threads run at once, 8 at most.
    pub(crate) fn of(make: impl FnMut() -> T) -> Self {
        Self(iter::repeat_with(make).take(*COPIES).collect())
    }

    /// This thread's.
    #[inline]
    pub(crate) fn own(&self) -> &T {
        &self.0[number_of_this_thread() & (self.0.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thread_has_the_same_one_every_time() {
        let mut made = 0..;
        let numbers = PerThread::of(|| made.next());
        assert!(numbers.0.len().is_power_of_two() && numbers.0.len() <= MOST);
        thread::scope(|scope| {
            for _ in 0..3 * MOST {
                scope.spawn(|| assert_eq!(numbers.own(), numbers.own()));
            }
        });
    }
}
