//! An IB Gateway of API version 200, the last that speaks text only.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// The account of the login.
pub(crate) const ACCOUNT: &str = "DU7654321";

/// Serves each connection on a thread of its own until the process ends.
pub(crate) struct TwsGateway {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Sent to each session when it opens.
    notices: Vec<(i32, String)>,
    client_ids: BTreeSet<String>,
    offers: Vec<String>,
    /// What was said after the greeting, by field.
    messages: Vec<Vec<String>>,
}

const VERSION: u32 = 200;

impl TwsGateway {
    pub(crate) fn start() -> Self {
        let state =
            State { notices: Vec::new(), client_ids: BTreeSet::new(), offers: Vec::new(), messages: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let address = listening(move |stream| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let mut session = Session { stream, version: VERSION, client_id: None, state: shared };
                // A client that goes away is the usual end.
                let _ = session.serve();
            });
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What each session is told from now on when it opens, in this order.
    pub(crate) fn set_notices(&self, notices: &[(i32, &str)]) {
        self.state().notices = notices.iter().map(|(code, text)| (*code, (*text).to_owned())).collect();
    }

    /// As a session does that is not over for the gateway.
    pub(crate) fn hold_client_id(&self, id: u32) {
        self.state().client_ids.insert(id.to_string());
    }

    pub(crate) fn release_client_id(&self, id: u32) {
        self.state().client_ids.remove(&id.to_string());
    }

    /// How many sessions are open.
    pub(crate) fn sessions(&self) -> usize {
        self.state().client_ids.len()
    }

    /// The versions that were offered so far.
    pub(crate) fn offers(&self) -> Vec<String> {
        self.state().offers.clone()
    }

    /// What clients have said so far after they were greeted.
    pub(crate) fn messages(&self) -> Vec<Vec<String>> {
        self.state().messages.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }
}

/// Calls `serve` for each connection until the process ends.
pub(crate) fn listening(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the kernel finds a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(serve));
    address
}

struct Session {
    stream: TcpStream,
    version: u32,
    client_id: Option<String>,
    state: Arc<Mutex<State>>,
}

impl Session {
    fn serve(&mut self) -> io::Result<()> {
        self.greet()?;
        loop {
            let message: Vec<String> = self.read()?.split_terminator('\0').map(str::to_owned).collect();
            self.state().messages.push(message.clone());
            match message[0].as_str() {
                "71" => self.start(&message[2])?,
                "49" => self.say(&["49", "1", "1795430400"])?,
                _ => {}
            }
        }
    }

    fn greet(&mut self) -> io::Result<()> {
        let mut hello = [0; 4];
        self.stream.read_exact(&mut hello)?;
        assert_eq!(&hello, b"API\0");
        let offer = self.read()?;
        self.state().offers.push(offer.clone());
        // "v100..200", and after a space what no gateway heeds any more.
        let newest = offer.split(' ').next().and_then(|range| range.rsplit_once("..")).expect("a range of versions").1;
        self.version = newest.parse::<u32>().expect("a version").min(VERSION);
        self.say(&[&self.version.to_string(), "20261123 10:00:00 China Standard Time"])
    }

    fn start(&mut self, client_id: &str) -> io::Result<()> {
        if !self.state().client_ids.insert(client_id.to_owned()) {
            self.notice(326, "Unable to connect as the client id is already in use. Retry with a unique client id.")?;
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.client_id = Some(client_id.to_owned());
        self.say(&["15", "1", ACCOUNT])?;
        self.say(&["9", "1", "42"])?;
        let notices = self.state().notices.clone();
        for (code, text) in notices {
            self.notice(code, &text)?;
        }
        Ok(())
    }

    fn notice(&mut self, code: i32, text: &str) -> io::Result<()> {
        let code = code.to_string();
        if self.version < 194 {
            self.say(&["4", "2", "-1", &code, text, ""])
        } else {
            self.say(&["4", "-1", &code, text, "", "1795430400000"])
        }
    }

    fn say(&mut self, fields: &[&str]) -> io::Result<()> {
        let text: String = fields.iter().flat_map(|field| [*field, "\0"]).collect();
        self.stream.write_all(&frame(text.as_bytes()))
    }

    fn read(&mut self) -> io::Result<String> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut text = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut text)?;
        Ok(String::from_utf8(text).expect("clients speak ASCII"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while locked")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(id) = self.client_id.take() {
            self.state().client_ids.remove(&id);
        }
    }
}

/// Bytes as they are sent: behind their length.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short message");
    [&length.to_be_bytes(), bytes].concat()
}
