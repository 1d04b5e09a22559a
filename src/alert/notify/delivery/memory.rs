//! What is remembered beyond the process, if it has a spool.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::spool::{Entry, Spool, SpoolError, Subject};
use super::channel::Effects;
use super::group::Known;
use super::instruments::{Forgotten, SpoolInstruments};
use crate::alert::notify::Alert;
use crate::diagnostics::{Diagnostics, Problem};

/// The spool, if there is one. Only the threads that tell people wait for the disk.
pub(super) struct Memory {
    spool: Option<Mutex<Spool>>,
    instruments: SpoolInstruments,
    diagnostics: Diagnostics,
}

impl Memory {
    pub(super) fn new(spool: Option<Spool>, instruments: SpoolInstruments, diagnostics: Diagnostics) -> Self {
        let memory = Self { spool: spool.map(Mutex::new), instruments, diagnostics };
        // So that its length is shown.
        memory.write([]);
        memory
    }

    /// A destination may know of these alerts from now on.
    pub(super) fn before(&self, destination: &str, alerts: &[Arc<Alert>]) {
        self.write(alerts.iter().map(|alert| of_alert(destination, alert, Known::Perhaps(None))));
    }

    /// A destination has been told, or need not be.
    pub(super) fn after(&self, destination: &str, effects: &Effects) {
        let known = effects.known.iter().map(|(alert, known)| of_alert(destination, alert, *known));
        let over = effects.over.iter().map(|alert| {
            let subject = Subject::Alert { destination: destination.to_owned(), alert: *alert };
            (subject, None)
        });
        let receipt = effects.receipt.iter().map(|(group, receipt)| {
            let subject = Subject::Group { destination: destination.to_owned(), group: *group };
            (subject, receipt.clone().map(Entry::Receipt))
        });
        self.write(known.chain(over).chain(receipt));
    }

    fn write(&self, news: impl IntoIterator<Item = (Subject, Option<Entry>)>) {
        let Some(spool) = &self.spool else { return };
        let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
        match spool.write(news) {
            Ok(()) => {}
            Err(SpoolError::Full) => self.instruments.forgot(Forgotten::Full),
            Err(SpoolError::Io(error)) => {
                self.instruments.forgot(Forgotten::Failed);
                self.diagnostics.report(Problem::NotificationFailed, &format!("the spool of alerts: {error}"));
            }
        }
        // The cast keeps what a file can be.
        self.instruments.bytes.set(spool.bytes() as f64);
    }
}

fn of_alert(destination: &str, alert: &Arc<Alert>, known: Known) -> (Subject, Option<Entry>) {
    let known = match known {
        Known::Told(status, severity) => Some((status, severity)),
        Known::Nothing | Known::Perhaps(_) => None,
    };
    let subject = Subject::Alert { destination: destination.to_owned(), alert: alert.fingerprint() };
    (subject, Some(Entry::Alert(Arc::clone(alert), known)))
}
