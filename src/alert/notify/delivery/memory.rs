//! What is remembered beyond the process: in a spool, or where the replicas have their lease.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::alert::Alert;
use super::super::spool::{Entry, Spool, SpoolError, Subject};
use super::channel::Effects;
use super::group::Known;
use super::instruments::{Forgotten, SpoolInstruments};
use super::speaker::{NotOurs, Remembered, Speaker};
use crate::diagnostics::{Diagnostics, Problem};

/// Where it is remembered what destinations know. Only the threads that tell people wait for it.
pub(super) struct Memory {
    pub(super) store: Store,
    pub(super) instruments: SpoolInstruments,
    pub(super) diagnostics: Diagnostics,
}

pub(super) enum Store {
    Nowhere,
    Spool(Mutex<Spool>),
    /// Of the replica that holds it.
    Lease(Speaker),
}

impl Memory {
    pub(super) fn speaker(&self) -> Option<&Speaker> {
        match &self.store {
            Store::Lease(speaker) => Some(speaker),
            Store::Nowhere | Store::Spool(_) => None,
        }
    }

    /// Whether this replica may tell anybody anything now.
    pub(super) fn may_speak(&self) -> bool {
        self.speaker().is_none_or(Speaker::may_speak)
    }

    /// Nobody knows what a destination knows of these alerts, until it has been told.
    ///
    /// # Errors
    /// When another replica speaks.
    pub(super) fn before(&self, destination: &str, alerts: &[Arc<Alert>]) -> Result<(), NotOurs> {
        self.write(alerts.iter().map(|alert| of_alert(destination, alert, Known::Perhaps(None))))
    }

    /// A destination has been told, or need not be.
    pub(super) fn after(&self, destination: &str, effects: &Effects) {
        let destination = || destination.to_owned();
        let known = effects.known.iter().map(|(alert, known)| of_alert(&destination(), alert, *known));
        let over =
            effects.over.iter().map(|alert| (Subject::Alert { destination: destination(), alert: *alert }, None));
        let receipt = effects.receipt.iter().map(|(group, receipt)| {
            (Subject::Group { destination: destination(), group: *group }, receipt.clone().map(Entry::Receipt))
        });
        // Who speaks now goes by what was remembered before.
        let _not_ours = self.write(known.chain(over).chain(receipt));
    }

    /// Shows how long the spool is.
    pub(super) fn show(&self) {
        if let Store::Spool(spool) = &self.store {
            // The cast keeps what a file can be.
            self.instruments.bytes.set(spool.lock().unwrap_or_else(PoisonError::into_inner).bytes() as f64);
        }
    }

    fn write(&self, news: impl IntoIterator<Item = (Subject, Option<Entry>)>) -> Result<(), NotOurs> {
        match &self.store {
            Store::Nowhere => Ok(()),
            Store::Lease(speaker) => speaker.remember(news).map(|remembered| {
                if remembered == Remembered::InPart {
                    self.instruments.forgot(Forgotten::Full);
                }
            }),
            Store::Spool(spool) => {
                let written = spool.lock().unwrap_or_else(PoisonError::into_inner).write(news);
                match written {
                    Ok(()) => {}
                    Err(SpoolError::Full) => self.instruments.forgot(Forgotten::Full),
                    Err(SpoolError::Io(error)) => {
                        self.instruments.forgot(Forgotten::Failed);
                        self.diagnostics.report(Problem::NotificationFailed, &format!("the spool of alerts: {error}"));
                    }
                }
                self.show();
                // To tell is more than to remember.
                Ok(())
            }
        }
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
