//! Those who judge what is written for CloudWatch, from the Python packages that `tests/run` installs: cfn-lint, botocore's
//! model of the service, and moto, which keeps alarms as CloudWatch does.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::daemon::Daemon;
use super::home::Home;
use super::http;
use super::port::{loopback, on_free_port};

/// What cfn-lint says of a template; `Ok` if it has nothing to say.
#[track_caller]
pub(crate) fn lint_template(template: &Path) -> Result<(), String> {
    judge("cfn-lint", ["--region", "eu-central-1", "--"].map(OsStr::new).into_iter().chain([template.as_os_str()]))
}

/// What botocore says of files with inputs of `PutMetricAlarm`.
#[track_caller]
pub(crate) fn validate_inputs(inputs: &[PathBuf]) -> Result<(), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/cloudwatch/judge.py");
    judge("python", [script.as_os_str()].into_iter().chain(inputs.iter().map(|input| input.as_os_str())))
}

#[track_caller]
fn judge<'a>(name: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> Result<(), String> {
    let output = Command::new(program(name)).args(arguments).output().expect("what is installed can be run");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// A CloudWatch without alarms. It is killed when this value goes.
pub(crate) struct Moto {
    address: SocketAddr,
    // In this order: the process goes before its directory.
    _daemon: Daemon,
    _home: Home,
}

impl Moto {
    /// # Panics
    /// When it does not start, or when `tests/run` has not installed it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        let program = program("moto_server");
        on_free_port(|port| {
            let (address, home) = (loopback(port), Home::of_program("moto"));
            let mut command = home.command(&program);
            command.args(["-H", &address.ip().to_string(), "-p", &port.to_string()]);
            let answers = || match http::get(address, "/moto-api/data.json", &[]) {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("it answers {}", answer.status)),
                Err(error) => Err(error.to_string()),
            };
            let daemon = Daemon::start(command, &home, answers)?;
            Ok(Self { address, _daemon: daemon, _home: home })
        })
    }

    /// Calls an action in CloudWatch's JSON protocol; its status and answer. Nobody checks the signature.
    #[track_caller]
    pub(crate) fn call(&self, action: &str, input: &Value) -> (u16, Value) {
        let target = format!("GraniteServiceVersion20100801.{action}");
        let signature = "AWS4-HMAC-SHA256 Credential=key/20260101/eu-central-1/monitoring/aws4_request, \
                         SignedHeaders=host, Signature=0";
        let headers =
            [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target), ("authorization", signature)];
        let body = input.to_string();
        let answer = http::request(self.address, "POST", "/", &headers, body.as_bytes()).expect("moto answers");
        (answer.status, answer.json())
    }
}

#[track_caller]
fn program(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cloudwatch/bin").join(name);
    assert!(program.is_file(), "there is no {}: `tests/run` installs it", program.display());
    program
}
