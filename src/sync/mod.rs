//! The primitives that threads share in the metrics: the standard library's, or those of a model checker.
//!
//! What decides who wins a race is named here once, so that the tests of orderings run the same code that services do,
//! on primitives that loom or shuttle schedule. Reference counts stay those of the standard library: they are right by
//! themselves, and each step of theirs stands beside one of these.
//!
//! Only tests of this crate are ever built on a checker: `--cfg loom` or `--cfg shuttle` alone, which a host may have
//! set for itself, changes nothing.

#[cfg(all(test, loom))]
mod on_loom;
#[cfg(all(test, shuttle))]
mod on_shuttle;
#[cfg(not(all(test, any(loom, shuttle))))]
mod on_std;
#[cfg(all(test, any(loom, shuttle)))]
mod once_lock;
#[cfg(feature = "http")]
mod per_thread;

#[cfg(all(test, loom))]
use on_loom as primitives;
#[cfg(all(test, shuttle))]
use on_shuttle as primitives;
#[cfg(not(all(test, any(loom, shuttle))))]
use on_std as primitives;

pub(crate) use self::primitives::{
    AtomicU32, AtomicU64, AtomicUsize, Mutex, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard, fence,
    number_of_this_thread,
};

#[cfg(feature = "http")]
pub(crate) use self::per_thread::PerThread;

/// Whether a checker runs the code. It tries every order of a few steps, so what takes many is made small for it.
pub(crate) const IS_MODEL: bool = cfg!(all(test, any(loom, shuttle)));
