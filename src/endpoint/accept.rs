//! What a client likes best, by its `Accept` headers (RFC 9110, section 12.5).

use std::str::Split;

/// What something is called in an `Accept` header.
#[derive(Clone, Copy, Debug)]
pub(super) struct MediaType {
    pub(super) kind: &'static str,
    pub(super) subtype: &'static str,
    /// A range that gives one of these another value means something else; others, such as `escaping`, say nothing.
    pub(super) parameters: &'static [(&'static str, &'static str)],
}

/// Which of the media types is liked best, the first of those that are liked equally; `None` if none is accepted.
pub(super) fn preferred<'a>(accept: impl IntoIterator<Item = &'a str>, offered: &[MediaType]) -> Option<usize> {
    let ranges: Vec<_> = elements(accept).filter_map(Range::parse).collect();
    let mut best = None;
    for (at, media_type) in offered.iter().enumerate() {
        let quality = quality_of(&ranges, media_type);
        if quality > best.map_or(0, |(quality, _)| quality) {
            best = Some((quality, at));
        }
    }
    best.map(|(_, at)| at)
}

/// One media range of an `Accept` header.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    parameters: Split<'a, char>,
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(element: &'a str) -> Option<Self> {
        let mut parts = element.split(';');
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = quality(parts.clone());
        Some(Self { kind: kind.trim(), subtype: subtype.trim(), parameters: parts, quality })
    }

    /// How specifically this range names a media type; `None` if it does not.
    fn specificity(&self, own: &MediaType) -> Option<usize> {
        match (self.kind, self.subtype) {
            ("*", "*") => Some(0),
            (kind, "*") if kind.eq_ignore_ascii_case(own.kind) => Some(1),
            (kind, subtype) if kind.eq_ignore_ascii_case(own.kind) && subtype.eq_ignore_ascii_case(own.subtype) => {
                let asked = |name| self.parameters.clone().find_map(|part| parameter(part, name));
                let given = own.parameters.iter().filter_map(|(name, value)| Some((asked(name)?, *value)));
                given.clone().all(|(asked, value)| asked == value).then(|| 2 + given.count())
            }
            _ => None,
        }
    }
}

/// The quality that the most specific range gives a media type, in thousandths; 0 if none names it.
fn quality_of(ranges: &[Range<'_>], media_type: &MediaType) -> u16 {
    let named = ranges.iter().filter_map(|range| Some((range.specificity(media_type)?, range.quality)));
    named.max_by_key(|(specificity, _)| *specificity).map_or(0, |(_, quality)| quality)
}

/// The elements of a header that is a list, however many lines it has.
pub(super) fn elements<'a>(values: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    values.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|element| !element.is_empty())
}

/// The weight among an element's parameters, in thousandths: 1 if not given, 0 if it is no weight.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let Some(text) = parameters.find_map(|part| parameter(part, "q")) else {
        return 1000;
    };
    // The cast is of 0 to 1000.
    text.parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1000.0).round() as u16)
}

fn parameter<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let (own, value) = part.split_once('=')?;
    own.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
}
