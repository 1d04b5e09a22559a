//! A peer on loopback that answers every request with the same bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Answers until the process ends.
pub(super) struct Peer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Writes `answer` as it is, then closes.
    pub(super) fn raw(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::serving(move |mut stream, requests| converse(&mut stream, &answer, requests))
    }

    /// Answers with a status line, further header lines and a body.
    pub(super) fn http(status: &str, headers: &str, body: &str) -> Self {
        Self::raw(http(status, headers, body))
    }

    /// Answers with JSON.
    pub(super) fn json(body: &str) -> Self {
        Self::http("200 OK", "Content-Type: application/json\r\n", body)
    }

    /// Answers each request with what `answer` makes of its body.
    #[cfg(feature = "solana")]
    pub(super) fn answering(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        Self::serving(move |mut stream, requests| {
            let Some(request) = read_request(&mut stream) else {
                return;
            };
            let (_, body) = request.split_once("\r\n\r\n").unwrap_or_default();
            let answer = http("200 OK", "Content-Type: application/json\r\n", &answer(body));
            requests.lock().unwrap().push(request);
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    /// Says that it is done after `answer`, and keeps listening.
    #[cfg(feature = "solana")]
    pub(super) fn half_closed(answer: &'static str) -> Self {
        let kept = Mutex::new(Vec::new());
        Self::serving(move |mut stream, requests| {
            converse(&mut stream, answer.as_bytes(), requests);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            kept.lock().unwrap().push(stream);
        })
    }

    /// Hands each connection to `serve` on a thread of its own.
    #[cfg(feature = "solana")]
    pub(super) fn with_threads(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        Self::serving(move |stream, _| {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        })
    }

    /// Takes requests and never answers.
    pub(super) fn silent() -> Self {
        let kept = Mutex::new(Vec::new());
        Self::serving(move |stream, _| kept.lock().unwrap().push(stream))
    }

    /// Speaks first, as SSH and mail servers do.
    pub(super) fn speaking_first(greeting: &'static str) -> Self {
        Self::serving(move |mut stream, _| {
            let _ = stream.write_all(greeting.as_bytes());
        })
    }

    /// As [`Peer::json`], over TLS with [`CERTIFICATE`].
    pub(super) fn tls_json(body: &str) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
        Self::tls(vec![certificate], PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(), body)
    }

    /// As [`Peer::json`], over TLS with these certificates, its own first.
    pub(super) fn tls(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>, body: &str) -> Self {
        let answer = http("200 OK", "", body).into_bytes();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        Self::serving(move |stream, requests| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            converse(&mut StreamOwned::new(connection, stream), &answer, requests);
        })
    }

    fn serving(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &seen);
            }
        });
        Self { address, requests }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// What was asked so far, head and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A URL at which nobody listens.
pub(super) fn nobody() -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{address}")
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

fn converse(stream: &mut (impl Read + Write), answer: &[u8], requests: &Mutex<Vec<String>>) {
    // A client that refuses the certificate or closes early is a part of these tests.
    let Some(request) = read_request(stream) else {
        return;
    };
    requests.lock().unwrap().push(request);
    let _ = stream.write_all(answer).and_then(|()| stream.flush());
}

fn read_request(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    request.extend(body);
    Some(String::from_utf8_lossy(&request).into_owned())
}

/// Self-signed and naming no host, as a gateway makes its own. Valid until 2126; its key is public here.
pub(super) const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBjzCCATWgAwIBAgIUIDqfiG/pZXypDsHjq7UwwzhOnKUwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRZ2F0ZXdheSBvZiBhIHRlc3QwIBcNMjYxMTIzMDQ1NDA1WhgP
MjEyNjEwMzAwNDU0MDVaMBwxGjAYBgNVBAMMEWdhdGV3YXkgb2YgYSB0ZXN0MFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU+eX/pUjFH3zilvnFQKqUsi9mw4o/3po
hT1hJQUziyIRRps3CcNGGHewze/7QGwCLsu0e3Ecf563xjC4cuRXqaNTMFEwHQYD
VR0OBBYEFCglLMxyQdcha6Br4yaIyhSjjHmHMB8GA1UdIwQYMBaAFCglLMxyQdch
a6Br4yaIyhSjjHmHMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg
Br6JccKfMWLCtgbJHqYrT2B4VBX7b6ErG33w4V2KQR8CIQChyPy7Frern4HqIowY
EbG6cnQPKXEQSFsgaIc9groGpQ==
-----END CERTIFICATE-----
";

const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS+lnpzf41g19XYje
5GHItCz1o843ohh539K0QhUPLyGhRANCAART55f+lSMUffOKW+cVAqpSyL2bDij/
emiFPWElBTOLIhFGmzcJw0YYd7DN7/tAbAIuy7R7cRx/nrfGMLhy5Fep
-----END PRIVATE KEY-----
";
