//! Asking a running service by its own binary, for container images that have no curl.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use super::variables::Variables;
use crate::error::InvalidValue;

/// Runs the probe that the arguments ask for: `--probe live`, `--probe ready`, `--probe startup`, or a path such as
/// `--probe /internal/health/ready`. `None` when they ask for none: the program goes on as usual.
///
/// It asks the admin server, at `AISTM7_ADMIN_ADDR` or `127.0.0.1:9464`, or at the address that follows: `--probe ready
/// 127.0.0.1:8080`. The exit code is 0 for a 2xx answer and 1 for everything else, which standard error then names. It
/// blocks, for at most [`PROBE_TIMEOUT`] each time it waits, and starts nothing of the service.
///
/// ```no_run
/// use std::process::ExitCode;
/// use aistm7_monitoring::monitoring::probe;
///
/// fn main() -> ExitCode {
///     if let Some(answer) = probe(std::env::args()) {
///         return answer;
///     }
///     // The service itself.
///     ExitCode::SUCCESS
/// }
/// ```
#[allow(clippy::print_stderr, reason = "a probe is a program of its own: the caller reads its standard error")]
pub fn probe(arguments: impl IntoIterator<Item = String>) -> Option<ExitCode> {
    match probe_with(arguments, &Variables::process())? {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

/// Chosen: container runtimes give a probe a second or more, and the answer comes from memory.
pub const PROBE_TIMEOUT: Duration = Duration::from_millis(800);

const DEFAULT_ADDRESS: &str = "127.0.0.1:9464";

fn probe_with(arguments: impl IntoIterator<Item = String>, variables: &Variables) -> Option<Result<(), ProbeError>> {
    let mut arguments = arguments.into_iter().skip_while(|argument| argument != "--probe");
    arguments.next()?;
    // `--probe` alone asks for a probe that there is not.
    let (asked, address) = (arguments.next(), arguments.next());
    let address =
        address.or_else(|| variables.get(super::axum::ADMIN_ADDR)).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
    Some(ask(&address, &asked.unwrap_or_default()))
}

/// Why a probe did not find what it asked for.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error(transparent)]
    Invalid(#[from] InvalidValue),
    #[error("no answer from {address}: {source}")]
    NoAnswer { address: SocketAddr, source: io::Error },
    #[error("{0}")]
    Refused(Answer),
}

/// What the service said instead of 2xx.
#[derive(Debug)]
struct Answer(String);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The status line and the body, without the headers between.
        let (head, body) = self.0.split_once("\r\n\r\n").unwrap_or((&self.0, ""));
        write!(f, "{} {}", head.lines().next().unwrap_or_default(), body.trim())
    }
}

fn path(asked: &str) -> Result<String, InvalidValue> {
    match asked {
        "live" | "ready" | "startup" => Ok(format!("/health/{asked}")),
        path if path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) => Ok(path.to_owned()),
        _ => Err(InvalidValue::new("probe", asked, "live, ready, startup, or a path that begins with '/'")),
    }
}

/// The address at which a server that listens on `address` is reached from the same machine.
fn reachable(address: &str) -> Result<SocketAddr, InvalidValue> {
    let mut address = super::axum::parse_address(address)?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

fn ask(address: &str, asked: &str) -> Result<(), ProbeError> {
    let (address, path) = (reachable(address)?, path(asked)?);
    let answer = exchange(address, &path).map_err(|source| ProbeError::NoAnswer { address, source })?;
    let status = answer.split_ascii_whitespace().nth(1).unwrap_or_default();
    if status.len() == 3 && status.starts_with('2') { Ok(()) } else { Err(ProbeError::Refused(Answer(answer))) }
}

/// Chosen: room for the head and the body of every probe's answer.
const MOST_BYTES: u64 = 16 * 1024;

fn exchange(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_TIMEOUT)?;
    stream.set_read_timeout(Some(PROBE_TIMEOUT))?;
    stream.set_write_timeout(Some(PROBE_TIMEOUT))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn asked(arguments: &[&str], variables: &Variables) -> Option<Result<(), String>> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        probe_with(arguments, variables).map(|answer| answer.map_err(|error| error.to_string()))
    }

    /// A server of one answer; where it listens, and what it was asked.
    fn server(answer: &'static str) -> (String, thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (address, asked)
    }

    #[test]
    fn programs_without_the_argument_go_on() {
        for arguments in [&["service"][..], &[], &["service", "--port", "80"]] {
            assert_eq!(asked(arguments, &Variables::from([])), None);
        }
    }

    #[test]
    fn answer_of_the_service_is_the_answer_of_the_probe() {
        let (address, request) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert_eq!(asked(&["service", "--probe", "ready", &address], &Variables::from([])), Some(Ok(())));
        assert!(request.join().unwrap().starts_with("GET /health/ready HTTP/1.1\r\n"));

        let (address, request) = server("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{\"status\":\"not_ready\"}");
        let variables = Variables::from([(crate::monitoring::axum::ADMIN_ADDR, &*address)]);
        let said = asked(&["service", "--probe", "/internal/ready"], &variables);
        assert_eq!(said, Some(Err("HTTP/1.1 503 Service Unavailable {\"status\":\"not_ready\"}".to_owned())));
        assert!(request.join().unwrap().starts_with("GET /internal/ready HTTP/1.1\r\n"));
    }

    #[test]
    fn what_cannot_be_asked_is_a_failure_with_its_reason() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let none = Variables::from([]);
        let failure = |arguments: &[&str]| asked(arguments, &none).unwrap().unwrap_err();
        assert!(failure(&["s", "--probe", "ready", &free]).starts_with(&format!("no answer from {free}")));
        assert!(failure(&["s", "--probe"]).starts_with("probe \"\" is invalid"));
        assert!(failure(&["s", "--probe", "dead"]).starts_with("probe \"dead\" is invalid"));
        assert!(failure(&["s", "--probe", "/a b"]).starts_with("probe \"/a b\" is invalid"));
        assert!(failure(&["s", "--probe", "ready", "localhost"]).starts_with("address \"localhost\" is invalid"));
        assert_eq!(reachable("0.0.0.0:80").unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80").unwrap().to_string(), "[::1]:80");
    }
}
