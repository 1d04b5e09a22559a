//! Lines for people.

use tracing::{error, info, info_span, warn};

use super::{Fixture, PATIENCE};
use crate::log::line::{Head, Layout};
use crate::log::scratch::Scratch;
use crate::log::text::Paint;
use crate::log::{Caps, Format};
use crate::trace::TraceContext;

fn text_of(work: impl FnOnce()) -> String {
    let fixture = Fixture::new(Format::Text);
    fixture.run(work);
    assert_eq!(fixture.log.flush(PATIENCE).lost, 0);
    fixture.memory.text()
}

#[test]
fn line_reads_time_level_message_pairs_and_trace() {
    let context = TraceContext::new_root();
    let _entered = context.enter();
    let text = text_of(|| {
        let _span = info_span!("s", portfolio = "user123").entered();
        info!(note = "two words", empty = "", ratio = f64::NAN, count = 3, "say \"hi\"");
    });
    let short = &context.trace_id().to_string()[..8];
    assert_eq!(
        text,
        format!(
            "2025-01-22T10:30:00.000Z INFO  say \"hi\" note=\"two words\" empty=\"\" ratio=null ratioText=NaN count=3 \
             portfolio=user123 traceId={short}\n"
        )
    );
}

#[test]
fn no_value_can_command_a_terminal() {
    let text = text_of(|| {
        warn!(evil = "\x1b]0;title\x07\u{9b}31m", "\x1b[2J\r\nfake line\u{202e}");
        error!(long = %"x".repeat(100_000));
    });
    assert_eq!(text.lines().count(), 2);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n') && !text.contains('\u{202e}'), "{text:?}");
    assert!(text.contains("\\u001b[2J\\r\\nfake line"));
    assert!(text.ends_with(" truncated=true\n"));
}

#[test]
fn colour_is_on_the_level_only() {
    let mut scratch = Scratch::default();
    let head = Head { wall: std::time::SystemTime::UNIX_EPOCH, level: tracing::Level::ERROR, trace: None };
    Layout::Text(Paint::Coloured).compose(head, &mut scratch, Caps::DEFAULT_LINE_BYTES);
    assert_eq!(scratch.line, b"1970-01-01T00:00:00.000Z \x1b[31mERROR\x1b[0m\n");
}
