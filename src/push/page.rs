//! What is pushed: an exposition in the text format, family by family.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use super::instruments::{JOB_NAME, is_about_jobs};
use super::lasting::is_lasting;
use crate::metrics::{identity, pairs};

/// The families of an exposition by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page(BTreeMap<String, Family>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Family {
    /// Its lines of `# HELP` and `# TYPE`.
    metadata: Vec<String>,
    samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    /// That of the family, or of a part of a histogram.
    name: String,
    labels: Labels,
    value: String,
}

pub(super) type Labels = BTreeMap<String, String>;

impl Page {
    /// Reads what this crate wrote: metadata before samples, families not interleaved. What comes before any
    /// metadata is left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut family: Option<&mut Family> = None;
        for line in text.lines() {
            if let Some(metadata) = line.strip_prefix("# ") {
                // `HELP name …` or `TYPE name kind`
                let name = metadata.split(' ').nth(1).unwrap_or_default();
                let named = page.0.entry(name.to_owned()).or_default();
                named.metadata.push(line.to_owned());
                family = Some(named);
            } else if let Some(family) = &mut family {
                family.samples.push(Sample::parse(line));
            }
        }
        page
    }

    /// Without what tells of other jobs of the process.
    pub(super) fn of_job(mut self, job: &str) -> Self {
        for (_, family) in self.0.iter_mut().filter(|(name, _)| is_about_jobs(name)) {
            family.samples.retain(|sample| sample.labels.get(JOB_NAME).is_none_or(|own| own == job));
        }
        self.0.retain(|_, family| !family.samples.is_empty());
        self
    }

    /// Without labels of these names: they are renamed, as in a scrape, or left out where the whole family says the same.
    pub(super) fn clear_of(mut self, own: &[(&str, &str)]) -> Self {
        for family in self.0.values_mut() {
            for (label, owned) in own {
                // Left out of some series only, it could leave two that are alike.
                let is_said = family.samples.iter().all(|sample| sample.labels.get(*label).is_some_and(|l| l == owned));
                for labels in family.samples.iter_mut().map(|sample| &mut sample.labels) {
                    if let Some(value) = labels.remove(*label).filter(|_| !is_said) {
                        labels.insert(free_name(label, labels), value);
                    }
                }
            }
        }
        self
    }

    /// With these labels on every series.
    pub(super) fn labelled(mut self, own: &[(&str, &str)]) -> Self {
        for sample in self.0.values_mut().flat_map(|family| &mut family.samples) {
            sample.labels.extend(own.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())));
        }
        self
    }

    /// With the families of `below` that it has not, and of those that [last](super::lasting) also the series.
    pub(super) fn over(mut self, below: Self) -> Self {
        for (name, family) in below.0 {
            match self.0.entry(name) {
                Entry::Vacant(free) => drop(free.insert(family)),
                Entry::Occupied(mut taken) if is_lasting(taken.key()) => taken.get_mut().keep(family.samples),
                Entry::Occupied(_) => {}
            }
        }
        self
    }

    /// Only what [lasts](super::lasting).
    pub(super) fn lasting(mut self) -> Self {
        self.0.retain(|name, _| is_lasting(name));
        self
    }

    /// What [lasts](super::lasting) on a page of its own for each thing that it tells of, which its labels name, and the
    /// rest. What tells of nothing by name stays with the rest.
    #[cfg(feature = "pushgateway")]
    pub(super) fn apart(self) -> (Self, BTreeMap<Labels, Self>) {
        let (mut rest, mut lasting) = (Self::default(), BTreeMap::<Labels, Self>::new());
        for (name, Family { metadata, samples }) in self.0 {
            for sample in samples {
                let page = if is_lasting(&name) && !sample.labels.is_empty() {
                    lasting.entry(sample.labels.clone()).or_default()
                } else {
                    &mut rest
                };
                let empty = || Family { metadata: metadata.clone(), samples: Vec::new() };
                page.0.entry(name.clone()).or_insert_with(empty).samples.push(sample);
            }
        }
        (rest, lasting)
    }
}

impl Family {
    /// With those samples whose series it has not.
    fn keep(&mut self, samples: Vec<Sample>) {
        let is_new = |sample: &Sample| self.samples.iter().all(|own| own.labels != sample.labels);
        let kept: Vec<_> = samples.into_iter().filter(is_new).collect();
        self.samples.extend(kept);
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (name, labelled) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
        // A value holds no brace, so the last one ends the labels.
        let labels_and_value = labelled.strip_prefix('{').and_then(|rest| rest.rsplit_once("} "));
        let (labels, value) = labels_and_value.unwrap_or(("", labelled.trim_start()));
        let labels = pairs(labels).into_iter().map(|(label, value)| (label.to_owned(), value)).collect();
        Self { name: name.to_owned(), labels, value: value.to_owned() }
    }
}

/// The text format.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for family in self.0.values() {
            for metadata in &family.metadata {
                writeln!(f, "{metadata}")?;
            }
            for Sample { name, labels, value } in &family.samples {
                match &*identity(labels.iter().map(|(label, value)| (label.as_str(), value.as_str()))) {
                    "" => writeln!(f, "{name} {value}")?,
                    labels => writeln!(f, "{name}{{{labels}}} {value}")?,
                }
            }
        }
        Ok(())
    }
}

