//! Which format and encoding a scraper gets, by its `Accept` and `Accept-Encoding` headers (RFC 9110, section 12.5).

use super::super::accept::{MediaType, elements, preferred, quality};
use crate::metrics::exposition::Format;

/// Every format, the one first that wins when a scraper likes two equally.
const FORMATS: &[Format] = &[
    Format::Text,
    Format::OpenMetrics,
    #[cfg(feature = "protobuf")]
    Format::Protobuf,
];

/// The format that a scraper likes best, by its `Accept` headers; text if it accepts none, since a scrape that can be
/// read is worth more than a 406.
pub(super) fn format<'a>(accept: impl IntoIterator<Item = &'a str>) -> Format {
    let offered: Vec<_> = FORMATS.iter().copied().map(media_type).collect();
    preferred(accept, &offered).map_or(Format::Text, |at| FORMATS[at])
}

const fn media_type(format: Format) -> MediaType {
    match format {
        Format::Text => MediaType { kind: "text", subtype: "plain", parameters: &[("version", "0.0.4")] },
        Format::OpenMetrics => {
            MediaType { kind: "application", subtype: "openmetrics-text", parameters: &[("version", "1.0.0")] }
        }
        #[cfg(feature = "protobuf")]
        Format::Protobuf => MediaType {
            kind: "application",
            subtype: "vnd.google.protobuf",
            parameters: &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
        },
    }
}

/// Whether a client takes gzip, by its `Accept-Encoding` headers.
pub(super) fn accepts_gzip<'a>(accept_encoding: impl IntoIterator<Item = &'a str>) -> bool {
    let mut wildcard = false;
    for element in elements(accept_encoding) {
        let mut parts = element.split(';');
        let coding = parts.next().unwrap_or_default().trim();
        let accepted = quality(parts) > 0;
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return accepted;
        }
        wildcard |= coding == "*" && accepted;
    }
    wildcard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_the_format_they_like_best() {
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (vec![], Format::Text),
            (vec!["*/*"], Format::Text),
            (vec!["text/html,application/xhtml+xml,*/*;q=0.8"], Format::Text),
            (vec![prometheus_3], Format::OpenMetrics),
            (vec!["application/openmetrics-text"], Format::OpenMetrics),
            (vec!["application/openmetrics-text; version=0.0.1"], Format::Text),
            (vec!["Application/OpenMetrics-Text; Version=\"1.0.0\""], Format::OpenMetrics),
            (vec!["application/*"], Format::OpenMetrics),
            (vec!["text/plain;q=0.5", "application/openmetrics-text;q=0.9"], Format::OpenMetrics),
            (vec!["application/openmetrics-text;q=0.5, text/plain;q=0.9"], Format::Text),
            (vec!["application/openmetrics-text;q=0, */*"], Format::Text),
            (vec!["text/plain;q=0, */*"], Format::OpenMetrics),
            (vec!["application/openmetrics-text;q=nonsense, text/plain;q=0.1"], Format::Text),
            (vec!["application/openmetrics-text;q=2, text/plain;q=0.1"], Format::Text),
            (vec![";;,,/,q=1,\u{7f}"], Format::Text),
            (vec!["image/png"], Format::Text),
        ] {
            assert_eq!(super::format(accept.iter().copied()), format, "{accept:?}");
        }
    }

    #[cfg(feature = "protobuf")]
    #[test]
    fn prometheus_gets_protobuf_when_it_likes_that_best() {
        // With native histograms switched on, in order of versions.
        let prometheus_2_42 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,\
            application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_2_49 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,\
            application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        let prometheus_3 = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
            encoding=delimited;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        // Without, the oldest that has a protobuf parser, which it only uses when asked to.
        let texts_only = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (prometheus_2_42, Format::Protobuf),
            (prometheus_2_49, Format::Protobuf),
            (prometheus_3, Format::Protobuf),
            (texts_only, Format::OpenMetrics),
            ("application/vnd.google.protobuf", Format::Protobuf),
            ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text", Format::Text),
            ("application/vnd.google.protobuf;proto=io.prometheus.write.v2.Request;encoding=delimited", Format::Text),
            ("application/vnd.google.protobuf;encoding=delimited;q=0.2, text/plain;q=0.3", Format::Text),
            ("application/vnd.google.protobuf;encoding=delimited;q=0, application/vnd.google.protobuf", Format::Text),
            ("application/*", Format::OpenMetrics),
            ("*/*", Format::Text),
        ] {
            assert_eq!(super::format([accept]), format, "{accept}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_offer_it() {
        for (accept, takes) in [
            (vec![], false),
            (vec!["gzip"], true),
            (vec!["identity, GZIP;q=0.5"], true),
            (vec!["deflate", "x-gzip"], true),
            (vec!["*"], true),
            (vec!["gzip;q=0"], false),
            (vec!["gzip;q=0, *"], false),
            (vec!["*;q=0"], false),
            (vec!["gzip;q=0.0001"], false),
            (vec!["br"], false),
        ] {
            assert_eq!(accepts_gzip(accept.iter().copied()), takes, "{accept:?}");
        }
    }
}
