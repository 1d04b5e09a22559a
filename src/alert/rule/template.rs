//! Texts with places for labels and the value.

use super::quantity::{Measure, Quantity};

/// A text in which `{label}` stands for a label of the alert and `{value}` for what the rule looked at, with its unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

/// What stands for the value.
const VALUE: &str = "value";

impl Template {
    /// Reads a text. A brace that is never closed is a part of it.
    pub(super) fn read(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((place, behind)) = after.split_once('}') else { break };
            pieces.extend([Piece::Text(before.to_owned()), Piece::Place(place.to_owned())]);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Self(pieces)
    }

    /// The labels that it shows.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(place) if place != VALUE => Some(place.as_str()),
            _ => None,
        })
    }

    /// Gives a label another name.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        for piece in &mut self.0 {
            if matches!(piece, Piece::Place(place) if place == from) {
                *piece = Piece::Place(to.to_owned());
            }
        }
    }

    /// Fills in labels and value. A label that is absent is empty.
    pub fn filled(&self, label: impl Fn(&str) -> String, value: Quantity) -> String {
        self.written(label, || value.to_string())
    }

    /// In the words of Prometheus' templates.
    pub(crate) fn prometheus(&self, measure: Measure) -> String {
        self.written(|label| format!("{{{{ $labels.{label} }}}}"), || measure.template().to_owned())
    }

    fn written(&self, label: impl Fn(&str) -> String, value: impl Fn() -> String) -> String {
        let write = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(place) if place == VALUE => value(),
            Piece::Place(place) => label(place),
        };
        self.0.iter().map(write).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_value_are_filled_in_with_the_unit() {
        let template = Template::read("{route} of {service} took {value}, not {0.5");
        assert_eq!(template.labels().collect::<Vec<_>>(), ["route", "service"]);
        assert_eq!(
            template.filled(str::to_uppercase, Quantity::seconds(0.75)),
            "ROUTE of SERVICE took 750ms, not {0.5"
        );
        assert_eq!(
            template.prometheus(Measure::Seconds),
            "{{ $labels.route }} of {{ $labels.service }} took {{ $value | humanizeDuration }}, not {0.5"
        );
    }
}