/// The name that a scrape gives to a label whose name is taken.
fn free_name(label: &str, taken: &Labels) -> String {
    let mut name = format!("exported_{label}");
    while taken.contains_key(&name) {
        name.insert_str(0, "exported_");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP a_total A, with # in it.
# TYPE a_total counter
a_total 1
a_total{service=\"x} 7\",z=\"\\\"\\n\"} 2
# HELP wait_seconds W.
# TYPE wait_seconds histogram
wait_seconds_bucket{le=\"+Inf\",service=\"risk\"} 1
wait_seconds_sum{service=\"risk\"} 0.5
wait_seconds_count{service=\"risk\"} 1
";

    #[test]
    fn page_that_is_not_changed_is_written_as_it_was_read() {
        assert_eq!(Page::parse(TEXT).to_string(), TEXT);
        assert_eq!(Page::parse("").to_string(), "");
        assert_eq!(Page::parse("stray 1\n").to_string(), "");
    }

    #[test]
    fn identity_is_on_every_series_and_other_labels_of_its_names_are_kept() {
        let own = [("service", "risk"), ("job_name", "var")];
        let page = Page::parse(TEXT).clear_of(&own).labelled(&own);
        assert_eq!(
            page.to_string(),
            "\
# HELP a_total A, with # in it.
# TYPE a_total counter
a_total{job_name=\"var\",service=\"risk\"} 1
a_total{exported_service=\"x} 7\",job_name=\"var\",service=\"risk\",z=\"\\\"\\n\"} 2
# HELP wait_seconds W.
# TYPE wait_seconds histogram
wait_seconds_bucket{job_name=\"var\",le=\"+Inf\",service=\"risk\"} 1
wait_seconds_sum{job_name=\"var\",service=\"risk\"} 0.5
wait_seconds_count{job_name=\"var\",service=\"risk\"} 1
"
        );
    }

    #[test]
    fn labels_that_the_group_adds_are_left_to_it() {
        let page = Page::parse("# TYPE a gauge\na{exported_job=\"1\",job=\"2\",service=\"risk\"} 1\n");
        let page = page.clear_of(&[("job", "var"), ("service", "risk")]);
        assert_eq!(page.to_string(), "# TYPE a gauge\na{exported_exported_job=\"2\",exported_job=\"1\"} 1\n");
    }

    #[test]
    fn series_that_differ_in_a_label_of_the_group_stay_apart() {
        let page = Page::parse("# TYPE a gauge\na 1\na{service=\"risk\"} 2\n").clear_of(&[("service", "risk")]);
        assert_eq!(page.to_string(), "# TYPE a gauge\na 1\na{exported_service=\"risk\"} 2\n");
    }

    #[test]
    fn what_tells_of_other_jobs_goes_with_families_that_tell_of_nothing_else() {
        let kept = "\
# TYPE job_last_duration_seconds gauge
job_last_duration_seconds{job_name=\"var\"} 1
# TYPE of_the_service gauge
of_the_service{job_name=\"pnl\"} 4
";
        let gone = "\
job_last_duration_seconds{job_name=\"pnl\"} 2
# TYPE job_last_success_timestamp_seconds gauge
job_last_success_timestamp_seconds{job_name=\"pnl\"} 3
";
        let text = kept.replace("# TYPE of_the_service", &format!("{gone}# TYPE of_the_service"));
        assert_eq!(Page::parse(&text).of_job("var").to_string(), kept);
    }

    #[test]
    fn families_of_the_page_below_stay_unless_they_are_shown_anew() {
        let (below, above) =
            (Page::parse("# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n"), Page::parse("# TYPE b gauge\nb{x=\"1\"} 2\n"));
        assert_eq!(above.over(below).to_string(), "# TYPE a gauge\na 1\n# TYPE b gauge\nb{x=\"1\"} 2\n");
    }

    const TWO_BATCHES: &str = "\
# TYPE risk_batch_deadline_timestamp_seconds gauge
risk_batch_deadline_timestamp_seconds{batch=\"var\"} 1
risk_batch_deadline_timestamp_seconds{batch=\"pnl\"} 2
# TYPE risk_batch_running gauge
risk_batch_running{batch=\"var\"} 1
";

    #[test]
    fn series_that_last_stay_one_by_one() {
        let above = "\
# TYPE risk_batch_deadline_timestamp_seconds gauge
risk_batch_deadline_timestamp_seconds{batch=\"pnl\"} 3
risk_batch_deadline_timestamp_seconds{batch=\"var\"} 1
";
        let anew = above.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
        let below = Page::parse(TWO_BATCHES).lasting();
        assert_eq!(Page::parse(&anew).over(below).to_string(), above);
    }

    #[cfg(feature = "pushgateway")]
    #[test]
    fn what_lasts_has_a_page_for_each_thing_that_it_tells_of() {
        let success = "# TYPE a_last_success_timestamp_seconds gauge\n";
        let text = format!(
            "{success}a_last_success_timestamp_seconds 5\na_last_success_timestamp_seconds{{batch=\"var\"}} 4\n{TWO_BATCHES}"
        );
        let (rest, lasting) = Page::parse(&text).apart();
        let running = TWO_BATCHES.lines().skip(3).map(|line| format!("{line}\n")).collect::<String>();
        assert_eq!(rest.to_string(), format!("{success}a_last_success_timestamp_seconds 5\n{running}"));
        let series: Vec<Vec<String>> = lasting
            .values()
            .map(|page| page.to_string().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
            .collect();
        let deadline = "risk_batch_deadline_timestamp_seconds";
        let success = "a_last_success_timestamp_seconds{batch=\"var\"} 4";
        let expected = [
            vec![format!("{deadline}{{batch=\"pnl\"}} 2")],
            vec![success.to_owned(), format!("{deadline}{{batch=\"var\"}} 1")],
        ];
        assert_eq!(series, expected);
    }
}
