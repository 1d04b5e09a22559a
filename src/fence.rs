//! Foreign code that must not unwind into ours.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The answer of foreign code, or `None` if it panicked. What such code leaves half-done is its own.
pub(crate) fn fenced<R>(foreign: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(foreign)) {
        Ok(answer) => Some(answer),
        Err(payload) => {
            // A payload may panic again when it is dropped; that second payload is leaked, not dropped.
            let _ = catch_unwind(AssertUnwindSafe(move || drop(payload))).map_err(std::mem::forget);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::*;

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn nothing_of_a_panic_comes_out_not_even_of_what_it_carries() {
        assert_eq!(fenced(|| 7), Some(7));
        assert_eq!(fenced(|| panic!("as the test wants")), None::<()>);
        assert_eq!(fenced(|| panic_any(PanicsOnDrop)), None::<()>);
    }
}
