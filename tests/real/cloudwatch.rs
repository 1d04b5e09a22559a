//! Alarms for CloudWatch, before the judges of what it takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aistm7_monitoring::alert::Severity;
use aistm7_monitoring::ops::BundleOptions;
use aistm7_monitoring::ops::cloudwatch::CloudWatchOptions;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::everything::{NAMINGS, everything};
use crate::support::cloudwatch::{Moto, lint_template, validate_inputs};

/// Every rule that CloudWatch can serve has an alarm with these: each label that must have values has two.
fn options() -> CloudWatchOptions {
    let labels = ["route", "http_route", "source", "tier", "token", "batch", "job_name", "name", "pool"];
    let options = CloudWatchOptions::new("everything", "prod")
        .topic(Severity::Critical, "arn:aws:sns:eu-central-1:123456789012:pages");
    labels.into_iter().fold(options, |options, label| options.values(label, ["/first/{id}", "second"]))
}

fn written(naming: usize) -> TempDir {
    let directory = tempfile::tempdir().expect("there is room");
    let options = BundleOptions::new().cloudwatch(options());
    let bundle = everything(NAMINGS[naming]).operations_bundle(options).expect("the rules and options fit");
    bundle.write_to(directory.path()).expect("it can be written");
    directory
}

fn inputs(bundle: &TempDir) -> Vec<PathBuf> {
    let folder = fs::read_dir(bundle.path().join("cloudwatch/alarms")).expect("there are alarms");
    folder.map(|entry| entry.expect("it can be listed").path()).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("it can be read")).expect("it is JSON")
}

#[tokio::test]
#[ignore = "needs cfn-lint and botocore; run by tests/run"]
async fn cfn_lint_and_botocore_accept_every_alarm_under_both_namings() {
    for naming in 0..NAMINGS.len() {
        let bundle = written(naming);
        let inputs = inputs(&bundle);
        assert!(inputs.len() > 50, "{inputs:?}");
        validate_inputs(&inputs).unwrap();
        lint_template(&bundle.path().join("cloudwatch/template.json")).unwrap();
    }
}

#[tokio::test]
#[ignore = "needs cfn-lint and botocore; run by tests/run"]
async fn cfn_lint_and_botocore_find_what_is_wrong_with_an_alarm() {
    let bundle = written(0);
    let path = bundle.path().join("cloudwatch/template.json");
    let right = fs::read_to_string(&path).unwrap();
    for (was, is) in [
        (r#""GreaterThanThreshold""#, r#""MoreThanThreshold""#),
        (r#""Statistic": "SampleCount""#, r#""Statistic": "Samples""#),
        (r#""TreatMissingData": "breaching""#, r#""TreatMissingData": "bad""#),
        (r#""Period": 60"#, r#""Period": 7"#),
        (r#""AlarmName""#, r#""Alarmname""#),
        (r#""Ref": "CriticalTopic""#, r#""Ref": "UrgentTopic""#),
    ] {
        assert!(right.contains(was), "{was}");
        fs::write(&path, right.replace(was, is)).unwrap();
        assert!(lint_template(&path).is_err(), "{is} in place of {was} goes unseen");
    }
    let input = bundle.path().join("cloudwatch/alarms/ServiceAbsent.json");
    let right = read(&input);
    for (field, wrong) in [
        ("ComparisonOperator", json!("MoreThanThreshold")),
        ("Statistic", json!("Samples")),
        ("Period", json!("60")),
        ("AlarmName", json!("a".repeat(256))),
        ("AlarmDescription", json!("a".repeat(1025))),
        ("OKActions", json!(vec!["arn:aws:sns:eu-central-1:123456789012:pages"; 6])),
        ("Dimensions", json!([{ "Name": "service" }])),
        ("Unknown", json!(1)),
    ] {
        let mut input_of = right.clone();
        input_of[field] = wrong.clone();
        fs::write(&input, input_of.to_string()).unwrap();
        assert!(validate_inputs(std::slice::from_ref(&input)).is_err(), "{field} {wrong} goes unseen");
    }
}

#[tokio::test]
#[ignore = "needs moto; run by tests/run"]
async fn alarms_are_kept_as_they_were_put() {
    let bundle = written(0);
    let moto = Moto::start();
    let inputs: BTreeMap<String, Value> = inputs(&bundle)
        .iter()
        .map(|path| read(path))
        .map(|input| (input["AlarmName"].as_str().expect("a name").to_owned(), input))
        .collect();
    for input in inputs.values() {
        assert_eq!(moto.call("PutMetricAlarm", input), (200, json!({})), "{input}");
    }
    let (status, answer) = moto.call("DescribeAlarms", &json!({ "MaxRecords": 100 }));
    assert_eq!(status, 200, "{answer}");
    let kept = answer["MetricAlarms"].as_array().expect("a list");
    assert_eq!(kept.len(), inputs.len(), "a name for each");
    for alarm in kept {
        let name = alarm["AlarmName"].as_str().expect("a name");
        let put = inputs[name].as_object().expect("an object");
        // What an alarm is tagged with is asked for elsewhere.
        for (field, value) in put.iter().filter(|(field, _)| *field != "Tags") {
            assert_eq!(&alarm[field], value, "{field} of {name}");
        }
        let (_, tags) = moto.call("ListTagsForResource", &json!({ "ResourceARN": alarm["AlarmArn"] }));
        assert_eq!(tags["Tags"], put["Tags"], "{name}");
    }
}
