//! The layer's own account of which spans are around what, beside the registry's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tracing::{Dispatch, Event, Span, Subscriber, info, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::Fixture;
use crate::log::Format;

/// How many spans there are at once.
const SPANS: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Step {
    Open(usize, Parent),
    Close(usize),
    Enter(usize),
    Exit(usize),
    Tell(Parent),
}

#[derive(Clone, Copy, Debug)]
enum Parent {
    Context,
    Root,
    Named(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    let parent = prop_oneof![
        4 => Just(Parent::Context),
        1 => Just(Parent::Root),
        2 => (0..SPANS).prop_map(Parent::Named),
    ];
    prop_oneof![
        3 => (0..SPANS, parent.clone()).prop_map(|(span, parent)| Step::Open(span, parent)),
        1 => (0..SPANS).prop_map(Step::Close),
        4 => (0..SPANS).prop_map(Step::Enter),
        2 => (0..SPANS).prop_map(Step::Exit),
        3 => parent.prop_map(Step::Tell),
    ]
}

/// A span that has one field, by which it is known.
macro_rules! span {
    ($number:expr, $($parent:tt)*) => {
        match $number {
            0 => info_span!($($parent)* "span", s0 = true),
            1 => info_span!($($parent)* "span", s1 = true),
            2 => info_span!($($parent)* "span", s2 = true),
            3 => info_span!($($parent)* "span", s3 = true),
            4 => info_span!($($parent)* "span", s4 = true),
            _ => info_span!($($parent)* "span", s5 = true),
        }
    };
}

/// Another layer: of each event the spans around it, as the registry has them.
#[derive(Clone, Default)]
struct Scopes(Arc<Mutex<Vec<BTreeSet<String>>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Scopes {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let scope = context.event_scope(event).into_iter().flatten();
        let names = scope.flat_map(|span| span.metadata().fields().iter().map(|field| field.name().to_owned()));
        self.0.lock().expect("no panic").push(names.collect());
    }
}

/// The spans that are open, and how often each is entered.
#[derive(Default)]
struct Open([Option<(Span, usize)>; SPANS]);

impl Open {
    fn take(&mut self, dispatch: &Dispatch, step: Step) {
        let named = |open: &Self, number: usize| open.0[number].as_ref().map(|(span, _)| span.clone());
        match step {
            // Another one of that number is not opened while the thread is in it.
            Step::Open(number, parent) if self.entered(number) == 0 => {
                let span = match parent {
                    Parent::Context => span!(number,),
                    Parent::Root => span!(number, parent: None,),
                    Parent::Named(other) => span!(number, parent: named(self, other).and_then(|span| span.id()),),
                };
                self.0[number] = Some((span, 0));
            }
            Step::Close(number) if self.entered(number) == 0 => self.0[number] = None,
            Step::Enter(number) => {
                if let Some((span, entered)) = &mut self.0[number] {
                    dispatch.enter(&span.id().expect("an enabled span"));
                    *entered += 1;
                }
            }
            Step::Exit(number) if self.entered(number) > 0 => {
                if let Some((span, entered)) = &mut self.0[number] {
                    dispatch.exit(&span.id().expect("an enabled span"));
                    *entered -= 1;
                }
            }
            Step::Tell(Parent::Context) => info!("told"),
            Step::Tell(Parent::Root) => info!(parent: None, "told"),
            Step::Tell(Parent::Named(other)) => info!(parent: named(self, other).and_then(|span| span.id()), "told"),
            Step::Open(..) | Step::Close(_) | Step::Exit(_) => {}
        }
    }

    fn entered(&self, number: usize) -> usize {
        self.0[number].as_ref().map_or(0, |(_, entered)| *entered)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lines_have_the_fields_of_the_spans_that_the_registry_has_around_their_events(
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let (fixture, scopes) = (Fixture::new(Format::Json), Scopes::default());
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(fixture.log.layer()).with(scopes.clone()));
        tracing::dispatcher::with_default(&dispatch, || {
            let mut open = Open::default();
            steps.iter().for_each(|step| open.take(&dispatch, *step));
            // Whatever is entered is left, so that the thread is in none of these spans afterwards.
            for number in 0..SPANS {
                (0..open.entered(number)).for_each(|_| open.take(&dispatch, Step::Exit(number)));
            }
        });
        let keys = |line: &serde_json::Value| line["details"].as_object().expect("an object").keys().cloned().collect();
        let found: Vec<BTreeSet<String>> = fixture.lines().iter().map(keys).collect();
        prop_assert_eq!(&found, &*scopes.0.lock().expect("no panic"));
    }
}
